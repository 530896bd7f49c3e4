/**
 * @file GPTQ: columns are rounded one after the other, and what each rounding errs is taken up by the columns still to come, in the way that changes the output least. From: Frantar, Ashkboos,
 * Hoefler, Alistarh, "GPTQ: Accurate Post-Training Quantization for Generative Pre-trained Transformers", 2022. Steps are fixed before (its "static groups"), so that any order of columns
 * goes with any grouping. A greedy method: a row for which plain rounding is better keeps that.
 */

import { decodeAt, encodeAt, type Moments, type CodedRow as Row, roundRow, rowError } from "../../compiler/index.ts";
import { inverseFactor } from "./cholesky.ts";

export interface GptqOptions {
  /** Part of the mean diagonal that is added to the diagonal. */
  readonly damping: number;
  /** `natural`, or the columns of largest second moment first. */
  readonly order: "natural" | "activations";
}

/** Codes of each row; null where the damped matrix has no Cholesky factor. */
export function gptq(moments: Moments, { damping, order }: GptqOptions): ((row: Row) => Int8Array) | null {
  const { size, matrix } = moments;
  const columns = ordered(moments, order);
  const mean = columns.reduce((sum, c) => sum + (matrix[c * size + c] as number), 0) / Math.max(1, size);
  const damped = new Float64Array(size * size);
  columns.forEach((from, i) => {
    for (const [j, to] of columns.entries()) damped[i * size + j] = matrix[from * size + to] as number;
    // An input that is always 0 is rounded by itself.
    damped[i * size + i] = (damped[i * size + i] as number) + (mean > 0 ? damping * mean : 1);
  });
  const factor = inverseFactor(damped, size);
  if (!factor) return null;
  return (row) => {
    const [plain, fed] = [roundRow(row), feedback(row, columns, factor)];
    return rowError(row, fed, moments) <= rowError(row, plain, moments) ? fed : plain;
  };
}

function ordered({ size, matrix }: Moments, order: GptqOptions["order"]): readonly number[] {
  const columns = Array.from({ length: size }, (_, i) => i);
  if (order === "natural") return columns;
  return columns.sort((a, b) => (matrix[b * size + b] as number) - (matrix[a * size + a] as number) || a - b);
}

function feedback(row: Row, columns: readonly number[], factor: Float64Array): Int8Array {
  const size = columns.length;
  const left = Float64Array.from(columns, (column) => row.weights[column] as number);
  const codes = new Int8Array(size);
  columns.forEach((column, i) => {
    const code = encodeAt(row, column, left[i] as number);
    codes[column] = code;
    const error = ((left[i] as number) - decodeAt(row, column, code)) / (factor[i * size + i] as number);
    if (error === 0) return;
    const from = i * size;
    for (let j = i + 1; j < size; j++) left[j] = (left[j] as number) - error * (factor[from + j] as number);
  });
  return codes;
}
