/** @file Test cases by op. An op of the manifest without an entry fails wasm-manifest.test.ts. */
import { type DType, isFloat } from "../../../ir-spec/index.ts";
import type { KernelRow } from "../../../runtime/manifest.ts";
import { elementwiseCases } from "./elementwise.ts";
import { indexingCases } from "./indexing.ts";
import { intCases } from "./int.ts";
import { intSumsCases } from "./int-sums.ts";
import { movementCases } from "./movement.ts";
import { networkCases } from "./network.ts";
import type { CasesOf } from "./row-case.ts";
import { sequenceCases } from "./sequence.ts";
import { visionCases } from "./vision.ts";
import { volumeCases } from "./volume.ts";
import { weightCases } from "./weights.ts";

export type { RowCase } from "./row-case.ts";

export const casesOf: { readonly [op: string]: CasesOf | undefined } = {
  ...elementwiseCases,
  ...networkCases,
  ...volumeCases,
  ...visionCases,
  ...movementCases,
  ...weightCases,
  ...intCases,
  ...intSumsCases,
  ...indexingCases,
  ...sequenceCases,
};

/** Results that are compared bit for bit: what is moved, compared or rounded to integers. */
export function isExact(row: KernelRow, result: DType): boolean {
  return (
    !isFloat(result) ||
    row.op.startsWith("shape.") ||
    row.op.startsWith("type.") ||
    row.op === "codebook.lookup" ||
    row.op === "sparse.expand"
  );
}
