/** @file Symmetric integer quantization of a tensor's values in one step: q = round(x / s), s per tensor, per channel or per group. */
import { type Blocks, type Grid, gridError, gridFor, type RangeRule, roundToGrid } from "./grid.ts";

export interface Quantized {
  readonly codes: Int8Array;
  /** One per block, already rounded to f32. */
  readonly scales: Float32Array;
  readonly error: number;
}

/** @param bits 2..8; codes lie in -(2^(bits-1) - 1) .. 2^(bits-1) - 1. */
export function quantizeSymmetric(values: ArrayLike<number>, blocks: Blocks, bits: number, rule: RangeRule): Quantized {
  const grid = gridFor(values, blocks, { bits, rule });
  return { scales: grid.scales, ...quantizeWithGrid(values, grid) };
}

/** Nearest codes, and the mean squared error. */
export function quantizeWithGrid(values: ArrayLike<number>, grid: Grid): Pick<Quantized, "codes" | "error"> {
  const codes = roundToGrid(values, grid);
  return { codes, error: gridError(values, grid, codes) };
}
