/** @file Dialect `control`: what runs depends on values. Functions of the module are named by attributes. */
import type { OpDef } from "../define.ts";
import { controlIf } from "./if.ts";
import { controlLoop } from "./loop.ts";
import { controlScan } from "./scan.ts";

export const controlOps: readonly OpDef[] = [controlIf, controlLoop, controlScan];
