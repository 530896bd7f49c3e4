/** @file Conversions between all dtypes, those to f32 that models are full of as loops of their own, and fill. Half precision goes through integer bits, so NaN payloads, signaling ones included, survive. */
import { readCode, writeCode } from "./codes";
import { store4 } from "./vector";

/** y[i] <- value. */
export function f32_fill(y: usize, n: i32, value: f32): void {
  const v = f32x4.splat(value);
  for (; n > 0; n -= 4, y += 16) store4(y, v, n);
}

export function i8_cast_f32(x: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i++) store<f32>(y + (<usize>i << 2), <f32>load<i8>(x + i));
}

export function u8_cast_f32(x: usize, y: usize, n: i32): void {
  for (let i = 0; i < n; i++) store<f32>(y + (<usize>i << 2), <f32>load<u8>(x + i));
}

/** Rounds to nearest even beyond 24 bits. */
export function i32_cast_f32(x: usize, y: usize, n: i32): void {
  for (; n > 0; n--, x += 4, y += 4) store<f32>(y, <f32>load<i32>(x));
}

export function bf16_cast_f32(x: usize, y: usize, n: i32): void {
  for (; n > 0; n--, x += 2, y += 4) store<u32>(y, <u32>load<u16>(x) << 16);
}

/** Bits of the f32 equal to a half: rebias the exponent by 112; subnormal halves are their mantissa times 2^-24. */
function widenHalf(h: u32): u32 {
  const sign = (h & 0x8000) << 16;
  const rest = (h & 0x7fff) << 13;
  if (rest >= 0x0f800000) return sign | 0x7f800000 | rest;
  if (rest >= 0x00800000) return sign | (rest + 0x38000000);
  return sign | reinterpret<u32>(<f32>(h & 0x3ff) * <f32>5.960464477539063e-8);
}

export function f16_cast_f32(x: usize, y: usize, n: i32): void {
  for (; n > 0; n--, x += 2, y += 4) store<u32>(y, widenHalf(load<u16>(x)));
}

/** Numbers of the dtypes as `convert` takes them: `castCodes` in kernels/cast.ts. */
const F64: i32 = 0;
const F32: i32 = 1;
const F16: i32 = 2;
const BF16: i32 = 3;
const I64: i32 = 4;
const U64: i32 = 5;
const I32: i32 = 6;
const U32: i32 = 7;
const BOOL: i32 = 8;
/** Integers of up to 16 bits: 16 + 2 log2(bits) + (signed ? 1 : 0). */
const SMALL: i32 = 16;

// @ts-ignore: decorator
@inline
function bitsOf(dtype: i32): i32 {
  return dtype === BOOL ? 8 : 1 << ((dtype - SMALL) >> 1);
}

// @ts-ignore: decorator
@inline
function at(p: usize, i: i32, shift: i32): usize {
  return p + (<usize>i << shift);
}

function loadFloat(p: usize, i: i32, dtype: i32): f64 {
  if (dtype === F64) return load<f64>(at(p, i, 3));
  if (dtype === F32) return load<f32>(at(p, i, 2));
  const half = <u32>load<u16>(at(p, i, 1));
  return reinterpret<f32>(dtype === F16 ? widenHalf(half) : half << 16);
}

function loadInteger(p: usize, i: i32, dtype: i32): i64 {
  if (dtype === I64 || dtype === U64) return load<i64>(at(p, i, 3));
  if (dtype === I32) return load<i32>(at(p, i, 2));
  if (dtype === U32) return load<u32>(at(p, i, 2));
  return readCode(bitsOf(dtype), dtype !== BOOL && (dtype & 1) !== 0, p, i);
}

/** An f32 between which and the value no narrower float, and no middle of two, lies: one rounding of it is one of the value ("round to odd"). */
function oddF32(value: f64): u32 {
  const near = <f32>value;
  let bits = reinterpret<u32>(near);
  if (<f64>near === value || value !== value) return bits;
  if (Math.abs(<f64>near) > Math.abs(value)) bits--;
  return bits | 1;
}

function narrowHalf(bits: u32): u32 {
  const sign = (bits >> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00;
  if (size >= 0x47800000) return sign | 0x7c00;
  if (size < 0x38800000) return sign | <u32>nearest(reinterpret<f32>(size) * <f32>16777216);
  const rebiased = size - 0x38000000;
  return sign | ((rebiased + 0xfff + ((rebiased >> 13) & 1)) >> 13);
}

function narrowBrain(bits: u32): u32 {
  if ((bits & 0x7fffffff) > 0x7f800000) return ((bits >> 16) & 0x8000) | 0x7fc0;
  return (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
}

function storeFloat(p: usize, i: i32, dtype: i32, value: f64): void {
  if (dtype === F64) store<f64>(at(p, i, 3), value);
  else if (dtype === F32) store<f32>(at(p, i, 2), <f32>value);
  else {
    const bits = oddF32(value);
    store<u16>(at(p, i, 1), <u16>(dtype === F16 ? narrowHalf(bits) : narrowBrain(bits)));
  }
}

function storeInteger(p: usize, i: i32, dtype: i32, value: i64): void {
  if (dtype === I64 || dtype === U64) store<i64>(at(p, i, 3), value);
  else if (dtype === I32 || dtype === U32) store<i32>(at(p, i, 2), <i32>value);
  else writeCode(bitsOf(dtype), p, i, <i32>value);
}

/** A 64-bit integer as a double, what does not fit gathered in its lowest bit, for a narrower float. To f64 itself, the nearest. */
function widened(value: i64, unsigned: bool, to: i32): f64 {
  const large = unsigned && value < 0;
  if (to === F64) return large ? <f64>(<u64>value) : <f64>value;
  if (!large && value < 1 << 53 && value > -(<i64>1 << 53)) return <f64>value;
  const sticky = <i64>((value & 0xfff) !== 0);
  return <f64>((large ? <i64>(<u64>value >> 12) : value >> 12) | sticky) * 4096;
}

/** Truncated and saturated; below 8 bits the low bits of the truncated number. NaN is 0. */
function truncated(value: f64, to: i32): i64 {
  if (value !== value) return 0;
  if (to === U64) return value >= 18446744073709551616.0 ? -1 : value <= 0 ? 0 : <i64>(<u64>value);
  const beyond = Math.abs(value) >= 9223372036854775808.0;
  const whole = !beyond ? <i64>value : value > 0 ? i64.MAX_VALUE : i64.MIN_VALUE;
  if (to === I64) return whole;
  if (to === I32) return min<i64>(max<i64>(whole, i32.MIN_VALUE), i32.MAX_VALUE);
  if (to === U32) return min<i64>(max<i64>(whole, 0), u32.MAX_VALUE);
  const bits = bitsOf(to);
  if (bits < 8) return beyond ? 0 : whole;
  const half = <i64>1 << (bits - 1);
  return (to & 1) !== 0 ? min<i64>(max<i64>(whole, -half), half - 1) : min<i64>(max<i64>(whole, 0), 2 * half - 1);
}

/** y[i] <- x[i] in another dtype: floats round to nearest even, become integers by truncation and saturation; integers wrap; bool is x != 0. */
export function convert(x: usize, y: usize, n: i32, from: i32, to: i32): void {
  for (let i = 0; i < n; i++) {
    if (from <= BF16) {
      const value = loadFloat(x, i, from);
      if (to <= BF16) storeFloat(y, i, to, value);
      else storeInteger(y, i, to, to === BOOL ? <i64>(value !== 0) : truncated(value, to));
    } else {
      const value = loadInteger(x, i, from);
      if (to <= BF16) storeFloat(y, i, to, widened(value, from === U64, to));
      else storeInteger(y, i, to, to === BOOL ? <i64>(value !== 0) : value);
    }
  }
}
