/** @file The dialect `reduce`. */
import type { OpDef } from "../define.ts";
import { argmax } from "./argmax.ts";
import { max } from "./max.ts";
import { mean } from "./mean.ts";
import { sum } from "./sum.ts";

export const reduceOps: readonly OpDef[] = [sum, mean, max, argmax];
