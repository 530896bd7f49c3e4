/**
 * @file The k best elements of an axis: a heap of the best so far whose root is the worst of them (Williams, "Algorithm 232: Heapsort", CACM 1964), so that a row costs
 * n log k and k words of scratch; then the heap is emptied from its worst element on.
 */
import { get } from "./integer";

const FLOAT: i32 = 9;
const U64: i32 = 7;

/** Element i of the row goes before element j. */
function before(kind: i32, largest: bool, row: usize, step: usize, i: i32, j: i32): bool {
  const p = row + <usize>i * step;
  const q = row + <usize>j * step;
  let above: bool;
  let below: bool;
  if (kind === FLOAT) {
    const a = load<f32>(p);
    const b = load<f32>(q);
    above = a > b || (a !== a && b === b);
    below = b > a || (b !== b && a === a);
  } else {
    const a = get(kind, p);
    const b = get(kind, q);
    above = kind === U64 ? <u64>a > <u64>b : a > b;
    below = a !== b && !above;
  }
  return above === below ? i < j : above === largest;
}

// @ts-ignore: decorator
@inline
function at(heap: usize, i: i32): i32 {
  return load<i32>(heap + (<usize>i << 2));
}

// @ts-ignore: decorator
@inline
function put(heap: usize, i: i32, value: i32): void {
  store<i32>(heap + (<usize>i << 2), value);
}

function siftUp(kind: i32, largest: bool, row: usize, step: usize, heap: usize, i: i32, value: i32): void {
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (!before(kind, largest, row, step, at(heap, parent), value)) break;
    put(heap, i, at(heap, parent));
    i = parent;
  }
  put(heap, i, value);
}

/** `value` from the root down in a heap of n. */
function siftDown(kind: i32, largest: bool, row: usize, step: usize, heap: usize, n: i32, value: i32): void {
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= n) break;
    if (child + 1 < n && before(kind, largest, row, step, at(heap, child), at(heap, child + 1))) child++;
    if (before(kind, largest, row, step, at(heap, child), value)) break;
    put(heap, i, at(heap, child));
    i = child;
  }
  put(heap, i, value);
}

/**
 * values and indices (i64) `[outer, k, inner]` <- the k largest, or smallest, of x `[outer, axis, inner]`, the best first; of equals the first first, NaN above every number. Kinds as
 * in integer.ts, 9 being f32. `heap` has room for k words;
 * indices at address 0 are not wanted.
 */
export function top_k(kind: i32, largest: bool, x: usize, values: usize, indices: usize, heap: usize, outer: i32, axis: i32, inner: i32, k: i32): void {
  if (k === 0) return;
  const size: usize = kind === FLOAT ? 4 : <usize>1 << (kind >> 1);
  const step = <usize>inner * size;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const row = x + <usize>(o * axis * inner + i) * size;
      for (let n = 0; n < k; n++) siftUp(kind, largest, row, step, heap, n, n);
      for (let n = k; n < axis; n++) if (before(kind, largest, row, step, n, at(heap, 0))) siftDown(kind, largest, row, step, heap, k, n);
      for (let r = k - 1; r >= 0; r--) {
        const worst = at(heap, 0);
        const to = <usize>((o * k + r) * inner + i);
        memory.copy(values + to * size, row + <usize>worst * step, size);
        if (indices) store<i64>(indices + (to << 3), worst);
        if (r > 0) siftDown(kind, largest, row, step, heap, r, at(heap, r));
      }
    }
  }
}
