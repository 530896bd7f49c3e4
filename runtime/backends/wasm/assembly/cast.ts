/** @file Conversions to f32 and fill. Half precision goes through integer bits, so NaN payloads, signaling ones included, survive. */
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
