/** @file The dialect `shape`: ops that move elements and compute nothing (but for what the scatters combine). */
import type { OpDef } from "../define.ts";
import { broadcast } from "./broadcast.ts";
import { concat } from "./concat.ts";
import { gather } from "./gather.ts";
import { gatherElements } from "./gather-elements.ts";
import { gatherNd } from "./gather-nd.ts";
import { pad } from "./pad.ts";
import { reshape } from "./reshape.ts";
import { scatterAdd } from "./scatter-add.ts";
import { scatterElements } from "./scatter-elements.ts";
import { scatterNd } from "./scatter-nd.ts";
import { slice } from "./slice.ts";
import { transpose } from "./transpose.ts";

export const shapeOps: readonly OpDef[] = [
  reshape,
  transpose,
  broadcast,
  concat,
  slice,
  pad,
  gather,
  scatterAdd,
  gatherElements,
  scatterElements,
  gatherNd,
  scatterNd,
];
