/**
 * @file Moving elements of 1, 2, 4 or 8 bytes without looking at them: transpose, slice, concat, split, pad, gather.
 *
 * Two shapes of loop do most of it: "contiguous result from a strided source" (transpose, slice, expand: the caller computes start and
 * strides) and "blocks from here to there" (concat, split). Values go through integer registers only, so NaN payloads survive.
 */

function copyRow<T>(x: usize, step: i32, y: usize, n: i32): void {
  for (; n > 0; n--, x += step * sizeof<T>(), y += sizeof<T>()) store<T>(y, load<T>(x));
}

/** Axis `d` and all after it; returns where y goes on. */
function axis(size: i32, x: usize, y: usize, d: i32, rank: i32, table: usize): usize {
  const n = load<i32>(table + (<usize>d << 2));
  const step = load<i32>(table + (<usize>(rank + d) << 2));
  if (d + 1 < rank) {
    for (let i = 0; i < n; i++, x += step * size) y = axis(size, x, y, d + 1, rank, table);
    return y;
  }
  if (step === 1) memory.copy(y, x, n * size);
  else if (size === 4) copyRow<u32>(x, step, y, n);
  else if (size === 1) copyRow<u8>(x, step, y, n);
  else if (size === 2) copyRow<u16>(x, step, y, n);
  else copyRow<u64>(x, step, y, n);
  return y + n * size;
}

/**
 * y (contiguous) <- x read with strides. `x` is the address of the first element read; `size` the bytes of an element (1, 2, 4 or 8).
 * `table` is i32: `rank` sizes of y, then `rank` strides of x in elements, outermost first; strides may be negative (reversed slice) or
 * 0 (expand). Rank 1 to 32.
 */
export function copy_strided(size: i32, x: usize, y: usize, rank: i32, table: usize): void {
  axis(size, x, y, 0, rank, table);
}

/** Copies `blocks` runs of `bytes`, `xStep` and `yStep` bytes apart. Concat: y at the piece's offset, yStep = a whole row of the result. */
export function copy_blocks(x: usize, y: usize, blocks: i32, bytes: i32, xStep: i32, yStep: i32): void {
  for (; blocks > 0; blocks--, x += xStep, y += yStep) memory.copy(y, x, bytes);
}

function fillElements(size: i32, y: usize, n: i32, value: usize): usize {
  if (size === 4) {
    const v = load<u32>(value);
    for (; n > 0; n--, y += 4) store<u32>(y, v);
    return y;
  }
  for (; n > 0; n--, y += size) memory.copy(y, value, size);
  return y;
}

/** Axis `d` of a pad: `xBlock` and `yBlock` are the elements of one position of the axis before. Returns where y goes on. */
function padAxis(size: i32, x: usize, y: usize, xBlock: i32, yBlock: i32, d: i32, rank: i32, table: usize, value: usize): usize {
  if (d === rank) {
    memory.copy(y, x, size);
    return y + size;
  }
  const yn = load<i32>(table + (<usize>d << 2));
  const xn = load<i32>(table + (<usize>(rank + d) << 2));
  const before = load<i32>(table + (<usize>(2 * rank + d) << 2));
  yBlock = yn ? yBlock / yn : 0;
  xBlock = xn ? xBlock / xn : 0;
  const first = min(max(before, 0), yn);
  const end = max(first, min(yn, before + xn));
  y = fillElements(size, y, first * yBlock, value);
  x += (first - before) * xBlock * size;
  if (d + 1 === rank) {
    memory.copy(y, x, (end - first) * size);
    y += (end - first) * size;
  } else {
    for (let i = first; i < end; i++, x += xBlock * size) y = padAxis(size, x, y, xBlock, yBlock, d + 1, rank, table, value);
  }
  return fillElements(size, y, (yn - end) * yBlock, value);
}

/**
 * y <- x with constant borders. `table` is i32: `rank` sizes of y, `rank` sizes of x, `rank` pads before (negative crops; what is after
 * follows from the sizes). `value` is the address of one element; `size` its bytes.
 */
export function pad_constant(size: i32, x: usize, y: usize, rank: i32, table: usize, value: usize): void {
  let xBlock = 1;
  let yBlock = 1;
  for (let d = 0; d < rank; d++) {
    yBlock *= load<i32>(table + (<usize>d << 2));
    xBlock *= load<i32>(table + (<usize>(rank + d) << 2));
  }
  if (yBlock) padAxis(size, x, y, xBlock, yBlock, 0, rank, table, value);
}

function gather<T>(x: usize, indices: usize, y: usize, outer: i32, axis: i32, innerBytes: i32, count: i32): i32 {
  for (; outer > 0; outer--, x += <usize>axis * innerBytes) {
    for (let j = 0; j < count; j++, y += innerBytes) {
      const raw = <i64>load<T>(indices + j * sizeof<T>());
      const at = raw < 0 ? raw + axis : raw;
      if (<u64>at >= <u64>axis) return j;
      memory.copy(y, x + <usize>at * innerBytes, innerBytes);
    }
  }
  return -1;
}

/**
 * y `[outer, count, innerBytes]` <- x `[outer, axis, innerBytes]` at `indices [count]`; negative indices count from the end.
 * Returns -1, or the position of the first index out of range (nothing outside x is read).
 */
export function gather_i32(x: usize, indices: usize, y: usize, outer: i32, axis: i32, innerBytes: i32, count: i32): i32 {
  return gather<i32>(x, indices, y, outer, axis, innerBytes, count);
}

/** `gather_i32` with 64-bit indices. */
export function gather_i64(x: usize, indices: usize, y: usize, outer: i32, axis: i32, innerBytes: i32, count: i32): i32 {
  return gather<i64>(x, indices, y, outer, axis, innerBytes, count);
}
