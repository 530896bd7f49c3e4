/**
 * @file Pruning with update: columns are looked at one after the other; a weight that goes hands its part of the output on to the columns behind it, by the inverse of the moments. From: Frantar and Alistarh,
 * "SparseGPT: Massive Language Models Can Be Accurately Pruned in One-Shot", 2023; the order fixed once for all rows is what tells it from Optimal Brain Surgeon (Hassibi and Stork, 1992), whose update it is.
 */

import { maskOf, type Pattern } from "./pattern.ts";
import { inverse, upper } from "./symmetric.ts";

/** Columns whose mask is chosen together, with what the blocks before have changed. */
const blockColumns = 128;

export interface Pruned {
  /** `[rows, columns]` with zeros where the mask has them. */
  readonly weights: Float64Array;
  readonly mask: Uint8Array;
}

/**
 * @param weights `[rows, columns]`, left as they are
 * @param moments damped `E[x xᵀ]`, `[columns, columns]`
 */
export function sparseGpt(
  weights: Float64Array,
  rows: number,
  columns: number,
  moments: Float64Array,
  pattern: Pattern,
  sparsity: number,
): Pruned {
  const factor = upper(inverse(moments, columns), columns);
  const left = Float64Array.from(weights);
  const mask = new Uint8Array(weights.length).fill(1);
  const step = stepOf(pattern, columns);
  for (let first = 0; first < columns; first += step) {
    const width = Math.min(step, columns - first);
    chooseBlock({ left, mask, factor, rows, columns, first, width }, pattern, sparsity);
    for (let row = 0; row < rows; row++)
      removeInRow(left.subarray(row * columns, (row + 1) * columns), mask, row * columns, factor, first, width);
  }
  return { weights: left, mask };
}

/** Whole groups of a pattern. */
function stepOf(pattern: Pattern, columns: number): number {
  const unit = pattern.kind === "n:m" ? pattern.of : pattern.kind === "block" ? pattern.columns : 1;
  return pattern.kind === "n:m" ? unit : Math.min(columns, Math.ceil(blockColumns / unit) * unit);
}

interface Block {
  readonly left: Float64Array;
  readonly mask: Uint8Array;
  readonly factor: Float64Array;
  readonly rows: number;
  readonly columns: number;
  readonly first: number;
  readonly width: number;
}

/** Scores are what the output loses at best: w^2 over the diagonal of the inverse of the columns from here on. */
function chooseBlock({ left, mask, factor, rows, columns, first, width }: Block, pattern: Pattern, sparsity: number): void {
  const scores = new Float64Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      const at = first + i;
      scores[row * width + i] = ((left[row * columns + at] as number) / (factor[at * columns + at] as number)) ** 2;
    }
  }
  const chosen = pattern.kind === "single" ? overRows(scores, sparsity) : maskOf(scores, rows, width, pattern, sparsity);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) mask[row * columns + first + i] = chosen[row * width + i] as number;
  }
}

/** Rows share what goes: one long row. */
const overRows = (scores: Float64Array, sparsity: number): Uint8Array => maskOf(scores, 1, scores.length, { kind: "single" }, sparsity);

function removeInRow(row: Float64Array, mask: Uint8Array, from: number, factor: Float64Array, first: number, width: number): void {
  const columns = row.length;
  for (let at = first; at < first + width; at++) {
    if (mask[from + at] === 1) continue;
    const error = (row[at] as number) / (factor[at * columns + at] as number);
    row[at] = 0;
    for (let j = at + 1; j < columns; j++) row[j] = (row[j] as number) - error * (factor[at * columns + j] as number);
  }
}
