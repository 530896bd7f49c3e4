/** @file The dialect `sparse`: structural zeros. */
import type { OpDef } from "../define.ts";
import { compress, expand } from "./expand.ts";

export const sparseOps: readonly OpDef[] = [expand, compress];
