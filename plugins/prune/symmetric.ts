/** @file Symmetric positive definite systems of closed-form pruning: moments, damping, Cholesky, inverse. Row-major `[n, n]` in f64. */
import type { Gram } from "../../compiler/index.ts";

/** `E[xxᵀ] - E[x]E[x]ᵀ` of a layer with one group. */
export function covariance({ size, matrix, mean }: Gram): Float64Array {
  const result = Float64Array.from(matrix.subarray(0, size * size));
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) result[i * size + j] = (result[i * size + j] as number) - (mean[i] as number) * (mean[j] as number);
  return result;
}

/** With `share` of the mean diagonal added to the diagonal: columns that are always zero, or equal, have a solution too. */
export function damped(matrix: Float64Array, size: number, share = 1e-3): Float64Array {
  const result = Float64Array.from(matrix);
  let trace = 0;
  for (let i = 0; i < size; i++) trace += matrix[i * size + i] as number;
  const added = share * (trace / Math.max(1, size)) || Number.MIN_VALUE ** 0.25;
  for (let i = 0; i < size; i++) result[i * size + i] = (result[i * size + i] as number) + added;
  return result;
}

/** Lower L with `L Lᵀ = matrix`. @throws RangeError when the matrix is not positive definite. */
export function cholesky(matrix: Float64Array, size: number): Float64Array {
  const lower = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = matrix[i * size + j] as number;
      for (let k = 0; k < j; k++) sum -= (lower[i * size + k] as number) * (lower[j * size + k] as number);
      if (i !== j) lower[i * size + j] = sum / (lower[j * size + j] as number);
      else if (sum > 0) lower[i * size + i] = Math.sqrt(sum);
      else throw new RangeError(`the matrix of moments is not positive definite at column ${i}`);
    }
  }
  return lower;
}

/** Solves `X A = B` for rows of B: `rows` right sides of `size`, in place, with A = L Lᵀ. */
export function solveRows(lower: Float64Array, size: number, b: Float64Array, rows: number): void {
  for (let row = 0; row < rows; row++) {
    const x = b.subarray(row * size, (row + 1) * size);
    for (let i = 0; i < size; i++) {
      let sum = x[i] as number;
      for (let k = 0; k < i; k++) sum -= (lower[i * size + k] as number) * (x[k] as number);
      x[i] = sum / (lower[i * size + i] as number);
    }
    for (let i = size - 1; i >= 0; i--) {
      const value = (x[i] as number) / (lower[i * size + i] as number);
      x[i] = value;
      for (let k = 0; k < i; k++) x[k] = (x[k] as number) - (lower[i * size + k] as number) * value;
    }
  }
}

export function inverse(matrix: Float64Array, size: number): Float64Array {
  const lower = cholesky(matrix, size);
  const result = new Float64Array(size * size);
  for (let i = 0; i < size; i++) result[i * size + i] = 1;
  solveRows(lower, size, result, size);
  return result;
}

/** Upper triangular U with `Uᵀ U = matrix`. @throws as `cholesky` */
export function upper(matrix: Float64Array, size: number): Float64Array {
  const lower = cholesky(matrix, size);
  const result = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j <= i; j++) result[j * size + i] = lower[i * size + j] as number;
  return result;
}
