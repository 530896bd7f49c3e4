/** @file Which ONNX operators are translated, and by what. */
import type { OpTable, Translate } from "./node.ts";
import { activationOps } from "./ops/activation.ts";
import { castOps } from "./ops/cast.ts";
import { constantOps } from "./ops/constant.ts";
import { convOps } from "./ops/conv.ts";
import { elementwiseOps } from "./ops/elementwise.ts";
import { gemmOps } from "./ops/gemm.ts";
import { normalizationOps } from "./ops/normalization.ts";
import { poolOps } from "./ops/pool.ts";
import { quantOps } from "./ops/quant.ts";
import { reduceOps } from "./ops/reduce.ts";
import { shapeOps } from "./ops/shape.ts";
import { sliceOps } from "./ops/slice.ts";
import { softmaxOps } from "./ops/softmax.ts";

const families: readonly OpTable[] = [
  activationOps,
  castOps,
  constantOps,
  convOps,
  elementwiseOps,
  gemmOps,
  normalizationOps,
  poolOps,
  quantOps,
  reduceOps,
  shapeOps,
  sliceOps,
  softmaxOps,
];

/** Operators of the standard domain. */
const table: ReadonlyMap<string, Translate> = new Map(families.flatMap((family) => Object.entries(family)));

/** Newest version of the standard operator set whose changes are known here. */
export const newestOpset = 28;

export function translationOf(domain: string, opType: string): Translate | null {
  return isStandard(domain) ? (table.get(opType) ?? null) : null;
}

export function isStandard(domain: string): boolean {
  return domain === "" || domain === "ai.onnx";
}

/** Names of all operators that are translated, sorted. */
export function supportedOperators(): readonly string[] {
  return [...table.keys()].sort();
}
