/** @file Geometry of sliding windows over planes: one spatial axis is an image of height 1. */
import type { StepShapes } from "./step.ts";
import { demand, intsAttr } from "./step.ts";

export interface Pair {
  readonly y: number;
  readonly x: number;
}

/** Height and width of the trailing axes of [batch, channels, ...spatial]. */
export function plane(step: StepShapes, shape: readonly number[]): Pair {
  demand(step, shape.length === 3 || shape.length === 4, `rank ${shape.length}, expected [batch, channels, 1 or 2 spatial axes]`);
  return shape.length === 4 ? { y: shape[2] as number, x: shape[3] as number } : { y: 1, x: shape[2] as number };
}

function pair(values: readonly number[], first: number): Pair {
  return values.length === 2 ? { y: values[0] as number, x: values[1] as number } : { y: first, x: values[0] as number };
}

export interface WindowSteps {
  readonly stride: Pair;
  readonly dilation: Pair;
  /** Padding above and to the left. */
  readonly begin: Pair;
  /** Padding below and to the right. */
  readonly end: Pair;
}

/** Exports compute positions in 32 bits: an output's position times a stride, plus a window's reach, stays within them. */
const widest = 2 ** 24;

export function windowSteps(step: StepShapes, spatial: number): WindowSteps {
  const pad = intsAttr(step, "pad", 2 * spatial, 0);
  const stride = intsAttr(step, "stride", spatial, 1);
  const dilation = intsAttr(step, "dilation", spatial, 1);
  demand(
    step,
    [...stride, ...dilation].every((n) => Number.isInteger(n) && n >= 1),
    "stride and dilation must be at least 1",
  );
  demand(
    step,
    [...pad, ...stride, ...dilation].every((n) => Number.isInteger(n) && n >= 0 && n < widest),
    `padding, stride and dilation must be below ${widest}`,
  );
  return { stride: pair(stride, 1), dilation: pair(dilation, 1), begin: pair(pad.slice(0, spatial), 0), end: pair(pad.slice(spatial), 0) };
}

/** The attribute `kernel` of a pool. */
export function kernelSize(step: StepShapes, spatial: number): Pair {
  const kernel = intsAttr(step, "kernel", spatial, 1);
  demand(
    step,
    kernel.every((n) => Number.isInteger(n) && n >= 1 && n < widest),
    `kernel must be at least 1 and below ${widest}`,
  );
  return pair(kernel, 1);
}
