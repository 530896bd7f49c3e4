/** @file The dialect `math`: element-wise functions and softmax. */
import type { OpDef } from "../define.ts";
import { add, div, max, min, mul, pow, sub } from "./arithmetic.ts";
import { equal, greater, less, where } from "./compare.ts";
import { functions } from "./functions.ts";
import { logSoftmax, softmax } from "./softmax.ts";

export const mathOps: readonly OpDef[] = [
  add,
  sub,
  mul,
  div,
  min,
  max,
  pow,
  ...functions,
  equal,
  less,
  greater,
  where,
  softmax,
  logSoftmax,
];
