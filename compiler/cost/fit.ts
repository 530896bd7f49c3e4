/** @file Samples to coefficients. Errors are relative, and large ones count less from the second round on, so that a disturbed measurement does not bend the fit. */
import { nonNegativeLeastSquares } from "./nnls.ts";

/** One measured call, or run. */
export interface Sample {
  /** Counts of the family's terms. */
  readonly counts: readonly number[];
  readonly microseconds: number;
}

const rounds = 8;

/**
 * Microseconds per unit of each term, none negative: minimises the sum of absolute relative errors (least squares, reweighted).
 * @throws RangeError without samples
 */
export function fit(samples: readonly Sample[]): readonly number[] {
  if (samples.length === 0) throw new RangeError("nothing was measured");
  let weights = samples.map(() => 1);
  let x: readonly number[] = [];
  for (let round = 0; round < rounds; round++) {
    const rows = samples.map(({ counts, microseconds }, i) => counts.map((count) => (count * (weights[i] as number)) / microseconds));
    x = nonNegativeLeastSquares(rows, weights);
    weights = samples.map((sample) => 1 / Math.sqrt(Math.max(0.02, Math.abs(estimate(x, sample.counts) / sample.microseconds - 1))));
  }
  return x;
}

export function estimate(coefficients: readonly number[], counts: readonly number[]): number {
  return counts.reduce((sum, count, i) => sum + count * (coefficients[i] ?? 0), 0);
}
