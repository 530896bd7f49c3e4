/** @file All exported ops: one table per family, joined. */
import type { ExportRow, ExportTable } from "./call.ts";
import { castRows } from "./ops/cast.ts";
import { controlRows } from "./ops/control.ts";
import { convRows } from "./ops/conv.ts";
import { elementwiseRows } from "./ops/elementwise.ts";
import { fixedPointRows } from "./ops/fixed-point.ts";
import { gatherRows } from "./ops/gather.ts";
import { gradientRows } from "./ops/gradient.ts";
import { indexingRows } from "./ops/indexing.ts";
import { integerRows } from "./ops/integer.ts";
import { linearRows } from "./ops/linear.ts";
import { normalizationRows } from "./ops/normalization.ts";
import { poolRows } from "./ops/pool.ts";
import { quantRows } from "./ops/quant.ts";
import { recurrentRows } from "./ops/recurrent.ts";
import { reduceRows } from "./ops/reduce.ts";
import { shapeRows } from "./ops/shape.ts";
import { sparseRows } from "./ops/sparse.ts";
import { visionRows } from "./ops/vision.ts";

const families: readonly ExportTable[] = [
  castRows,
  controlRows,
  convRows,
  elementwiseRows,
  fixedPointRows,
  gatherRows,
  gradientRows,
  indexingRows,
  integerRows,
  linearRows,
  normalizationRows,
  poolRows,
  quantRows,
  recurrentRows,
  reduceRows,
  shapeRows,
  sparseRows,
  visionRows,
];

export const coreRows: ReadonlyMap<string, ExportRow> = new Map(families.flatMap((family) => Object.entries(family)));

/** Ops that ONNX has only since an operator set beyond the default one. */
export const newOps: Readonly<Record<string, number>> = { "type.bitcast": 26, "reduce.cumprod": 26 };

/** Ops that have 4-bit operands or results in ONNX too, or carry them over before they use them. */
export const takesFourBits: ReadonlySet<string> = new Set([
  "type.cast",
  "type.bitcast",
  "type.unpack",
  "quant.quantize",
  "quant.dequantize",
  "quant.fake",
  "codebook.lookup",
  "shape.reshape",
  "shape.transpose",
  "sparse.expand",
  "sparse.compress",
]);

/** Names of all ops that are exported as they are, sorted. */
export function exportedOps(): readonly string[] {
  return [...coreRows.keys()].sort();
}
