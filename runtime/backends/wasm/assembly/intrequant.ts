/**
 * @file The end of every integer kernel: sums of 32 bits times a 31-bit multiplier, rounded, shifted, moved to the zero point, clamped.
 *
 * Exact in 64 bits, as `ir-spec/ops/int/fixed-point.ts`. A shift of 31 or more leaves a result that fits 32 bits, so products go through
 * pairs of 64-bit lanes; smaller shifts (a scale of 1 or more, rare) take the scalar way. x64 has no arithmetic shift of 64-bit lanes: a bias of
 * 2^63 makes the products unsigned first, and what it leaves is taken off behind. A result is stored by its low byte, which serves i8 and
 * u8: the clamp has put it into the range of its dtype.
 */

/** One result: round_shift(sum * multiplier, shift) + zero, clamped. */
export function requantize1(sum: i32, multiplier: i32, shift: i32, zero: i32, lo: i32, hi: i32): i32 {
  const half = ((<i64>1) << shift) >> 1;
  const scaled = ((<i64>sum * <i64>multiplier + half) >> shift) + zero;
  return <i32>min<i64>(<i64>hi, max<i64>(<i64>lo, scaled));
}

// @ts-ignore: decorator
@inline
function rescale4(sums: v128, multiplier: v128, start: v128, shift: i32, back: v128): v128 {
  const low = i64x2.shr_u(i64x2.add(i64x2.extmul_low_i32x4_s(sums, multiplier), start), shift);
  const high = i64x2.shr_u(i64x2.add(i64x2.extmul_high_i32x4_s(sums, multiplier), start), shift);
  return i32x4.sub(i8x16.shuffle(low, high, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27), back);
}

/** Sixteen-bit lanes to bytes: zero point, clamp, low bytes of both vectors. */
// @ts-ignore: decorator
@inline
export function clampToBytes(a: v128, b: v128, zero: v128, lo: v128, hi: v128): v128 {
  const byte = i16x8.splat(255);
  const x = v128.and(i16x8.min_s(i16x8.max_s(i16x8.add_sat_s(a, zero), lo), hi), byte);
  const y = v128.and(i16x8.min_s(i16x8.max_s(i16x8.add_sat_s(b, zero), lo), hi), byte);
  return i8x16.narrow_i16x8_u(x, y);
}

/** The first `count` (1 to 16) bytes. */
function storeBytes(p: usize, v: v128, count: i32): void {
  if (count >= 16) {
    v128.store(p, v);
    return;
  }
  let rest = <u64>i64x2.extract_lane(v, 0);
  if (count >= 8) {
    store<u64>(p, rest);
    rest = <u64>i64x2.extract_lane(v, 1);
    p += 8;
    count -= 8;
  }
  for (; count > 0; count--, p++, rest >>= 8) store<u8>(p, <u8>rest);
}

/** y[i] <- requantized sums[i] + start, one scale for all. Reads whole vectors of 16 sums: what lies behind them is not used. */
export function requantizeRow(sums: usize, start: i32, y: usize, n: i32, multiplier: i32, shift: i32, zero: i32, lo: i32, hi: i32): void {
  if (shift < 31) {
    for (let i = 0; i < n; i++) store<u8>(y + i, <u8>requantize1(load<i32>(sums + i * 4) + start, multiplier, shift, zero, lo, hi));
    return;
  }
  const first = i32x4.splat(start);
  const half = i64x2.splat(<i64>(((<u64>1) << 63) + ((<u64>1) << (shift - 1))));
  const back = i32x4.splat(<i32>((<u64>1) << (63 - shift)));
  const m = i32x4.splat(multiplier);
  const z = i16x8.splat(<i16>zero);
  const least = i16x8.splat(<i16>lo);
  const most = i16x8.splat(<i16>hi);
  for (; n > 0; n -= 16, sums += 64, y += 16) {
    const a = rescale4(i32x4.add(v128.load(sums), first), m, half, shift, back);
    const b = rescale4(i32x4.add(v128.load(sums, 16), first), m, half, shift, back);
    const c = rescale4(i32x4.add(v128.load(sums, 32), first), m, half, shift, back);
    const d = rescale4(i32x4.add(v128.load(sums, 48), first), m, half, shift, back);
    storeBytes(y, clampToBytes(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d), z, least, most), n);
  }
}

/** At least n bytes of `byte`, in whole vectors: up to 15 bytes more. A call of memory.fill costs more than a short row. */
export function fillVectors(to: usize, n: i32, byte: i32): void {
  const v = i8x16.splat(<i8>byte);
  for (; n > 0; n -= 16, to += 16) v128.store(to, v);
}

/** A byte as its centred value: u8 is read as i8 with the sign bit flipped (flip = 128) and a zero point 128 lower. */
// @ts-ignore: decorator
@inline
export function centred1(p: usize, flip: i32, zero: i32): i32 {
  return <i32><i8>(load<u8>(p) ^ <u8>flip) - zero;
}
