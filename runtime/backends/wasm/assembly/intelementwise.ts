/**
 * @file Element-wise integer functions: addition of two steps, another step, a table.
 *
 * Sums of two products are `x * xFactor + y * yFactor + offset` in i32 (zero points and the rounding half are in the offset, modulo 2^32),
 * shifted right, moved to the zero point and clamped. Bytes are read signed; `flip` = 128 makes u8 signed (see intrequant.ts).
 */
import { clampToBytes } from "./intrequant";

// @ts-ignore: decorator
@inline
function finish1(sum: i32, shift: i32, zero: i32, lo: i32, hi: i32): u8 {
  return <u8>min(hi, max(lo, (sum >> shift) + zero));
}

// @ts-ignore: decorator
@inline
function value(p: usize, flip: i32): i32 {
  return <i32><i8>(load<u8>(p) ^ <u8>flip);
}

// @ts-ignore: decorator
@inline
function scaled4(a: v128, b: v128, aFactor: v128, bFactor: v128, offset: v128, shift: i32): v128 {
  return i32x4.shr_s(i32x4.add(i32x4.add(i32x4.mul(a, aFactor), i32x4.mul(b, bFactor)), offset), shift);
}

/** Eight sums of 16-bit values, saturated to 16 bits. */
// @ts-ignore: decorator
@inline
function scaled8(a: v128, b: v128, aFactor: v128, bFactor: v128, offset: v128, shift: i32): v128 {
  return i16x8.narrow_i32x4_s(
    scaled4(i32x4.extend_low_i16x8_s(a), i32x4.extend_low_i16x8_s(b), aFactor, bFactor, offset, shift),
    scaled4(i32x4.extend_high_i16x8_s(a), i32x4.extend_high_i16x8_s(b), aFactor, bFactor, offset, shift),
  );
}

/** A run with steps of 0 (one value for all) or 1. */
function addRun(
  a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32,
  aFlip: i32, bFlip: i32, aFactor: i32, bFactor: i32, offset: i32, shift: i32, zero: i32, lo: i32, hi: i32,
): void {
  let i = 0;
  if (<u32>aStep <= 1 && <u32>bStep <= 1) {
    const flipA = i8x16.splat(<i8>aFlip);
    const flipB = i8x16.splat(<i8>bFlip);
    const factorA = i32x4.splat(aFactor);
    const factorB = i32x4.splat(bFactor);
    const start = i32x4.splat(offset);
    const z = i16x8.splat(<i16>zero);
    const least = i16x8.splat(<i16>lo);
    const most = i16x8.splat(<i16>hi);
    for (; i + 16 <= n; i += 16) {
      const va = v128.xor(aStep ? v128.load(a + i) : v128.load_splat<u8>(a), flipA);
      const vb = v128.xor(bStep ? v128.load(b + i) : v128.load_splat<u8>(b), flipB);
      const low = scaled8(i16x8.extend_low_i8x16_s(va), i16x8.extend_low_i8x16_s(vb), factorA, factorB, start, shift);
      const high = scaled8(i16x8.extend_high_i8x16_s(va), i16x8.extend_high_i8x16_s(vb), factorA, factorB, start, shift);
      v128.store(y + i, clampToBytes(low, high, z, least, most));
    }
  }
  for (; i < n; i++) {
    const sum = value(a + i * aStep, aFlip) * aFactor + value(b + i * bStep, bFlip) * bFactor + offset;
    store<u8>(y + i, finish1(sum, shift, zero, lo, hi));
  }
}

function addAxis(
  a: usize, b: usize, y: usize, d: i32, rank: i32, table: usize,
  aFlip: i32, bFlip: i32, aFactor: i32, bFactor: i32, offset: i32, shift: i32, zero: i32, lo: i32, hi: i32,
): usize {
  const size = load<i32>(table + d * 4);
  const aStep = load<i32>(table + (rank + d) * 4);
  const bStep = load<i32>(table + (2 * rank + d) * 4);
  if (d + 1 < rank) {
    for (let i = 0; i < size; i++, a += aStep, b += bStep) {
      y = addAxis(a, b, y, d + 1, rank, table, aFlip, bFlip, aFactor, bFactor, offset, shift, zero, lo, hi);
    }
    return y;
  }
  addRun(a, aStep, b, bStep, y, size, aFlip, bFlip, aFactor, bFactor, offset, shift, zero, lo, hi);
  return y + size;
}

/**
 * y (contiguous) <- clamp(((a * aFactor + b * bFactor + offset) >> shift) + zero). `table` is i32: `rank` sizes of y, `rank` strides of a, `rank`
 * of b, outermost first, 0 for a broadcast axis; rank 1 to 6. `offset` holds zero points and the rounding half.
 */
export function i8_add(
  a: usize, b: usize, y: usize, rank: i32, table: usize,
  aFlip: i32, bFlip: i32, aFactor: i32, bFactor: i32, offset: i32, shift: i32, zero: i32, lo: i32, hi: i32,
): void {
  addAxis(a, b, y, 0, rank, table, aFlip, bFlip, aFactor, bFactor, offset, shift, zero, lo, hi);
}

/** y[i] <- clamp(((x[i] * factor + offset) >> shift) + zero). May run in place. */
export function i8_requantize(
  x: usize, y: usize, n: i32, flip: i32, factor: i32, offset: i32, shift: i32, zero: i32, lo: i32, hi: i32,
): void {
  addRun(x, 1, x, 1, y, n, flip, flip, factor, 0, offset, shift, zero, lo, hi);
}

/** y[i] <- table[x[i]], 256 bytes that start at the byte 0 of u8, or at -128 of i8 (flip = 128). May run in place. */
export function i8_lookup(x: usize, table: usize, y: usize, n: i32, flip: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const a = load<u8>(table + (load<u8>(x + i) ^ <u8>flip));
    const b = load<u8>(table + (load<u8>(x + i, 1) ^ <u8>flip));
    const c = load<u8>(table + (load<u8>(x + i, 2) ^ <u8>flip));
    const d = load<u8>(table + (load<u8>(x + i, 3) ^ <u8>flip));
    store<u32>(y + i, <u32>a | (<u32>b << 8) | (<u32>c << 16) | (<u32>d << 24));
  }
  for (; i < n; i++) store<u8>(y + i, load<u8>(table + (load<u8>(x + i) ^ <u8>flip)));
}
