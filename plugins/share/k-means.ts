/**
 * @file One-dimensional k-means by Lloyd's iteration. Sorted once; since clusters are intervals, an iteration is k binary searches and k differences of prefix
 * sums, independent of how the values are distributed. Linear initialisation, which Deep Compression (Han et al. 2016, section 3.2) found best: the rare large weights
 * keep their own centroids. A cluster that runs empty is replaced by splitting the one of largest squared error: otherwise one outlier would leave most of a linear
 * start unused.
 */

export interface Clustering {
  /** Ascending, at most k, distinct. */
  readonly centroids: Float64Array;
  /** Index of each value's centroid, in the order of the values. */
  readonly codes: Uint8Array;
  /** Mean squared error. */
  readonly error: number;
}

const maxIterations = 300;

/** @param k 1..256 */
export function kMeans(values: ArrayLike<number>, k: number): Clustering {
  const sorted = Float64Array.from(values).sort();
  const sums = { values: prefixSums(sorted), squares: prefixSums(sorted.map((v) => v * v)) };
  let centroids = initial(sorted, k);
  for (let i = 0; i < maxIterations; i++) {
    const next = update(sorted, sums, centroids, k);
    const settled = next.length === centroids.length && next.every((c, j) => c === centroids[j]);
    centroids = next;
    if (settled) break;
  }
  return assign(values, centroids);
}

function initial(sorted: Float64Array, k: number): Float64Array {
  const low = sorted[0] ?? 0;
  const high = sorted[sorted.length - 1] ?? 0;
  if (k === 1 || low === high) return Float64Array.of((low + high) / 2);
  return Float64Array.from({ length: k }, (_, i) => low + ((high - low) * i) / (k - 1));
}

function prefixSums(sorted: Float64Array): Float64Array {
  const sums = new Float64Array(sorted.length + 1);
  for (let i = 0; i < sorted.length; i++) sums[i + 1] = (sums[i] as number) + (sorted[i] as number);
  return sums;
}

interface Sums {
  readonly values: Float64Array;
  readonly squares: Float64Array;
}

/** Sorted values start .. end - 1. */
type Interval = readonly [start: number, end: number];

/** Means of the intervals between midpoints, k of them where there are so many distinct values. */
function update(sorted: Float64Array, sums: Sums, centroids: Float64Array, k: number): Float64Array {
  const intervals: Interval[] = [];
  let start = 0;
  for (let j = 0; j < centroids.length; j++) {
    const next = centroids[j + 1];
    const end = next === undefined ? sorted.length : firstAbove(sorted, ((centroids[j] as number) + next) / 2, start);
    if (end > start) intervals.push([start, end]);
    start = end;
  }
  while (intervals.length < k && splitWorst(sorted, sums, intervals));
  return Float64Array.from(intervals, (interval) => meanOf(sums, interval));
}

function meanOf(sums: Sums, [start, end]: Interval): number {
  return ((sums.values[end] as number) - (sums.values[start] as number)) / (end - start);
}

function errorOf(sorted: Float64Array, sums: Sums, [start, end]: Interval): number {
  if (sorted[start] === sorted[end - 1]) return 0;
  const sum = (sums.values[end] as number) - (sums.values[start] as number);
  return (sums.squares[end] as number) - (sums.squares[start] as number) - (sum * sum) / (end - start);
}

/** Cuts the interval of largest squared error at its mean; false when all have none. */
function splitWorst(sorted: Float64Array, sums: Sums, intervals: Interval[]): boolean {
  const errors = intervals.map((interval) => errorOf(sorted, sums, interval));
  const worst = errors.indexOf(Math.max(...errors));
  const interval = intervals[worst];
  if (!interval || (errors[worst] as number) <= 0) return false;
  const [start, end] = interval;
  const cut = firstAbove(sorted, meanOf(sums, interval), start);
  if (cut === start || cut === end) return false;
  intervals.splice(worst, 1, [start, cut], [cut, end]);
  return true;
}

/** Index of the first element > limit, at or after `from`. */
function firstAbove(sorted: Float64Array, limit: number, from: number): number {
  let low = from;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) > limit) high = middle;
    else low = middle + 1;
  }
  return low;
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
