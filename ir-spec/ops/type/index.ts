/** @file The dialects `type` and `tensor`: conversions and tensors made from others. */
import type { OpDef } from "../define.ts";
import { bitcast } from "./bitcast.ts";
import { cast } from "./cast.ts";
import { oneHot } from "./one-hot.ts";
import { unpack } from "./unpack.ts";

export const typeOps: readonly OpDef[] = [cast, bitcast, unpack, oneHot];
