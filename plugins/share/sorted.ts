/** @file Values in ascending order with prefix sums, so that the mean and the squared error of any interval cost three differences, however many values it has. */

export interface Sorted {
  readonly values: Float64Array;
  /** Prefix sums of weights, of weight * value and of weight * value^2; one longer than `values`. */
  readonly mass: Float64Array;
  readonly sums: Float64Array;
  readonly squares: Float64Array;
}

/** Sorted values start .. end - 1. */
export type Interval = readonly [start: number, end: number];

/** @param weights positive, of each value; null: 1 */
export function sortedSums(values: ArrayLike<number>, weights: ArrayLike<number> | null): Sorted {
  if (!weights) {
    const sorted = Float64Array.from(values).sort();
    return withSums(sorted, null);
  }
  const order = Uint32Array.from({ length: values.length }, (_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
  return withSums(
    Float64Array.from(order, (i) => values[i] as number),
    Float64Array.from(order, (i) => weights[i] as number),
  );
}

function withSums(values: Float64Array, weights: Float64Array | null): Sorted {
  const [mass, sums, squares] = [0, 1, 2].map(() => new Float64Array(values.length + 1)) as [Float64Array, Float64Array, Float64Array];
  for (let i = 0; i < values.length; i++) {
    const [value, weight] = [values[i] as number, weights ? (weights[i] as number) : 1];
    mass[i + 1] = (mass[i] as number) + weight;
    sums[i + 1] = (sums[i] as number) + weight * value;
    squares[i + 1] = (squares[i] as number) + weight * (value * value);
  }
  return { values, mass, sums, squares };
}

export function meanOf({ mass, sums }: Sorted, [start, end]: Interval): number {
  return ((sums[end] as number) - (sums[start] as number)) / ((mass[end] as number) - (mass[start] as number));
}

/** Weighted squared error about the mean. */
export function errorOf({ values, mass, sums, squares }: Sorted, [start, end]: Interval): number {
  if (values[start] === values[end - 1]) return 0;
  const sum = (sums[end] as number) - (sums[start] as number);
  return (squares[end] as number) - (squares[start] as number) - (sum * sum) / ((mass[end] as number) - (mass[start] as number));
}

/** Index of the first element > limit, at or after `from`. */
export function firstAbove(sorted: Float64Array, limit: number, from: number): number {
  let low = from;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) > limit) high = middle;
    else low = middle + 1;
  }
  return low;
}
