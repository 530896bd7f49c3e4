/** @file The functions that recurrent cells apply, after ONNX's list for RNN, GRU and LSTM; alpha and beta are numbers of the cell, one of each for every function of it. */
import { a } from "../attr-spec.ts";

export const recurrentActivations = [
  "sigmoid",
  "tanh",
  "relu",
  "affine",
  "leaky_relu",
  "thresholded_relu",
  "scaled_tanh",
  "hard_sigmoid",
  "elu",
  "softsign",
  "softplus",
] as const;

export type RecurrentActivation = (typeof recurrentActivations)[number];

type Scaled = (x: number, alpha: number, beta: number) => number;

/** In f64. */
const functions: Readonly<Record<RecurrentActivation, Scaled>> = {
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: (x) => Math.tanh(x),
  relu: (x) => Math.max(x, 0),
  affine: (x, alpha, beta) => alpha * x + beta,
  leaky_relu: (x, alpha) => (x < 0 ? alpha * x : x),
  thresholded_relu: (x, alpha) => (x <= alpha ? 0 : x),
  scaled_tanh: (x, alpha, beta) => alpha * Math.tanh(beta * x),
  hard_sigmoid: (x, alpha, beta) => Math.min(Math.max(alpha * x + beta, 0), 1),
  elu: (x, alpha) => (x < 0 ? alpha * Math.expm1(x) : x),
  softsign: (x) => x / (1 + Math.abs(x)),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
};

export const recurrentActivation = (doc: string, fallback: RecurrentActivation) => a.enum(recurrentActivations, doc, fallback);

interface Constants {
  readonly alpha: readonly number[];
  readonly beta: readonly number[];
}

/** Function `index` of a cell, with its constants. */
export function bindActivation(name: RecurrentActivation, index: number, { alpha, beta }: Constants): (x: number) => number {
  const [f, first, second] = [functions[name], alpha[index] ?? 0, beta[index] ?? 0];
  return (x) => f(x, first, second);
}
