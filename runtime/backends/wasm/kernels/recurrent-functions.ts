/** @file The functions of recurrent cells, one number at a time: for the cells that have no vector loop. */
import { floatAttr, listAttr, refusal } from "../../../step/step.ts";
import type { StepShapes } from "../kernel.ts";

export type CellFunction = (x: number) => number;

const { max, min, tanh, exp, expm1, abs, log1p } = Math;

const functions: Readonly<Record<string, (x: number, alpha: number, beta: number) => number>> = {
  sigmoid: (x) => 1 / (1 + exp(-x)),
  tanh,
  relu: (x) => max(x, 0),
  affine: (x, a, b) => a * x + b,
  leaky_relu: (x, a) => (x < 0 ? a * x : x),
  thresholded_relu: (x, a) => (x <= a ? 0 : x),
  scaled_tanh: (x, a, b) => a * tanh(b * x),
  hard_sigmoid: (x, a, b) => min(max(a * x + b, 0), 1),
  elu: (x, a) => (x < 0 ? a * expm1(x) : x),
  softsign: (x) => x / (1 + abs(x)),
  softplus: (x) => max(x, 0) + log1p(exp(-abs(x))),
};

/** Function number `index` of the cell, that the attribute names. */
export function cellFunction(step: StepShapes, attr: string, index: number): CellFunction {
  const name = String(step.attrs[attr]);
  const f = Object.hasOwn(functions, name) ? functions[name] : undefined;
  if (!f) throw refusal(step, `unknown function ${name}`);
  const [alpha = 0, beta = 0] = ["alpha", "beta"].map((list) => listAttr(step, list)[index]);
  return (x) => f(x, alpha, beta);
}

/** Bounds what a function is applied to. */
export function clipping(step: StepShapes): CellFunction {
  const clip = floatAttr(step, "clip", 0);
  return clip > 0 ? (x) => min(max(x, -clip), clip) : (x) => x;
}
