/** @file How integer kernels read bytes and make results: zero points, clamps, multipliers and shifts, checked, as the exports take them. */

import { demand, intAttr, operand, result } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { StepShapes, TensorAt, TensorShape } from "../kernel.ts";

/** Bytes as the exports read them: signed, after `flip` has turned the sign bit of u8. */
export interface ByteInput {
  readonly flip: number;
  /** The zero point of the signed values. */
  readonly zero: number;
}

export function byteInput(step: StepShapes, { dtype }: TensorShape, zeroAttr: string): ByteInput {
  const [flip, least] = dtype === "u8" ? [128, 0] : [0, -128];
  const zero = intAttr(step, zeroAttr, 0);
  demand(step, Number.isInteger(zero) && zero >= least && zero <= least + 255, `attribute ${zeroAttr} is ${zero}, outside ${dtype}`);
  return { flip, zero: zero - flip };
}

/** Zero point, least and largest value of the result: the last parameters of the exports. */
export function byteOutput(step: StepShapes): readonly [zero: number, lo: number, hi: number] {
  const [least, most] = result(step, "i8", "u8").dtype === "u8" ? [0, 255] : [-128, 127];
  const zero = intAttr(step, "y_zero", 0);
  const [lo, hi] = [Math.max(least, intAttr(step, "min", least)), Math.min(most, intAttr(step, "max", most))];
  demand(step, Number.isInteger(zero) && zero >= least && zero <= most && lo <= hi, "y_zero, min and max must be integers of the result");
  return [zero, lo, hi];
}

/** An integer attribute within bounds. */
export function boundedAttr(step: StepShapes, name: string, least: number, most: number): number {
  const value = intAttr(step, name, Number.NaN);
  demand(step, Number.isInteger(value) && value >= least && value <= most, `attribute ${name} is ${value}, must be ${least} to ${most}`);
  return value;
}

/** Multiplier and shift of a whole tensor's sums. */
export function productScale(step: StepShapes): readonly [multiplier: number, shift: number] {
  return [boundedAttr(step, "multiplier", 0, 2 ** 31 - 1), boundedAttr(step, "shift", 0, 62)];
}

/** Addresses of multiplier and shift, and the bytes from one output channel to the next: 0 when there is one for all. */
export function channelScales(step: StepShapes<TensorAt>, outs: number): readonly [multiplier: number, shift: number, step: number] {
  const [multiplier, shift] = [operand(step, 3, "i32"), operand(step, 4, "i32")];
  const count = elementCount(multiplier.shape);
  demand(
    step,
    (count === 1 || count === outs) && elementCount(shift.shape) === count,
    `multiplier and shift have ${count} and ${elementCount(shift.shape)} elements, expected 1 or ${outs}`,
  );
  return [multiplier.ptr, shift.ptr, count === 1 ? 0 : 4];
}
