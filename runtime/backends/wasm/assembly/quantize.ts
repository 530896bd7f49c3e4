/**
 * @file Affine quantization: y = (q - zero) * scale and back, per tensor, per axis, or per block along an axis (ONNX's QuantizeLinear).
 *
 * The tensor is seen as `[outer, axis, inner]`. block = 0: `scale [axis]`, one for each position of the axis; a whole tensor is outer =
 * axis = 1. block = g > 0: `scale [outer, ceil(axis / g), inner]`. The zero point has the scale's shape and the codes' dtype (packed like
 * them); address 0 means none. The walk cuts the tensor into runs that share one scale, so the loops below see plain arrays.
 */
import { readCode, writeCode } from "./codes";

/** Eight codes of 8 bits, or of 4 bits starting at an even i, as 16-bit lanes. */
// @ts-ignore: decorator
@inline
function codes8(bits: i32, signed: bool, q: usize, i: i32): v128 {
  if (bits === 8) {
    const bytes = v128.load64_zero(q + i);
    return signed ? i16x8.extend_low_i8x16_s(bytes) : i16x8.extend_low_i8x16_u(bytes);
  }
  const pairs = v128.load32_zero(q + (i >> 1));
  const low = v128.and(pairs, i8x16.splat(15));
  const high = i8x16.shr_u(pairs, 4);
  const codes = i8x16.shuffle(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const eight = i8x16.splat(8);
  return i16x8.extend_low_i8x16_s(signed ? i8x16.sub(v128.xor(codes, eight), eight) : codes);
}

/** (q - zero) * scale for `count` codes from element `start` on; the difference is exact up to 24 bits. */
function dequantizeRun(bits: i32, signed: bool, q: usize, y: usize, start: i32, count: i32, scale: f32, zero: i32): void {
  const end = start + count;
  let i = start;
  if (bits === 8 || (bits === 4 && (start & 1) === 0)) {
    const s = f32x4.splat(scale);
    const z = i32x4.splat(zero);
    for (; i + 8 <= end; i += 8) {
      const codes = codes8(bits, signed, q, i);
      const to = y + (<usize>i << 2);
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(i32x4.extend_low_i16x8_s(codes), z)), s));
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(i32x4.extend_high_i16x8_s(codes), z)), s), 16);
    }
  }
  for (; i < end; i++) store<f32>(y + (<usize>i << 2), <f32>(readCode(bits, signed, q, i) - zero) * scale);
}

/** Four codes of `quantizeRun` as 32-bit lanes. */
// @ts-ignore: decorator
@inline
function quantized4(x: usize, scale: v128, zero: v128, lo: v128, hi: v128): v128 {
  const r = f32x4.nearest(f32x4.div(v128.load(x), scale));
  const code = f32x4.min(f32x4.max(f32x4.add(r, zero), lo), hi);
  return i32x4.trunc_sat_f32x4_s(v128.bitselect(code, zero, f32x4.eq(r, r)));
}

/** Rounds half to even and saturates to [lo, hi]; NaN gives the zero point (it stands for 0). */
function quantizeRun(
  bits: i32, x: usize, y: usize, start: i32, count: i32, scale: f32, zero: i32, lo: f32, hi: f32,
): void {
  const end = start + count;
  let i = start;
  if (bits === 8 && count >= 8) {
    const s = f32x4.splat(scale);
    const z = f32x4.splat(<f32>zero);
    const least = f32x4.splat(lo);
    const most = f32x4.splat(hi);
    const byte = i16x8.splat(255);
    for (; i + 8 <= end; i += 8) {
      const from = x + (<usize>i << 2);
      const codes = i16x8.narrow_i32x4_s(quantized4(from, s, z, least, most), quantized4(from + 16, s, z, least, most));
      const low = v128.and(codes, byte);
      v128.store64_lane(y + i, i8x16.narrow_i16x8_u(low, low), 0);
    }
  }
  for (; i < end; i++) {
    const r = nearest(load<f32>(x + (<usize>i << 2)) / scale);
    const code = r === r ? <i32>f32.min(f32.max(r + <f32>zero, lo), hi) : zero;
    writeCode(bits, y, i, code);
  }
}

/** One run in either direction, with parameter number `p`; bits is the width of the codes. */
// @ts-ignore: decorator
@inline
function run(
  forward: bool, bits: i32, signed: bool, from: usize, to: usize, start: i32, count: i32, scales: usize, zeros: usize, p: i32,
): void {
  const scale = load<f32>(scales + (<usize>p << 2));
  const zero = zeros ? readCode(bits, signed, zeros, p) : 0;
  if (forward) {
    const least = signed ? -(1 << (bits - 1)) : 0;
    quantizeRun(bits, from, to, start, count, scale, zero, <f32>least, <f32>(least + (1 << bits) - 1));
  } else dequantizeRun(bits, signed, from, to, start, count, scale, zero);
}

function walk(
  forward: bool, bits: i32, signed: bool, from: usize, scales: usize, zeros: usize, to: usize,
  outer: i32, axis: i32, inner: i32, block: i32,
): void {
  const blocks = block ? (axis + block - 1) / block : axis;
  const width = inner === 1 && block ? block : 1;
  for (let o = 0; o < outer; o++) {
    for (let a = 0; a < axis; a += width) {
      const start = (o * axis + a) * inner;
      if (block === 0) run(forward, bits, signed, from, to, start, inner, scales, zeros, a);
      else if (inner === 1) run(forward, bits, signed, from, to, start, min(block, axis - a), scales, zeros, o * blocks + a / block);
      else {
        const p = (o * blocks + a / block) * inner;
        for (let i = 0; i < inner; i++) run(forward, bits, signed, from, to, start + i, 1, scales, zeros, p + i);
      }
    }
  }
}

/** y `[outer, axis, inner]` f32 <- (q - zero) * scale, q signed bytes. */
export function i8_dequantize_f32(
  q: usize, scale: usize, zero: usize, y: usize, outer: i32, axis: i32, inner: i32, block: i32,
): void {
  walk(false, 8, true, q, scale, zero, y, outer, axis, inner, block);
}

export function u8_dequantize_f32(
  q: usize, scale: usize, zero: usize, y: usize, outer: i32, axis: i32, inner: i32, block: i32,
): void {
  walk(false, 8, false, q, scale, zero, y, outer, axis, inner, block);
}

/** q and zero are packed, two to a byte, low half first. */
export function i4_dequantize_f32(
  q: usize, scale: usize, zero: usize, y: usize, outer: i32, axis: i32, inner: i32, block: i32,
): void {
  walk(false, 4, true, q, scale, zero, y, outer, axis, inner, block);
}

export function u4_dequantize_f32(
  q: usize, scale: usize, zero: usize, y: usize, outer: i32, axis: i32, inner: i32, block: i32,
): void {
  walk(false, 4, false, q, scale, zero, y, outer, axis, inner, block);
}

export function i2_dequantize_f32(
  q: usize, scale: usize, zero: usize, y: usize, outer: i32, axis: i32, inner: i32, block: i32,
): void {
  walk(false, 2, true, q, scale, zero, y, outer, axis, inner, block);
}

export function u2_dequantize_f32(
  q: usize, scale: usize, zero: usize, y: usize, outer: i32, axis: i32, inner: i32, block: i32,
): void {
  walk(false, 2, false, q, scale, zero, y, outer, axis, inner, block);
}

/** 32-bit codes (a quantized bias); those beyond 24 bits are rounded to f32 first. */
export function i32_dequantize_f32(
  q: usize, scale: usize, zero: usize, y: usize, outer: i32, axis: i32, inner: i32, block: i32,
): void {
  walk(false, 32, true, q, scale, zero, y, outer, axis, inner, block);
}

/** y `[outer, axis, inner]` i8 <- saturate(round half to even(x / scale) + zero). */
export function f32_quantize_i8(
  x: usize, scale: usize, zero: usize, y: usize, outer: i32, axis: i32, inner: i32, block: i32,
): void {
  walk(true, 8, true, x, scale, zero, y, outer, axis, inner, block);
}

export function f32_quantize_u8(
  x: usize, scale: usize, zero: usize, y: usize, outer: i32, axis: i32, inner: i32, block: i32,
): void {
  walk(true, 8, false, x, scale, zero, y, outer, axis, inner, block);
}

/** Codes of 1, 2, 4, 8 or 16 bits from f32, as `f32_quantize_i8`. */
export function f32_quantize(
  x: usize, scale: usize, zero: usize, y: usize, outer: i32, axis: i32, inner: i32, block: i32, bits: i32, signed: bool,
): void {
  walk(true, bits, signed, x, scale, zero, y, outer, axis, inner, block);
}

/** Codes of 1, 2, 4, 8, 16 or 32 bits to f32, as `i8_dequantize_f32`. */
export function dequantize_f32(
  q: usize, scale: usize, zero: usize, y: usize, outer: i32, axis: i32, inner: i32, block: i32, bits: i32, signed: bool,
): void {
  walk(false, bits, signed, q, scale, zero, y, outer, axis, inner, block);
}
