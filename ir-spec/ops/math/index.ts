/** @file The dialect `math`: element-wise functions and softmax. */
import type { OpDef } from "../define.ts";
import { add, div, fmod, max, min, mod, mul, pow, sub } from "./arithmetic.ts";
import { equal, greater, less, where } from "./compare.ts";
import { det } from "./det.ts";
import { functions } from "./functions.ts";
import { logic } from "./logic.ts";
import { logSoftmax, softmax } from "./softmax.ts";
import { trigonometry } from "./trigonometry.ts";

export const mathOps: readonly OpDef[] = [
  add,
  sub,
  mul,
  div,
  min,
  max,
  pow,
  mod,
  fmod,
  ...functions,
  ...trigonometry,
  equal,
  less,
  greater,
  where,
  ...logic,
  softmax,
  logSoftmax,
  det,
];
