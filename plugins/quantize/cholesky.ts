/** @file Triangular factors of symmetric positive definite matrices, row-major in f64. */

/**
 * Upper triangular U with `inverse(H) = transpose(U) U`, as GPTQ wants it, without the inverse itself: `H = R transpose(R)` with R upper triangular, and `U = inverse(R)`.
 * @param matrix `[size, size]`, symmetric; left as it is
 * @returns null where it is not positive definite
 */
export function inverseFactor(matrix: Float64Array, size: number): Float64Array | null {
  const factor = upperFactor(matrix, size);
  return factor && invertedUpper(factor, size);
}

/** R, upper triangular, with `H = R transpose(R)`: Cholesky from the last row up. */
function upperFactor(matrix: Float64Array, size: number): Float64Array | null {
  const r = new Float64Array(size * size);
  for (let j = size - 1; j >= 0; j--) {
    let diagonal = matrix[j * size + j] as number;
    for (let k = j + 1; k < size; k++) diagonal -= (r[j * size + k] as number) ** 2;
    if (!(diagonal > 0)) return null;
    const pivot = Math.sqrt(diagonal);
    r[j * size + j] = pivot;
    for (let i = 0; i < j; i++) {
      let sum = matrix[i * size + j] as number;
      const [a, b] = [i * size, j * size];
      for (let k = j + 1; k < size; k++) sum -= (r[a + k] as number) * (r[b + k] as number);
      r[a + j] = sum / pivot;
    }
  }
  return r;
}

function invertedUpper(r: Float64Array, size: number): Float64Array {
  const u = new Float64Array(size * size);
  for (let i = size - 1; i >= 0; i--) {
    const pivot = r[i * size + i] as number;
    u[i * size + i] = 1 / pivot;
    // Row i of U is (e_i - sum_k R_ik U_k) / R_ii over the rows below.
    for (let k = i + 1; k < size; k++) {
      const share = (r[i * size + k] as number) / pivot;
      if (share === 0) continue;
      for (let j = k; j < size; j++) u[i * size + j] = (u[i * size + j] as number) - share * (u[k * size + j] as number);
    }
  }
  return u;
}
