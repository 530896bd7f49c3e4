/** @file The dialect `math`: element-wise functions and softmax. */
import type { OpDef } from "../define.ts";
import { add, div, max, min, mul, pow, sub } from "./arithmetic.ts";
import { equal, greater, less, where } from "./compare.ts";
import * as functions from "./functions.ts";
import { logSoftmax, softmax } from "./softmax.ts";

const { neg, abs, sign, exp, log, sqrt, reciprocal, sigmoid, tanh, erf, floor, ceil, round, relu, step, clip, leakyRelu } = functions;

export const mathOps: readonly OpDef[] = [
  add,
  sub,
  mul,
  div,
  min,
  max,
  pow,
  neg,
  abs,
  sign,
  exp,
  log,
  sqrt,
  reciprocal,
  sigmoid,
  tanh,
  erf,
  floor,
  ceil,
  round,
  relu,
  step,
  clip,
  leakyRelu,
  equal,
  less,
  greater,
  where,
  softmax,
  logSoftmax,
];
