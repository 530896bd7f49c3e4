/**
 * @file One-dimensional k-means. Lloyd's iteration over sorted values: since clusters are intervals, an iteration is k binary searches and k differences of prefix
 * sums, independent of how the values are distributed. A linear start, which Deep Compression (Han et al. 2016, section 3.2) found best: the rare large weights
 * keep their own centroids; or a density start, an equal share of the values each. A cluster that runs empty is replaced by splitting the one of largest squared error: otherwise one outlier would
 * leave most of a linear start unused. `exact` begins with the best cut there is (`exact.ts`), which Lloyd then leaves as it is, or polishes where values were taken together.
 */
import { exactCentroids } from "./exact.ts";
import { errorOf, firstAbove, type Interval, meanOf, type Sorted, sortedSums } from "./sorted.ts";

export interface Clustering {
  /** Ascending, at most k, distinct. */
  readonly centroids: Float64Array;
  /** Index of each value's centroid, in the order of the values. */
  readonly codes: Uint8Array;
  /** Mean squared error, unweighted. */
  readonly error: number;
}

export const starts = ["linear", "density", "exact"] as const;

export interface ClusteringOptions {
  readonly start?: (typeof starts)[number];
  /** Positive, of each value: what its squared error counts. Default: 1. */
  readonly weights?: ArrayLike<number> | null;
}

const maxIterations = 300;

/** @param k 1..256 */
export function kMeans(values: ArrayLike<number>, k: number, { start = "linear", weights = null }: ClusteringOptions = {}): Clustering {
  const sorted = sortedSums(values, weights);
  let centroids = start === "exact" ? exactCentroids(sorted, k) : start === "density" ? quantiles(sorted, k) : evenly(sorted.values, k);
  for (let i = 0; i < maxIterations; i++) {
    const next = update(sorted, centroids, k);
    const settled = next.length === centroids.length && next.every((c, j) => c === centroids[j]);
    centroids = next;
    if (settled) break;
  }
  return assign(values, centroids);
}

function evenly(sorted: Float64Array, k: number): Float64Array {
  const low = sorted[0] ?? 0;
  const high = sorted[sorted.length - 1] ?? 0;
  if (k === 1 || low === high) return Float64Array.of((low + high) / 2);
  return Float64Array.from({ length: k }, (_, i) => low + ((high - low) * i) / (k - 1));
}

/** In the middle of each k-th part of the mass; equal ones once. */
function quantiles({ values, mass }: Sorted, k: number): Float64Array {
  const total = mass[values.length] as number;
  const at = (i: number) => values[Math.min(values.length - 1, firstAbove(mass, (total * (i + 0.5)) / k, 1) - 1)] ?? 0;
  return Float64Array.from(new Set(Array.from({ length: k }, (_, i) => at(i))));
}

/** Means of the intervals between midpoints, k of them where there are so many distinct values. */
function update(sorted: Sorted, centroids: Float64Array, k: number): Float64Array {
  const { values } = sorted;
  const intervals: Interval[] = [];
  let start = 0;
  for (let j = 0; j < centroids.length; j++) {
    const next = centroids[j + 1];
    const end = next === undefined ? values.length : firstAbove(values, ((centroids[j] as number) + next) / 2, start);
    if (end > start) intervals.push([start, end]);
    start = end;
  }
  while (intervals.length < k && splitWorst(sorted, intervals));
  return Float64Array.from(intervals, (interval) => meanOf(sorted, interval));
}

/** Cuts the interval of largest squared error at its mean; false when all have none. */
function splitWorst(sorted: Sorted, intervals: Interval[]): boolean {
  const errors = intervals.map((interval) => errorOf(sorted, interval));
  const worst = errors.indexOf(Math.max(...errors));
  const interval = intervals[worst];
  if (!interval || (errors[worst] as number) <= 0) return false;
  const [start, end] = interval;
  const cut = firstAbove(sorted.values, meanOf(sorted, interval), start);
  if (cut === start || cut === end) return false;
  intervals.splice(worst, 1, [start, cut], [cut, end]);
  return true;
}

function assign(values: ArrayLike<number>, centroids: Float64Array): Clustering {
  const codes = new Uint8Array(values.length);
  const midpoints = Float64Array.from(
    { length: Math.max(0, centroids.length - 1) },
    (_, j) => ((centroids[j] as number) + (centroids[j + 1] as number)) / 2,
  );
  let error = 0;
  for (let i = 0; i < values.length; i++) {
    const code = firstAtLeast(midpoints, values[i] as number);
    codes[i] = code;
    error += ((values[i] as number) - (centroids[code] as number)) ** 2;
  }
  return { centroids, codes, error: values.length === 0 ? 0 : error / values.length };
}

/** Index of the first midpoint >= value: the value's cluster. */
function firstAtLeast(midpoints: Float64Array, value: number): number {
  let low = 0;
  let high = midpoints.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((midpoints[middle] as number) >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}
