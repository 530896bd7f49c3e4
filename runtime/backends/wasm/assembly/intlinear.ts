/**
 * @file Integer matrix product x * W^T with requantization, and the packing of W.
 *
 * W is `[N/8][K/2][8][2]` i8: one step of k (two values) of eight outputs is 16 bytes, widened while it is loaded, so that a batch of one
 * streams a byte per weight. Rows of x are widened to 16 bits, centred, four rows interleaved: a tile is 4x8 with `i32x4.dot_i16x8_s`.
 * Scales differ from lane to lane here and there is no shift per lane, so results are rescaled one by one.
 */
import { centred1, requantize1 } from "./intrequant";

/** Outputs of a panel. */
const PANEL: i32 = 8;
/** Rows of x that are widened at a time: a multiple of 4. */
const ROWS: i32 = 32;
const SUMS: i32 = 128;

// @ts-ignore: decorator
@inline
function pairsOf(k: i32): i32 {
  return (k + 1) >> 1;
}

/** packed `[ceil(N/8)][ceil(K/2)][8][2]` <- W `[N, K]`, zeros where it is not full. */
export function i8_pack_linear(w: usize, packed: usize, n: i32, k: i32): void {
  for (let first = 0; first < n; first += PANEL) {
    for (let p = 0; p < k; p += 2) {
      for (let j = first; j < first + PANEL; j++, packed += 2) {
        store<i8>(packed, j < n ? load<i8>(w + j * k + p) : 0);
        store<i8>(packed, j < n && p + 1 < k ? load<i8>(w + j * k + p + 1) : 0, 1);
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function centred8(x: usize, flip: v128, zero: v128): v128 {
  return i16x8.sub(i16x8.extend_low_i8x16_s(v128.xor(v128.load64_zero(x), flip)), zero);
}

/** One pair as 32 bits; the second of an odd row's last pair meets a zero weight. */
// @ts-ignore: decorator
@inline
function pair(x: usize, p: i32, k: i32, flip: i32, zero: i32): i32 {
  const second = p + 1 < k ? centred1(x + p + 1, flip, zero) : 0;
  return (centred1(x + p, flip, zero) & 0xffff) | (second << 16);
}

/** to `[K/2][2]` <- one row. */
function widen1(x: usize, to: usize, k: i32, flip: i32, zero: i32): void {
  const f = i8x16.splat(<i8>flip);
  const z = i16x8.splat(<i16>zero);
  let p = 0;
  for (; p + 8 <= k; p += 8, to += 16) v128.store(to, centred8(x + p, f, z));
  for (; p < k; p += 2, to += 4) store<i32>(to, pair(x, p, k, flip, zero));
}

/** to `[K/2][4][2]` <- four rows: blocks of 4x4 pairs are transposed. */
function widen4(x: usize, to: usize, k: i32, flip: i32, zero: i32): void {
  const f = i8x16.splat(<i8>flip);
  const z = i16x8.splat(<i16>zero);
  let p = 0;
  for (; p + 8 <= k; p += 8, to += 64) {
    const a = centred8(x + p, f, z);
    const b = centred8(x + k + p, f, z);
    const c = centred8(x + 2 * k + p, f, z);
    const d = centred8(x + 3 * k + p, f, z);
    const ab = i32x4.shuffle(a, b, 0, 4, 1, 5);
    const cd = i32x4.shuffle(c, d, 0, 4, 1, 5);
    const abHigh = i32x4.shuffle(a, b, 2, 6, 3, 7);
    const cdHigh = i32x4.shuffle(c, d, 2, 6, 3, 7);
    v128.store(to, i64x2.shuffle(ab, cd, 0, 2));
    v128.store(to, i64x2.shuffle(ab, cd, 1, 3), 16);
    v128.store(to, i64x2.shuffle(abHigh, cdHigh, 0, 2), 32);
    v128.store(to, i64x2.shuffle(abHigh, cdHigh, 1, 3), 48);
  }
  for (; p < k; p += 2) {
    for (let r = 0; r < 4; r++, to += 4) store<i32>(to, pair(x + r * k, p, k, flip, zero));
  }
}

function tile4x8(a: usize, b: usize, pairs: i32, sums: usize): void {
  let c0 = i32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  let c4 = c0;
  let c5 = c0;
  let c6 = c0;
  let c7 = c0;
  for (const end = a + pairs * 16; a < end; a += 16, b += 16) {
    const b0 = v128.load_ext<i8>(b);
    const b1 = v128.load_ext<i8>(b, 8);
    let v = v128.load_splat<i32>(a);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(v, b0));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(v, b1));
    v = v128.load_splat<i32>(a, 4);
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(v, b0));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(v, b1));
    v = v128.load_splat<i32>(a, 8);
    c4 = i32x4.add(c4, i32x4.dot_i16x8_s(v, b0));
    c5 = i32x4.add(c5, i32x4.dot_i16x8_s(v, b1));
    v = v128.load_splat<i32>(a, 12);
    c6 = i32x4.add(c6, i32x4.dot_i16x8_s(v, b0));
    c7 = i32x4.add(c7, i32x4.dot_i16x8_s(v, b1));
  }
  v128.store(sums, c0);
  v128.store(sums, c1, 16);
  v128.store(sums, c2, 32);
  v128.store(sums, c3, 48);
  v128.store(sums, c4, 64);
  v128.store(sums, c5, 80);
  v128.store(sums, c6, 96);
  v128.store(sums, c7, 112);
}

function tile1x8(a: usize, b: usize, pairs: i32, sums: usize): void {
  let c0 = i32x4.splat(0);
  let c1 = c0;
  let c2 = c0;
  let c3 = c0;
  const end = a + pairs * 4;
  for (const even = a + (pairs & ~1) * 4; a < even; a += 8, b += 32) {
    let v = v128.load_splat<i32>(a);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(v, v128.load_ext<i8>(b)));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(v, v128.load_ext<i8>(b, 8)));
    v = v128.load_splat<i32>(a, 4);
    c2 = i32x4.add(c2, i32x4.dot_i16x8_s(v, v128.load_ext<i8>(b, 16)));
    c3 = i32x4.add(c3, i32x4.dot_i16x8_s(v, v128.load_ext<i8>(b, 24)));
  }
  if (a < end) {
    const v = v128.load_splat<i32>(a);
    c0 = i32x4.add(c0, i32x4.dot_i16x8_s(v, v128.load_ext<i8>(b)));
    c1 = i32x4.add(c1, i32x4.dot_i16x8_s(v, v128.load_ext<i8>(b, 8)));
  }
  v128.store(sums, i32x4.add(c0, c2));
  v128.store(sums, i32x4.add(c1, c3), 16);
}

/** Bytes of scratch that `i8_linear` needs. */
export function i8_linear_scratch(m: i32, k: i32): i32 {
  return min(m, ROWS) * ((pairsOf(k) * 4 + 15) & ~15) + SUMS + 16;
}

/**
 * y `[M, N]` <- requantized x `[M, K]` * W^T + bias `[N]` i32, W packed by `i8_pack_linear`. `multiplier` and `shift` are i32, `scale` bytes
 * apart per output (0: one for all). u8 x: flip = 128 and a zero point 128 lower, else flip = 0.
 */
export function i8_linear(
  x: usize, packed: usize, bias: usize, multiplier: usize, shift: usize, scale: i32, y: usize, scratch: usize,
  m: i32, n: i32, k: i32, flip: i32, xZero: i32, yZero: i32, lo: i32, hi: i32,
): void {
  const pairs = pairsOf(k);
  const sums = scratch;
  const widened = scratch + SUMS;
  for (let first = 0; first < m; first += ROWS) {
    const last = min(m, first + ROWS);
    const tiled = first + ((last - first) & ~3);
    for (let i = first; i < tiled; i += 4) widen4(x + i * k, widened + (i - first) * pairs * 4, k, flip, xZero);
    for (let i = tiled; i < last; i++) widen1(x + i * k, widened + (i - first) * pairs * 4, k, flip, xZero);
    for (let j = 0; j < n; j += PANEL) {
      const b = packed + j * pairs * 2;
      for (let i = first; i < last; ) {
        const rows = i < tiled ? 4 : 1;
        const a = widened + (i - first) * pairs * 4;
        if (rows === 4) tile4x8(a, b, pairs, sums);
        else tile1x8(a, b, pairs, sums);
        finish(sums, rows, j, min(n, j + PANEL), bias, multiplier, shift, scale, y + i * n, n, yZero, lo, hi);
        i += rows;
      }
    }
  }
}

/** Sums `[rows, 8]` to results `first .. last - 1` of each row. */
function finish(
  sums: usize, rows: i32, first: i32, last: i32, bias: usize, multiplier: usize, shift: usize, scale: i32, y: usize, n: i32,
  yZero: i32, lo: i32, hi: i32,
): void {
  for (let j = first; j < last; j++) {
    const start = bias ? load<i32>(bias + j * 4) : 0;
    const factor = load<i32>(multiplier + j * scale);
    const places = load<i32>(shift + j * scale) & 63;
    for (let r = 0; r < rows; r++) {
      const sum = load<i32>(sums + (r * PANEL + j - first) * 4) + start;
      store<u8>(y + r * n + j, <u8>requantize1(sum, factor, places, yZero, lo, hi));
    }
  }
}
