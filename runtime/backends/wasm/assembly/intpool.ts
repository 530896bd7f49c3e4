/**
 * @file Max and average pooling and means of bytes.
 *
 * A window is reduced first down its rows, a whole row of the image at a time in vectors, into a row of scratch that has the padding around
 * it, then along: no bounds are tested inside. Averages and means are sums of centred values in i32, rescaled one by one.
 */
import { fillVectors, requantize1 } from "./intrequant";

/** First and one past the last tap whose row is inside. */
// @ts-ignore: decorator
@inline
function firstTap(at: i32, dilation: i32, taps: i32): i32 {
  return at < 0 ? min(taps, (-at + dilation - 1) / dilation) : 0;
}

// @ts-ignore: decorator
@inline
function endTap(at: i32, dilation: i32, taps: i32, size: i32): i32 {
  return size > at ? min(taps, (size - at + dilation - 1) / dilation) : 0;
}

/** Columns of a padded row: what the last window reaches. */
// @ts-ignore: decorator
@inline
function reachX(w: i32, kw: i32, ow: i32, sw: i32, pl: i32, dw: i32): i32 {
  return max(pl + w, (ow - 1) * sw + (kw - 1) * dw + 1);
}

/** Bytes of scratch that `i8_max_pool` needs. */
export function i8_max_pool_scratch(w: i32, kw: i32, ow: i32, sw: i32, pl: i32, dw: i32): i32 {
  return reachX(w, kw, ow, sw, pl, dw) + 16;
}

/** Maxima of neighbouring pairs: 8 results at a time; returns how many were made. */
function pairMaxima(from: usize, y: usize, n: i32, flip: i32): i32 {
  const f = i8x16.splat(<i8>flip);
  const byte = i16x8.splat(255);
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    const v = v128.load(from + 2 * i);
    const best = v128.and(i8x16.max_s(v, i16x8.shr_u(v, 8)), byte);
    v128.store64_lane(y + i, v128.xor(i8x16.narrow_i16x8_u(best, best), f), 0);
  }
  return i;
}

function maxInto(to: usize, row: usize, w: i32, flip: i32): void {
  const f = i8x16.splat(<i8>flip);
  let i = 0;
  for (; i + 16 <= w; i += 16) v128.store(to + i, i8x16.max_s(v128.load(to + i), v128.xor(v128.load(row + i), f)));
  for (; i < w; i++) store<i8>(to + i, <i8>max(<i32>load<i8>(to + i), <i32><i8>(load<u8>(row + i) ^ <u8>flip)));
}

/** y `[P, OH, OW]` <- maximum over each window of x `[P, H, W]`, i8 or (flip = 128) u8. A window that is all padding gives the least value. */
export function i8_max_pool(
  x: usize, y: usize, scratch: usize, planes: i32, h: i32, w: i32, kh: i32, kw: i32, oh: i32, ow: i32,
  sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32, flip: i32,
): void {
  const columns = reachX(w, kw, ow, sw, pl, dw);
  for (let p = 0; p < planes; p++, x += h * w) {
    for (let oy = 0; oy < oh; oy++) {
      const iy = oy * sh - pt;
      const end = endTap(iy, dh, kh, h);
      fillVectors(scratch, columns, 128);
      for (let ky = firstTap(iy, dh, kh); ky < end; ky++) maxInto(scratch + pl, x + (iy + ky * dh) * w, w, flip);
      const done = kw === 2 && sw === 2 && dw === 1 ? pairMaxima(scratch, y, ow, flip) : 0;
      for (let ox = done; ox < ow; ox++) {
        const from = scratch + ox * sw;
        let best: i32 = -128;
        for (let kx = 0; kx < kw; kx++) best = max(best, <i32>load<i8>(from + kx * dw));
        store<u8>(y + ox, <u8>(best ^ flip));
      }
      y += ow;
    }
  }
}

/** sums[i] += centred x[i]. */
function addInto(sums: usize, x: usize, n: i32, flip: i32, zero: i32): void {
  const f = i8x16.splat(<i8>flip);
  const z = i16x8.splat(<i16>zero);
  let i = 0;
  for (; i + 8 <= n; i += 8, sums += 32) {
    const values = i16x8.sub(i16x8.extend_low_i8x16_s(v128.xor(v128.load64_zero(x + i), f)), z);
    v128.store(sums, i32x4.add(v128.load(sums), i32x4.extend_low_i16x8_s(values)));
    v128.store(sums, i32x4.add(v128.load(sums, 16), i32x4.extend_high_i16x8_s(values)), 16);
  }
  for (; i < n; i++, sums += 4) store<i32>(sums, load<i32>(sums) + <i32><i8>(load<u8>(x + i) ^ <u8>flip) - zero);
}

/** Bytes of scratch that `i8_avg_pool` needs. */
export function i8_avg_pool_scratch(w: i32, kw: i32, ow: i32, sw: i32, pl: i32): i32 {
  return reachX(w, kw, ow, sw, pl, 1) * 4 + 16;
}

/** y `[P, OH, OW]` <- requantized sum over each window of x `[P, H, W]` minus its zero point; padding adds 0. */
export function i8_avg_pool(
  x: usize, y: usize, scratch: usize, planes: i32, h: i32, w: i32, kh: i32, kw: i32, oh: i32, ow: i32, sh: i32, sw: i32, pt: i32, pl: i32,
  flip: i32, xZero: i32, multiplier: i32, shift: i32, yZero: i32, lo: i32, hi: i32,
): void {
  const columns = reachX(w, kw, ow, sw, pl, 1);
  for (let p = 0; p < planes; p++, x += h * w) {
    for (let oy = 0; oy < oh; oy++) {
      const iy = oy * sh - pt;
      const end = endTap(iy, 1, kh, h);
      fillVectors(scratch, columns * 4, 0);
      for (let ky = firstTap(iy, 1, kh); ky < end; ky++) addInto(scratch + pl * 4, x + (iy + ky) * w, w, flip, xZero);
      for (let ox = 0; ox < ow; ox++, y++) {
        const from = scratch + ox * sw * 4;
        let sum: i32 = 0;
        for (let kx = 0; kx < kw; kx++) sum += load<i32>(from + kx * 4);
        store<u8>(y, <u8>requantize1(sum, multiplier, shift & 63, yZero, lo, hi));
      }
    }
  }
}

/** Sum of n bytes. */
function sumRow(x: usize, n: i32, flip: i32): i32 {
  const f = i8x16.splat(<i8>flip);
  let sums = i32x4.splat(0);
  let i = 0;
  for (; i + 16 <= n; i += 16) {
    sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v128.xor(v128.load(x + i), f))));
  }
  let sum = i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
  for (; i < n; i++) sum += <i32><i8>(load<u8>(x + i) ^ <u8>flip);
  return sum;
}

/** y `[outer, inner]` <- requantized sum of x `[outer, axis, inner]` minus its zero point; scratch is `inner` i32 where inner > 1. */
export function i8_mean(
  x: usize, y: usize, scratch: usize, outer: i32, axis: i32, inner: i32,
  flip: i32, xZero: i32, multiplier: i32, shift: i32, yZero: i32, lo: i32, hi: i32,
): void {
  for (; outer > 0; outer--, x += axis * inner, y += inner) {
    if (inner === 1) {
      store<u8>(y, <u8>requantize1(sumRow(x, axis, flip) - axis * xZero, multiplier, shift & 63, yZero, lo, hi));
      continue;
    }
    memory.fill(scratch, 0, inner * 4);
    for (let a = 0; a < axis; a++) addInto(scratch, x + a * inner, inner, flip, xZero);
    for (let i = 0; i < inner; i++) {
      store<u8>(y + i, <u8>requantize1(load<i32>(scratch + i * 4), multiplier, shift & 63, yZero, lo, hi));
    }
  }
}
