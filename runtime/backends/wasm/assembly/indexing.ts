/**
 * @file Reading and writing by index, in two steps: indices become places (elements from the tensor's first, i32, in scratch), then runs are copied from or to the places,
 * or combined with what is there. One step of each kind serves single elements and slices, any width of index and any dtype; places cost four bytes an index.
 */
import { apply, get, set } from "./integer";

const FLOAT: i32 = 9;
const NONE: i32 = -1;
const MUL: i32 = 2;
const MIN: i32 = 4;
const MAX: i32 = 5;

// @ts-ignore: decorator
@inline
function indexAt(wide: bool, p: usize): i64 {
  return wide ? load<i64>(p) : <i64>load<i32>(p);
}

/** The index from 0; -1 when it is out of range. */
// @ts-ignore: decorator
@inline
function counted(index: i64, size: i32): i32 {
  const at = index < 0 ? index + size : index;
  return <u64>at < <u64>size ? <i32>at : -1;
}

/** Axis `d` of the indices and all after it, `base` being the place without the indexed axis. Returns how many indices are done, negative minus one where one is wrong. */
function placesOf(wide: bool, indices: usize, places: usize, done: i32, base: i32, d: i32, rank: i32, table: usize, size: i32, along: i32): i32 {
  const n = load<i32>(table + (<usize>d << 2));
  const step = load<i32>(table + (<usize>(rank + d) << 2));
  const width: usize = wide ? 8 : 4;
  for (let i = 0; i < n; i++, base += step) {
    if (d + 1 < rank) {
      done = placesOf(wide, indices, places, done, base, d + 1, rank, table, size, along);
      if (done < 0) return done;
    } else {
      const at = counted(indexAt(wide, indices + <usize>done * width), size);
      if (at < 0) return ~done;
      store<i32>(places + (<usize>done << 2), base + at * along);
      done++;
    }
  }
  return done;
}

/**
 * Places of single elements: index i names the element at its own coordinates but for one axis of `size` elements, `along` apart. `table` is i32: `rank` sizes of the indices, then
 * the tensor's strides, 0 on the axis. Returns -1, or the position of the first index out of range.
 */
export function element_places(wide: bool, indices: usize, places: usize, rank: i32, table: usize, size: i32, along: i32): i32 {
  const done = placesOf(wide, indices, places, 0, 0, 0, rank, table, size, along);
  return done < 0 ? ~done : -1;
}

/**
 * Places of slices: a row of `named` indices each. Every `perBatch` rows go `batchStep` elements further. `table` is i32: sizes, then strides of the axes that are named.
 * Returns -1, or the row of the first index out of range.
 */
export function slice_places(wide: bool, indices: usize, places: usize, rows: i32, named: i32, perBatch: i32, batchStep: i32, table: usize): i32 {
  const width: usize = wide ? 8 : 4;
  for (let row = 0; row < rows; row++, places += 4) {
    let place = (row / perBatch) * batchStep;
    for (let k = 0; k < named; k++, indices += width) {
      const at = counted(indexAt(wide, indices), load<i32>(table + (<usize>k << 2)));
      if (at < 0) return row;
      place += at * load<i32>(table + (<usize>(named + k) << 2));
    }
    store<i32>(places, place);
  }
  return -1;
}

function gatherEach<T>(x: usize, places: usize, y: usize, n: i32): void {
  for (; n > 0; n--, places += 4, y += sizeof<T>()) store<T>(y, load<T>(x + <usize>load<u32>(places) * sizeof<T>()));
}

/** y <- `n` runs of `run` elements of `size` bytes of x, from the places. */
export function gather_at(size: i32, x: usize, places: usize, y: usize, n: i32, run: i32): void {
  if (run === 1 && size === 4) return gatherEach<u32>(x, places, y, n);
  if (run === 1 && size === 1) return gatherEach<u8>(x, places, y, n);
  if (run === 1 && size === 8) return gatherEach<u64>(x, places, y, n);
  const bytes = <usize>run * size;
  for (; n > 0; n--, places += 4, y += bytes) memory.copy(y, x + <usize>load<u32>(places) * size, bytes);
}

function combine(op: i32, kind: i32, y: usize, x: usize): void {
  if (kind !== FLOAT) return set(kind, y, apply(op, kind, get(kind, y), get(kind, x)));
  const a = load<f32>(y);
  const b = load<f32>(x);
  let c = a;
  if (op === 0) c = a + b;
  else if (op === MUL) c = a * b;
  else if (b !== b || (op === MIN && b < a) || (op === MAX && b > a)) c = b;
  store<f32>(y, c);
}

/** y at the places <- `n` runs of x: op -1 replaces, else codes and kinds as in integer.ts, 9 being f32. */
export function scatter_at(op: i32, kind: i32, size: i32, x: usize, places: usize, y: usize, n: i32, run: i32): void {
  const bytes = <usize>run * size;
  for (; n > 0; n--, places += 4) {
    let to = y + <usize>load<u32>(places) * size;
    if (op === NONE) {
      if (bytes === 4) store<u32>(to, load<u32>(x));
      else memory.copy(to, x, bytes);
      x += bytes;
    } else {
      for (let e = 0; e < run; e++, x += size, to += size) combine(op, kind, to, x);
    }
  }
}
