/** @file Unfoldings of a weight `[a, b, taps]`, kept as matrices. */
import { type Matrix, matrix } from "../linear-algebra/matrix.ts";

/** `[a, b * taps]` as `[b, a * taps]`: the first two axes swapped, the taps left together. */
export function swapped(w: Matrix, b: number): Matrix {
  const taps = w.columns / b;
  const result = matrix(b, w.rows * taps);
  for (let i = 0; i < w.rows; i++)
    for (let j = 0; j < b; j++)
      for (let t = 0; t < taps; t++) result.data[j * result.columns + i * taps + t] = w.data[i * w.columns + j * taps + t] as number;
  return result;
}
