/** @file Cholesky factor of a symmetric positive definite matrix, and solving with it: whitening, and least squares by normal equations. */
import { addScaled, dot, type Matrix, matrix, rowOf, transposed } from "./matrix.ts";

/** Lower triangular L with `L Lᵀ = g`; null where g is not positive definite. */
export function cholesky(g: Matrix): Matrix | null {
  const n = g.rows;
  const l = matrix(n, n);
  for (let i = 0; i < n; i++) {
    const row = rowOf(l, i);
    for (let j = 0; j <= i; j++) {
      const rest = (g.data[i * n + j] as number) - dot(row.subarray(0, j), rowOf(l, j).subarray(0, j));
      if (j < i) row[j] = rest / (l.data[j * n + j] as number);
      else if (rest > 0) row[j] = Math.sqrt(rest);
      else return null;
    }
  }
  return l;
}

/** X with `X L = B`, row by row: `B L⁻¹`. */
export function solveRight(b: Matrix, l: Matrix): Matrix {
  const x = matrix(b.rows, b.columns, b.data.slice());
  for (let r = 0; r < x.rows; r++) {
    const row = rowOf(x, r);
    for (let j = l.rows - 1; j >= 0; j--) {
      const value = (row[j] as number) / (l.data[j * l.rows + j] as number);
      row[j] = value;
      addScaled(row.subarray(0, j), rowOf(l, j), -value);
    }
  }
  return x;
}

/** X with `X g = B` for the g of this factor: `B (L Lᵀ)⁻¹`. */
export function solveNormal(b: Matrix, l: Matrix): Matrix {
  return solveRight(solveTransposedRight(b, l), l);
}

/** X with `X Lᵀ = B`. */
function solveTransposedRight(b: Matrix, l: Matrix): Matrix {
  const x = matrix(b.rows, b.columns, b.data.slice());
  const columns = transposed(l);
  for (let r = 0; r < x.rows; r++) {
    const row = rowOf(x, r);
    for (let j = 0; j < l.rows; j++) {
      const value = (row[j] as number) / (l.data[j * l.rows + j] as number);
      row[j] = value;
      addScaled(row.subarray(j + 1), rowOf(columns, j).subarray(j + 1), -value);
    }
  }
  return x;
}

/** `g + share * mean(diagonal) * I`: what makes an estimate from few samples, or of inputs that are always 0, positive definite. */
export function damped(g: Matrix, share: number): Matrix {
  const n = g.rows;
  let trace = 0;
  for (let i = 0; i < n; i++) trace += g.data[i * n + i] as number;
  const data = g.data.slice();
  for (let i = 0; i < n; i++) data[i * n + i] = (data[i * n + i] as number) + (share * trace) / Math.max(1, n);
  return matrix(n, n, data);
}
