/**
 * @file Randomized SVD (Halko, Martinsson, Tropp, "Finding structure with randomness", 2011, algorithms 4.4 and 5.1): the range of A is found from products with random vectors, and the
 * small matrix that is left is decomposed exactly. Two power iterations make it near-optimal for the slowly falling spectra of trained weights. Costs `(2 + 4) m n k` for rank k against
 * Jacobi's `n^3` a sweep; what it misses is known, `||A||^2 - sum s^2`.
 */
import type { Random } from "../../../compiler/index.ts";
import { jacobiSvd, orthonormalRows, type Svd } from "./jacobi.ts";
import { firstRows, type Matrix, matrix, multiply, sumOfSquares, transposed } from "./matrix.ts";

const oversampling = 10;
const powerIterations = 2;

/** The first `rank` singular triplets, nearly. Deterministic in `random`. */
export function randomizedSvd(a: Matrix, rank: number, random: Random): Svd {
  const sketch = Math.min(rank + oversampling, a.rows, a.columns);
  const turned = transposed(a);
  const noise = matrix(
    sketch,
    a.columns,
    Float64Array.from({ length: sketch * a.columns }, () => random.normal()),
  );
  // Rows span the range of A: [sketch, rows].
  let range = orthonormalRows(multiply(noise, turned)).q;
  for (let i = 0; i < powerIterations; i++) range = orthonormalRows(multiply(orthonormalRows(multiply(range, a)).q, turned)).q;
  const { left, values, right } = jacobiSvd(multiply(range, a));
  const count = Math.min(rank, values.length);
  return { left: firstRows(multiply(left, range), count), values: values.slice(0, count), right: firstRows(right, count) };
}

/** Singular triplets as they are asked for. */
export interface LazySvd {
  /** Triplets that there are: the smaller side. */
  readonly most: number;
  /** `||A||_F^2`. */
  readonly total: number;
  /** At least the first `rank` triplets. */
  upTo(rank: number): Svd;
  /** Sum of the squared singular values behind the first `rank`. */
  dropped(rank: number): number;
}

/** Below this many on the smaller side everything is decomposed at once. */
const small = 320;

/** Exact for small matrices; for large ones a randomized decomposition that grows by doubling. */
export function lazySvd(a: Matrix, random: Random): LazySvd {
  const most = Math.min(a.rows, a.columns);
  const total = sumOfSquares(a.data);
  let known: Svd | null = null;
  const upTo = (rank: number): Svd => {
    if (known && known.values.length >= Math.min(rank, most)) return known;
    const wanted = Math.max(rank, 32, 2 * (known?.values.length ?? 0));
    known = most <= small || wanted > most / 2 ? jacobiSvd(a) : randomizedSvd(a, wanted, random);
    return known;
  };
  return {
    most,
    total,
    upTo,
    dropped(rank) {
      const { values } = upTo(rank);
      if (rank >= most) return 0;
      // Of a whole spectrum the tail itself, which keeps its digits where it is small.
      if (values.length === most) return values.subarray(rank).reduceRight((sum, value) => sum + value * value, 0);
      return Math.max(0, total - values.subarray(0, rank).reduce((sum, value) => sum + value * value, 0));
    },
  };
}
