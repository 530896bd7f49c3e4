/**
 * @file Integer products that stay i32 sums: matrix product and convolution by values and weights that are centred when they run, since their zero points may be computed.
 *
 * Both sides become rows of 16-bit numbers in scratch, padded to whole vectors with zeros, and every sum is a dot product of two rows by
 * `i32x4.dot_i16x8_s`: centred bytes are at most 255 in size, so a pair of products fits easily. Zero points are addresses; 0 means none.
 */

// @ts-ignore: decorator
@inline
function vectorsOf(k: i32): i32 {
  return (k + 7) & ~7;
}

// @ts-ignore: decorator
@inline
function byteAt(p: usize, signed: bool): i32 {
  return signed ? <i32>load<i8>(p) : <i32>load<u8>(p);
}

// @ts-ignore: decorator
@inline
function zeroAt(p: usize, signed: bool): i32 {
  return p ? byteAt(p, signed) : 0;
}

/** to `[k rounded up to 8]` <- k bytes, `step` apart, less their zero point. */
function centre(x: usize, step: i32, to: usize, k: i32, signed: bool, zero: i32): void {
  let i = 0;
  for (; i < k; i++, x += step, to += 2) store<i16>(to, <i16>(byteAt(x, signed) - zero));
  for (const end = vectorsOf(k); i < end; i++, to += 2) store<i16>(to, 0);
}

// @ts-ignore: decorator
@inline
function sum4(v: v128): i32 {
  const pairs = i32x4.add(v, i64x2.shuffle(v, v, 1, 0));
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
}

/** y[j * step] <- a * row j of b, for n rows of `length` (a multiple of 8) numbers. */
function products(a: usize, b: usize, length: i32, n: i32, y: usize, step: i32): void {
  const bytes = length * 2;
  let j = 0;
  for (; j + 4 <= n; j += 4, b += 4 * bytes, y += 4 * step) {
    let s0 = i32x4.splat(0);
    let s1 = s0;
    let s2 = s0;
    let s3 = s0;
    for (let p = 0; p < bytes; p += 16) {
      const v = v128.load(a + p);
      const row = b + p;
      s0 = i32x4.add(s0, i32x4.dot_i16x8_s(v, v128.load(row)));
      s1 = i32x4.add(s1, i32x4.dot_i16x8_s(v, v128.load(row + bytes)));
      s2 = i32x4.add(s2, i32x4.dot_i16x8_s(v, v128.load(row + 2 * bytes)));
      s3 = i32x4.add(s3, i32x4.dot_i16x8_s(v, v128.load(row + 3 * bytes)));
    }
    store<i32>(y, sum4(s0));
    store<i32>(y + step, sum4(s1));
    store<i32>(y + 2 * step, sum4(s2));
    store<i32>(y + 3 * step, sum4(s3));
  }
  for (; j < n; j++, b += bytes, y += step) {
    let sum = i32x4.splat(0);
    for (let p = 0; p < bytes; p += 16) sum = i32x4.add(sum, i32x4.dot_i16x8_s(v128.load(a + p), v128.load(b + p)));
    store<i32>(y, sum4(sum));
  }
}

/** Bytes of scratch for products with n rows of k numbers. */
export function i8_sums_scratch(n: i32, k: i32): i32 {
  return (n + 1) * vectorsOf(k) * 2;
}

/** y `[m, n]` i32 <- (a `[m, k]` - its zero point) (b `[k, n]` - its), the latter `bZeroStep` bytes apart per column (0: one for all). */
export function i8_matmul(
  a: usize, b: usize, aZero: usize, bZero: usize, bZeroStep: i32, y: usize, scratch: usize, m: i32, n: i32, k: i32,
  aSigned: bool, bSigned: bool,
): void {
  const length = vectorsOf(k);
  const columns = scratch + length * 2;
  for (let j = 0; j < n; j++) centre(b + j, n, columns + j * length * 2, k, bSigned, zeroAt(bZero ? bZero + j * bZeroStep : 0, bSigned));
  const zero = zeroAt(aZero, aSigned);
  for (let i = 0; i < m; i++, y += n * 4) {
    centre(a + i * k, 1, scratch, k, aSigned, zero);
    products(scratch, columns, length, n, y, 4);
  }
}

/**
 * y `[groups * outs, oh, ow]` i32 <- one image x `[groups * ins, h, w]` by weights `[groups * outs, ins, kh, kw]`, centred; what lies outside
 * contributes 0. `wZeroStep` as in `i8_matmul`, per output channel. Scratch as for `outs` rows of ins * kh * kw numbers.
 */
export function i8_conv_sums(
  x: usize, weight: usize, xZero: usize, wZero: usize, wZeroStep: i32, y: usize, scratch: usize, groups: i32, ins: i32, outs: i32,
  h: i32, w: i32, kh: i32, kw: i32, oh: i32, ow: i32, sh: i32, sw: i32, pt: i32, pl: i32, dh: i32, dw: i32,
  xSigned: bool, wSigned: bool,
): void {
  const k = ins * kh * kw;
  const length = vectorsOf(k);
  const rows = scratch + length * 2;
  const zero = zeroAt(xZero, xSigned);
  for (let g = 0; g < groups; g++, x += ins * h * w, weight += outs * k, y += outs * oh * ow * 4) {
    for (let o = 0; o < outs; o++) {
      const own = wZero ? wZero + (g * outs + o) * wZeroStep : 0;
      centre(weight + o * k, 1, rows + o * length * 2, k, wSigned, zeroAt(own, wSigned));
    }
    for (let i = k; i < length; i++) store<i16>(scratch + i * 2, 0);
    for (let r = 0; r < oh; r++) {
      for (let c = 0; c < ow; c++) {
        window(x, scratch, ins, h, w, kh, kw, r * sh - pt, c * sw - pl, dh, dw, xSigned, zero);
        products(scratch, rows, length, outs, y + (r * ow + c) * 4, oh * ow * 4);
      }
    }
  }
}

/** to <- the centred values under the kernel whose first element lies at (top, left), 0 outside. */
function window(
  x: usize, to: usize, ins: i32, h: i32, w: i32, kh: i32, kw: i32, top: i32, left: i32, dh: i32, dw: i32, signed: bool, zero: i32,
): void {
  for (let i = 0; i < ins; i++, x += h * w) {
    for (let r = 0; r < kh; r++) {
      const row = top + r * dh;
      for (let c = 0; c < kw; c++, to += 2) {
        const column = left + c * dw;
        const inside = <u32>row < <u32>h && <u32>column < <u32>w;
        store<i16>(to, inside ? <i16>(byteAt(x + row * w + column, signed) - zero) : 0);
      }
    }
  }
}
