/** @file The dialect `dynamic`: ops whose results have sizes that follow from elements. */
import type { OpDef } from "../define.ts";
import { nonMaxSuppression } from "./nms.ts";
import { nonzero } from "./nonzero.ts";
import { range } from "./range.ts";
import { broadcast, reshape } from "./reshape.ts";
import { slice } from "./slice.ts";
import { unique } from "./unique.ts";

export const dynamicOps: readonly OpDef[] = [nonzero, unique, range, nonMaxSuppression, reshape, broadcast, slice];
