/**
 * @file Where values lie in one arena: values that are alive at the same time never overlap, others share bytes. Greedy by size (Pisarchyk & Lee, "Efficient Memory Management
 * for Deep Neural Net Inference", 2020): the largest first, each in the smallest gap between its neighbours in time that holds it. Not optimal, within a few percent of it in practice.
 */

/** Both ends belong to the interval: a step's results and operands, and its scratch, are alive together. */
export interface Interval {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface Placements {
  /** Offset of each interval, a multiple of `alignment`. */
  readonly offsets: readonly number[];
  readonly bytes: number;
}

/** SIMD loads of a whole vector start at the first element of a tensor. */
export const alignment = 16;

export function align(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

export function placeIntervals(intervals: readonly Interval[]): Placements {
  const order = intervals.map((_, i) => i).sort((a, b) => sizeAt(intervals, b) - sizeAt(intervals, a) || a - b);
  const offsets = new Array<number>(intervals.length).fill(0);
  /** Placed so far, by offset. */
  const placed: number[] = [];
  let total = 0;
  for (const i of order) {
    const item = intervals[i] as Interval;
    const neighbours = placed.filter((j) => meets(intervals[j] as Interval, item));
    const offset = bestGap(neighbours, offsets, intervals, sizeAt(intervals, i));
    offsets[i] = offset;
    total = Math.max(total, offset + sizeAt(intervals, i));
    insertByOffset(placed, i, offsets);
  }
  return { offsets, bytes: total };
}

function sizeAt(intervals: readonly Interval[], i: number): number {
  return align((intervals[i] as Interval).bytes);
}

function meets(a: Interval, b: Interval): boolean {
  return a.first <= b.last && b.first <= a.last;
}

/** The smallest gap below or between the neighbours (sorted by offset) that holds `size`, else the end of the last one. */
function bestGap(neighbours: readonly number[], offsets: readonly number[], intervals: readonly Interval[], size: number): number {
  let [best, bestWaste, end] = [-1, Number.POSITIVE_INFINITY, 0];
  for (const j of neighbours) {
    const offset = offsets[j] as number;
    const waste = offset - end - size;
    if (waste >= 0 && waste < bestWaste) [best, bestWaste] = [end, waste];
    end = Math.max(end, offset + sizeAt(intervals, j));
  }
  return best >= 0 ? best : end;
}

function insertByOffset(placed: number[], item: number, offsets: readonly number[]): void {
  let at = placed.length;
  while (at > 0 && (offsets[placed[at - 1] as number] as number) > (offsets[item] as number)) at--;
  placed.splice(at, 0, item);
}
