/** @file The dialect `int`: arithmetic on 8-bit integers with integer rescaling, bit for bit the same everywhere. */
import type { OpDef } from "../define.ts";
import { intAdd } from "./add.ts";
import { intAvgPool } from "./avg-pool.ts";
import { intConv } from "./conv.ts";
import { intLinear } from "./linear.ts";
import { intLookup } from "./lookup.ts";
import { intMean } from "./mean.ts";
import { intRequantize } from "./requantize.ts";
import { intConvSums, intMatmul } from "./sums.ts";

export const intOps: readonly OpDef[] = [intConv, intLinear, intAdd, intRequantize, intAvgPool, intMean, intLookup, intMatmul, intConvSums];
