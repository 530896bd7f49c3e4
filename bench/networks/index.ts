/**
 * @file The networks that cost prediction is judged on: 26 of nine families, seeded weights, batch norm folded, batch 1. Chosen and named before anything was fitted, and none of them, nor a part of one, is among
 * the calibration's cases (`compiler/cost/calibration/cases.ts`). Sizes follow the papers, at the resolutions that run in milliseconds on one core.
 */
import type { Module, OpRegistry } from "../../ir-spec/index.ts";
import { audio } from "./audio.ts";
import { branching } from "./branching.ts";
import { dense } from "./dense.ts";
import { mobile } from "./mobile.ts";
import { multilayer } from "./multilayer.ts";
import { plain } from "./plain.ts";
import { residual } from "./residual.ts";
import { dilated } from "./segmentation.ts";
import { transformer } from "./transformer.ts";

export interface NetworkDef {
  readonly name: string;
  build(registry: OpRegistry): Module;
}

export type Family = Readonly<Record<string, (registry: OpRegistry) => Module>>;

export const families: Readonly<Record<string, Family>> = {
  multilayer,
  plain,
  residual,
  mobile,
  branching,
  dense,
  segmentation: dilated,
  transformer,
  audio,
};
