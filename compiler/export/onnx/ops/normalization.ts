/** @file Normalization at inference. */
import { attribute } from "../builder.ts";
import type { ExportTable } from "../call.ts";

export const normalizationRows: ExportTable = {
  "nn.batch_norm": (op) => op.result("BatchNormalization", op.inputs(), { epsilon: attribute.float(op.float("epsilon")) }),
};
