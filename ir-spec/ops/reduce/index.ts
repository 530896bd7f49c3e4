/** @file The dialect `reduce`. */
import type { OpDef } from "../define.ts";
import { argmax } from "./argmax.ts";
import { cumprod, cumsum } from "./cumulative.ts";
import { max, min } from "./extremes.ts";
import { mean } from "./mean.ts";
import { prod } from "./prod.ts";
import { sum } from "./sum.ts";
import { topK } from "./top-k.ts";

export const reduceOps: readonly OpDef[] = [sum, mean, max, min, prod, argmax, cumsum, cumprod, topK];
