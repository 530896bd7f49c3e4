/**
 * @file Element-wise functions of one tensor: y[i] <- f(x[i]), i < n. All may run in place (y = x). NaN in, NaN out, everywhere.
 */
import { erf4, exp4, log4, sigmoid4, tanh4 } from "./math";
import { load4, store4 } from "./vector";

/** max(x, 0), a NaN stays NaN as in ONNX Runtime; -0 gives +0. */
export function f32_relu(x: usize, y: usize, n: i32): void {
  const zero = f32x4.splat(0);
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, f32x4.max(load4(x, n), zero), n);
}

/** min(max(x, lo), hi); where lo > hi the result is hi, as in ONNX. */
export function f32_clip(x: usize, y: usize, n: i32, lo: f32, hi: f32): void {
  const low = f32x4.splat(lo);
  const high = f32x4.splat(hi);
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, f32x4.min(f32x4.max(load4(x, n), low), high), n);
}

/** x where x >= 0, else slope * x. */
export function f32_leaky_relu(x: usize, y: usize, n: i32, slope: f32): void {
  const k = f32x4.splat(slope);
  const zero = f32x4.splat(0);
  for (; n > 0; n -= 4, x += 16, y += 16) {
    const v = load4(x, n);
    store4(y, v128.bitselect(v, f32x4.mul(v, k), f32x4.ge(v, zero)), n);
  }
}

export function f32_neg(x: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, f32x4.neg(load4(x, n)), n);
}

export function f32_abs(x: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, f32x4.abs(load4(x, n)), n);
}

export function f32_sqrt(x: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, f32x4.sqrt(load4(x, n)), n);
}

export function f32_reciprocal(x: usize, y: usize, n: i32): void {
  const one = f32x4.splat(1);
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, f32x4.div(one, load4(x, n)), n);
}

export function f32_floor(x: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, f32x4.floor(load4(x, n)), n);
}

export function f32_ceil(x: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, f32x4.ceil(load4(x, n)), n);
}

/** Halves go to the even neighbour. */
export function f32_round(x: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, f32x4.nearest(load4(x, n)), n);
}

export function f32_exp(x: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, exp4(load4(x, n)), n);
}

export function f32_log(x: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, log4(load4(x, n)), n);
}

export function f32_sigmoid(x: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, sigmoid4(load4(x, n)), n);
}

export function f32_tanh(x: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, tanh4(load4(x, n)), n);
}

export function f32_erf(x: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, x += 16, y += 16) store4(y, erf4(load4(x, n)), n);
}

/** max(x, 0) + log(1 + e^-|x|); where 1 + e rounds to u, log(1 + e) is log(u) e / (u - 1), and e where u is 1 (Kahan). */
export function f32_softplus(x: usize, y: usize, n: i32): void {
  const zero = f32x4.splat(0);
  const one = f32x4.splat(1);
  for (; n > 0; n -= 4, x += 16, y += 16) {
    const v = load4(x, n);
    const e = exp4(f32x4.neg(f32x4.abs(v)));
    const u = f32x4.add(one, e);
    const rest = f32x4.sub(u, one);
    const log = v128.bitselect(e, f32x4.div(f32x4.mul(log4(u), e), rest), f32x4.eq(rest, zero));
    store4(y, f32x4.add(f32x4.max(v, zero), log), n);
  }
}
