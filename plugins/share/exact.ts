/**
 * @file The best k clusters of numbers, by dynamic programming over cuts of the sorted values (Wang and Song, "Ckmeans.1d.dp", 2011). The best last cut never moves back as more values
 * are covered, so each of the k rounds halves its search: O(k n log n) (Grønlund et al., "Fast Exact k-Means, k-Medians and Bregman Divergence Clustering in 1D", 2017, section 2). Exact for as
 * many distinct values as there are cells; beyond, neighbours are taken together first.
 */
import { firstAbove, meanOf, type Sorted } from "./sorted.ts";

/** Entries of the table of cuts, `k` rounds of so many cells together. */
const mostCuts = 2 ** 22;

export function exactCentroids(sorted: Sorted, k: number): Float64Array {
  const ends = cellEnds(sorted, Math.max(256, Math.floor(mostCuts / k)));
  const cells = ends.length - 1;
  const rounds = Math.min(k, cells);
  if (rounds === 0) return Float64Array.of(0);
  const cuts = bestCuts(sorted, ends, rounds);
  const centroids = new Float64Array(rounds);
  let end = cells;
  for (let round = rounds - 1; round >= 0; round--) {
    const start = cuts[round]?.[end] ?? 0;
    centroids[round] = meanOf(sorted, [ends[start] as number, ends[end] as number]);
    end = start;
  }
  return centroids;
}

/** Positions where cells end, 0 first: equal values together, and about equally many in a cell where there are more distinct ones than `most`. */
function cellEnds({ values }: Sorted, most: number): readonly number[] {
  const ends = [0];
  while ((ends.at(-1) as number) < values.length) {
    const start = ends.at(-1) as number;
    ends.push(firstAbove(values, values[start] as number, start));
  }
  if (ends.length - 1 <= most) return ends;
  const size = values.length / most;
  return ends.filter((end, i) => i === 0 || i === ends.length - 1 || Math.floor(end / size) < Math.floor((ends[i + 1] as number) / size));
}

/** Per round r the best place, in cells, where the last of r + 1 clusters starts when so many cells are covered. */
function bestCuts(sorted: Sorted, ends: readonly number[], rounds: number): readonly Int32Array[] {
  const cells = ends.length - 1;
  const [mass, sums, squares] = [sorted.mass, sorted.sums, sorted.squares].map((list) =>
    Float64Array.from(ends, (end) => list[end] as number),
  ) as [Float64Array, Float64Array, Float64Array];
  const cost = (start: number, end: number): number => {
    const sum = (sums[end] as number) - (sums[start] as number);
    return (squares[end] as number) - (squares[start] as number) - (sum * sum) / ((mass[end] as number) - (mass[start] as number));
  };
  let before = Float64Array.from({ length: cells + 1 }, (_, end) => (end === 0 ? 0 : cost(0, end)));
  const cuts = [new Int32Array(cells + 1)];
  for (let round = 1; round < rounds; round++) {
    const next = new Float64Array(cells + 1).fill(Number.POSITIVE_INFINITY);
    const cut = new Int32Array(cells + 1);
    fill(before, next, cut, cost, { from: round + 1, to: cells, least: round, most: cells - 1 });
    cuts.push(cut);
    before = next;
  }
  return cuts;
}

interface Range {
  /** Cells covered. */
  readonly from: number;
  readonly to: number;
  /** Where the last cluster may start. */
  readonly least: number;
  readonly most: number;
}

/** The middle's best cut bounds those on both sides. */
function fill(
  before: Float64Array,
  next: Float64Array,
  cut: Int32Array,
  cost: (start: number, end: number) => number,
  { from, to, least, most }: Range,
): void {
  if (from > to) return;
  const middle = (from + to) >> 1;
  let [best, place] = [Number.POSITIVE_INFINITY, least];
  for (let start = least; start <= Math.min(most, middle - 1); start++) {
    const total = (before[start] as number) + cost(start, middle);
    if (total < best) [best, place] = [total, start];
  }
  next[middle] = best;
  cut[middle] = place;
  fill(before, next, cut, cost, { from, to: middle - 1, least, most: place });
  fill(before, next, cut, cost, { from: middle + 1, to, least: place, most });
}
