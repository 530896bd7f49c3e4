/** @file Axis maps that many ops share. */
import type { Dim } from "../../core/dim.ts";
import type { AxisMap } from "../define.ts";

export function oneToOne(operand: number, operandAxis: number, resultAxis: number, result = 0): AxisMap {
  return { operand, operandAxes: [operandAxis], result, resultAxes: [resultAxis] };
}

/** Every axis to itself. */
export function sameAxes(operand: number, rank: number): readonly AxisMap[] {
  return Array.from({ length: rank }, (_, axis) => oneToOne(operand, axis, axis));
}

/** Axes of an operand that broadcasts to `target`; those that repeat have no map. */
export function broadcastAxes(operand: number, shape: readonly Dim[], target: readonly Dim[]): readonly AxisMap[] {
  const lead = target.length - shape.length;
  return shape.flatMap((dim, axis) => (dim === 1 && target[axis + lead] !== 1 ? [] : [oneToOne(operand, axis, axis + lead)]));
}
