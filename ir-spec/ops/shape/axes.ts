/** @file Axis attributes: negative ones count from the last axis. */
import type { InferContext } from "../define.ts";

/** The axis as a number from 0, for one that `demandAxis` accepted. */
export function axisFrom(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** The axis from 0; fails with the rank when the operand has no such axis. */
export function demandAxis<A>(ctx: InferContext<A>, axis: number, rank: number, name = "axis", operand = 0): number {
  const from = axisFrom(axis, rank);
  if (from < 0 || from >= rank) ctx.fail(`${name} is ${axis}, the operand has rank ${rank}`, operand);
  return from;
}

/** Axes from 0, in the order given; fails on one that is not there or twice there. */
export function demandAxes<A>(ctx: InferContext<A>, axes: readonly number[], rank: number, name = "axes"): readonly number[] {
  const from = axes.map((axis) => demandAxis(ctx, axis, rank, name));
  if (new Set(from).size !== from.length) ctx.fail(`${name} [${axes.join(", ")}] names an axis twice`, 0);
  return from;
}
