/** @file The dialect `codebook`: shared values. */
import type { OpDef } from "../define.ts";
import { lookup } from "./lookup.ts";

export const codebookOps: readonly OpDef[] = [lookup];
