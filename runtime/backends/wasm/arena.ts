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

/** Above so many intervals the time of the greedy, which looks at each pair of them, would be seconds: a file may hold any number of steps. */
const mostBySize = 2048;

export function placeIntervals(intervals: readonly Interval[]): Placements {
  if (intervals.length > mostBySize) return placeInTime(intervals);
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

interface Block {
  readonly offset: number;
  readonly size: number;
}

/** In order of time, each in the smallest free block that holds it: as an allocator would that cannot see ahead. Takes somewhat more bytes, and time in proportion to steps times gaps. */
function placeInTime(intervals: readonly Interval[]): Placements {
  const indices = intervals.map((_, i) => i);
  const firstOf = (i: number) => (intervals[i] as Interval).first;
  const lastOf = (i: number) => (intervals[i] as Interval).last;
  const starting = [...indices].sort((a, b) => firstOf(a) - firstOf(b) || sizeAt(intervals, b) - sizeAt(intervals, a) || a - b);
  const ending = [...indices].sort((a, b) => lastOf(a) - lastOf(b) || a - b);
  const offsets = new Array<number>(intervals.length).fill(0);
  const free = new FreeList();
  let ended = 0;
  for (const i of starting) {
    for (let done = ending[ended]; done !== undefined && lastOf(done) < firstOf(i); done = ending[++ended])
      free.give({ offset: offsets[done] as number, size: sizeAt(intervals, done) });
    offsets[i] = free.take(sizeAt(intervals, i));
  }
  return { offsets, bytes: free.end };
}

class FreeList {
  /** By offset; neighbours are joined. */
  private readonly blocks: Block[] = [];
  end = 0;

  take(size: number): number {
    let best = -1;
    this.blocks.forEach((block, i) => {
      if (block.size >= size && (best < 0 || block.size < (this.blocks[best] as Block).size)) best = i;
    });
    const block = this.blocks[best];
    if (!block) {
      this.end += size;
      return this.end - size;
    }
    const rest = { offset: block.offset + size, size: block.size - size };
    this.blocks.splice(best, 1, ...(rest.size > 0 ? [rest] : []));
    return block.offset;
  }

  give({ offset, size }: Block): void {
    let low = 0;
    for (let high = this.blocks.length; low < high; ) {
      const middle = (low + high) >> 1;
      if ((this.blocks[middle] as Block).offset < offset) low = middle + 1;
      else high = middle;
    }
    const [before, after] = [this.blocks[low - 1], this.blocks[low]];
    const joinsBefore = before !== undefined && before.offset + before.size === offset;
    const joinsAfter = after !== undefined && offset + size === after.offset;
    const start = joinsBefore ? before.offset : offset;
    const end = joinsAfter ? after.offset + after.size : offset + size;
    this.blocks.splice(low - (joinsBefore ? 1 : 0), (joinsBefore ? 1 : 0) + (joinsAfter ? 1 : 0), { offset: start, size: end - start });
  }
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
