/**
 * @file Singular value decomposition by one-sided Jacobi (Hestenes 1958): pairs of columns are rotated until all are orthogonal; their lengths are the singular values. A QR factorization
 * comes first and the rotations work on the transposed R, whose columns are nearly orthogonal already (Drmač and Veselić 2008): about half the sweeps, and short columns for tall matrices.
 * Accurate to the last bits even of small singular values. Costs about `6 n^3` a sweep for n the smaller side: for hundreds; `randomized.ts` is for thousands.
 */
import { addScaled, dot, type Matrix, matrix, multiply, rowOf, sumOfSquares, transposed } from "./matrix.ts";

/** `A = U diag(s) Vᵀ`. */
export interface Svd {
  /** `[rank, rows]`: row i is the i-th left singular vector; zero where its singular value is 0. */
  readonly left: Matrix;
  /** Descending, not negative; `rank` of them. */
  readonly values: Float64Array;
  /** `[rank, columns]`: row i is the i-th right singular vector. */
  readonly right: Matrix;
}

const maxSweeps = 40;

/** All singular triplets, as many as the smaller side. */
export function jacobiSvd(a: Matrix): Svd {
  if (a.rows < a.columns) {
    const { left, values, right } = jacobiSvd(transposed(a));
    return { left: right, values, right: left };
  }
  const { q, r } = orthonormalRows(transposed(a));
  // Aᵀ = r q. Rotations of r's columns, which are rows here: transpose(r) becomes T transpose(r) = diag(s) Vᵀ, so that A = (T q)ᵀ diag(s) Vᵀ.
  const rotated = transposed(r);
  const turns = rotateUntilOrthogonal(rotated);
  return descending(multiply(turns, q), rotated);
}

/** Lengths of the rows of `scaled` are the singular values. */
function descending(left: Matrix, scaled: Matrix): Svd {
  const lengths = Float64Array.from({ length: scaled.rows }, (_, i) => Math.sqrt(sumOfSquares(rowOf(scaled, i))));
  const order = Array.from(lengths.keys()).sort((x, y) => (lengths[y] as number) - (lengths[x] as number));
  const result = {
    left: matrix(left.rows, left.columns),
    values: new Float64Array(order.length),
    right: matrix(scaled.rows, scaled.columns),
  };
  order.forEach((from, to) => {
    const length = lengths[from] as number;
    result.values[to] = length;
    if (length === 0) return;
    rowOf(result.left, to).set(rowOf(left, from));
    rowOf(result.right, to).set(rowOf(scaled, from).map((value) => value / length));
  });
  return result;
}

/** Gram-Schmidt, twice, over the rows: `a = r q` with orthonormal rows of q; a row that depends on those before it becomes zero. `r[i, j]` is the share of q's row j in a's row i. */
export function orthonormalRows(a: Matrix): { readonly q: Matrix; readonly r: Matrix } {
  const q = matrix(a.rows, a.columns, a.data.slice());
  const r = matrix(a.rows, a.rows);
  for (let i = 0; i < a.rows; i++) {
    const row = rowOf(q, i);
    const before = Math.sqrt(sumOfSquares(row));
    for (let round = 0; round < 2; round++) {
      for (let j = 0; j < i; j++) {
        const other = rowOf(q, j);
        const share = dot(row, other);
        addScaled(row, other, -share);
        r.data[i * a.rows + j] = (r.data[i * a.rows + j] as number) + share;
      }
    }
    const length = Math.sqrt(sumOfSquares(row));
    const dependent = !(length > 1e-14 * before);
    r.data[i * a.rows + i] = dependent ? 0 : length;
    for (let k = 0; k < row.length; k++) row[k] = dependent ? 0 : (row[k] as number) / length;
  }
  return { q, r };
}

/** Rotates rows in place until they are orthogonal; the product of the rotations. */
function rotateUntilOrthogonal(a: Matrix): Matrix {
  const n = a.rows;
  const turns = matrix(n, n);
  const tolerance = Number.EPSILON * Math.max(10, n);
  for (let i = 0; i < n; i++) turns.data[i * n + i] = 1;
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    const squares = Float64Array.from({ length: n }, (_, i) => sumOfSquares(rowOf(a, i)));
    const negligible = squares.reduce((most, square) => Math.max(most, square), 0) * 1e-32;
    let turned = false;
    for (let p = 0; p < n - 1; p++)
      for (let q = p + 1; q < n; q++) turned = rotatePair(a, turns, squares, p, q, { negligible, tolerance }) || turned;
    if (!turned) break;
  }
  return turns;
}

interface Limits {
  readonly negligible: number;
  readonly tolerance: number;
}

function rotatePair(a: Matrix, turns: Matrix, squares: Float64Array, p: number, q: number, { negligible, tolerance }: Limits): boolean {
  const [alpha, beta] = [squares[p] as number, squares[q] as number];
  if (alpha <= negligible || beta <= negligible) return false;
  const [x, y] = [rowOf(a, p), rowOf(a, q)];
  const gamma = dot(x, y);
  if (Math.abs(gamma) <= tolerance * Math.sqrt(alpha) * Math.sqrt(beta)) return false;
  const zeta = (beta - alpha) / (2 * gamma);
  const tangent = (zeta < 0 ? -1 : 1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
  const cosine = 1 / Math.sqrt(1 + tangent * tangent);
  rotate(x, y, cosine, cosine * tangent);
  rotate(rowOf(turns, p), rowOf(turns, q), cosine, cosine * tangent);
  squares[p] = Math.max(0, alpha - tangent * gamma);
  squares[q] = beta + tangent * gamma;
  return true;
}

function rotate(x: Float64Array, y: Float64Array, cosine: number, sine: number): void {
  for (let i = 0; i < x.length; i++) {
    const [u, v] = [x[i] as number, y[i] as number];
    x[i] = cosine * u - sine * v;
    y[i] = sine * u + cosine * v;
  }
}
