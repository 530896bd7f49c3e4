/**
 * @file Elementary functions, four lanes at a time, and a scalar power.
 *
 * Argument reduction is Cody and Waite's; the polynomials are Taylor's, long enough for f32 (a minimax fit would save one
 * term each), except log erfc, fitted for this file. No tables, so the module carries no data segment. Largest relative errors against f64,
 * as `test/kernels/wasm-raw.test.ts` holds them: exp, log, sigmoid, tanh and erf 3e-7, pow 7e-8 (it goes through f64).
 */

/** ln 2 in two parts; the first has 9 significant bits, so n * LN2_HI is exact for |n| < 2^15. */
const LN2_HI: f32 = 0.693359375;
const LN2_LO: f32 = -2.1219444005469057e-4;

// @ts-ignore: decorator
@inline
function axpb(p: v128, x: v128, c: f32): v128 {
  return f32x4.add(f32x4.mul(p, x), f32x4.splat(c));
}

/** 2^n for integer lanes -126..127. */
// @ts-ignore: decorator
@inline
function pow2(n: v128): v128 {
  return i32x4.shl(i32x4.add(n, i32x4.splat(127)), 23);
}

/** e^x; overflow gives inf, underflow goes through the subnormals to 0, NaN stays. */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const c = f32x4.min(f32x4.max(x, f32x4.splat(-104)), f32x4.splat(89));
  const n = f32x4.nearest(f32x4.mul(c, f32x4.splat(1.44269504)));
  const r = f32x4.sub(f32x4.sub(c, f32x4.mul(n, f32x4.splat(LN2_HI))), f32x4.mul(n, f32x4.splat(LN2_LO)));
  let p = axpb(f32x4.splat(1.0 / 5040.0), r, 1.0 / 720.0);
  p = axpb(p, r, 1.0 / 120.0);
  p = axpb(p, r, 1.0 / 24.0);
  p = axpb(p, r, 1.0 / 6.0);
  p = axpb(p, r, 0.5);
  p = axpb(p, r, 1);
  p = axpb(p, r, 1);
  // Two factors: 2^128 and 2^-150 are no normal floats.
  const whole = i32x4.trunc_sat_f32x4_s(n);
  const half = i32x4.shr_s(whole, 1);
  return f32x4.mul(f32x4.mul(p, pow2(half)), pow2(i32x4.sub(whole, half)));
}

/** Natural logarithm; 0 gives -inf, negative gives NaN. log(1 + f) = f - s(f - R(s^2)) with s = f / (2 + f). */
export function log4(x: v128): v128 {
  const tiny = f32x4.lt(x, f32x4.splat(1.17549435e-38));
  const bits = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, tiny);
  // Subtracting the bits of sqrt(1/2) makes the mantissa fall into [sqrt(1/2), sqrt(2)).
  const e = i32x4.shr_s(i32x4.sub(bits, i32x4.splat(0x3f3504f3)), 23);
  const f = f32x4.sub(i32x4.sub(bits, i32x4.shl(e, 23)), f32x4.splat(1));
  const k = f32x4.sub(f32x4.convert_i32x4_s(e), v128.and(tiny, f32x4.splat(23)));
  const s = f32x4.div(f, f32x4.add(f, f32x4.splat(2)));
  const z = f32x4.mul(s, s);
  let r = axpb(f32x4.splat(2.0 / 9.0), z, 2.0 / 7.0);
  r = axpb(r, z, 2.0 / 5.0);
  r = f32x4.mul(axpb(r, z, 2.0 / 3.0), z);
  const low = f32x4.sub(f32x4.mul(s, f32x4.sub(f, r)), f32x4.mul(k, f32x4.splat(LN2_LO)));
  const y = f32x4.add(f32x4.mul(k, f32x4.splat(LN2_HI)), f32x4.sub(f, low));
  const finite = f32x4.lt(x, f32x4.splat(Infinity));
  const known = v128.bitselect(y, x, finite);
  const zero = v128.bitselect(f32x4.splat(-Infinity), known, f32x4.eq(x, f32x4.splat(0)));
  return v128.bitselect(f32x4.splat(NaN), zero, f32x4.lt(x, f32x4.splat(0)));
}

/** 1 / (1 + e^-x), through e^-|x| so that the left tail keeps its relative accuracy. */
export function sigmoid4(x: v128): v128 {
  const e = exp4(f32x4.neg(f32x4.abs(x)));
  const one = f32x4.splat(1);
  return f32x4.div(v128.bitselect(one, e, f32x4.ge(x, f32x4.splat(0))), f32x4.add(one, e));
}

/**
 * t / (t + 2) with t = e^2|x| - 1 = 2^n (e^r - 1) + (2^n - 1), where e^r - 1 is a series without its 1: nothing cancels near 0, where n is 0. From 10 on tanh is 1.
 */
export function tanh4(x: v128): v128 {
  const one = f32x4.splat(1);
  const a = f32x4.min(f32x4.abs(x), f32x4.splat(10));
  const y = f32x4.add(a, a);
  const n = f32x4.nearest(f32x4.mul(y, f32x4.splat(1.44269504)));
  const r = f32x4.sub(f32x4.sub(y, f32x4.mul(n, f32x4.splat(LN2_HI))), f32x4.mul(n, f32x4.splat(LN2_LO)));
  let p = axpb(f32x4.splat(1.0 / 5040.0), r, 1.0 / 720.0);
  p = axpb(p, r, 1.0 / 120.0);
  p = axpb(p, r, 1.0 / 24.0);
  p = axpb(p, r, 1.0 / 6.0);
  p = axpb(p, r, 0.5);
  p = f32x4.add(f32x4.mul(f32x4.mul(p, r), r), r);
  const scale = pow2(i32x4.trunc_sat_f32x4_s(n));
  const t = f32x4.add(f32x4.mul(p, scale), f32x4.sub(scale, one));
  return v128.bitselect(x, f32x4.div(t, f32x4.add(t, f32x4.splat(2))), i32x4.splat(0x80000000));
}

/** Maclaurin's series below 1; above, 1 - e^p(|x|) with p fitted to log erfc on [1, 4] (least squares at Chebyshev nodes, around 2). */
export function erf4(x: v128): v128 {
  const sign = v128.and(x, i32x4.splat(0x80000000));
  const a = f32x4.min(f32x4.abs(x), f32x4.splat(4));
  const z = f32x4.mul(x, x);
  let s = axpb(f32x4.splat(1.4807192815879217e-8), z, -1.6365844691234924e-7);
  s = axpb(s, z, 1.6462114365889246e-6);
  s = axpb(s, z, -1.4925650358406251e-5);
  s = axpb(s, z, 1.2055332981789664e-4);
  s = axpb(s, z, -8.548327023450853e-4);
  s = axpb(s, z, 5.223977625442188e-3);
  s = axpb(s, z, -2.6866170645131252e-2);
  s = axpb(s, z, 1.1283791670955126e-1);
  s = axpb(s, z, -3.761263890318375e-1);
  s = axpb(s, z, 1.1283791670955126);
  const t = f32x4.sub(a, f32x4.splat(2));
  let p = axpb(f32x4.splat(1.8555852875579149e-4), t, -7.128485594876111e-4);
  p = axpb(p, t, 3.543450031429529e-3);
  p = axpb(p, t, -1.648741215467453e-2);
  p = axpb(p, t, -9.237530827522278e-1);
  p = axpb(p, t, -4.418159484863281);
  p = axpb(p, t, -5.364941120147705);
  const far = v128.or(f32x4.sub(f32x4.splat(1), exp4(p)), sign);
  return v128.bitselect(f32x4.mul(x, s), far, f32x4.lt(a, f32x4.splat(1)));
}

/** ln x of a positive finite f64, to about 1e-13. */
function log64(x: f64): f64 {
  const bits = reinterpret<i64>(x);
  const e = (bits - 0x3fe6a09e667f3bcd) >> 52;
  const f = reinterpret<f64>(bits - (e << 52)) - 1;
  const s = f / (2 + f);
  const z = s * s;
  let p: f64 = 1.0 / 15.0;
  p = p * z + 1.0 / 13.0;
  p = p * z + 1.0 / 11.0;
  p = p * z + 1.0 / 9.0;
  p = p * z + 1.0 / 7.0;
  p = p * z + 1.0 / 5.0;
  p = p * z + 1.0 / 3.0;
  p = p * z + 1;
  return <f64>e * 0.6931471805599453 + 2 * s * p;
}

/** e^t in f64, to about 1e-14, for |t| <= 300. */
function exp64(t: f64): f64 {
  const n = f64.nearest(t * 1.4426950408889634);
  const r = t - n * 0.6931471805599453;
  let p: f64 = 1;
  for (let k: f64 = 12; k > 0; k--) p = 1 + (p * r) / k;
  return p * reinterpret<f64>((<i64>n + 1023) << 52);
}

/** x^y by the rules of C's pow (ONNX Runtime's; JavaScript differs: there 1^NaN and (-1)^inf are NaN). */
export function pow1(x: f32, y: f32): f32 {
  if (y === 0 || x === 1) return 1;
  if (x !== x || y !== y) return NaN;
  const a = abs(x);
  if (a === 1 && abs(y) === Infinity) return 1;
  const whole = f32.trunc(y) === y;
  if (x < 0 && a !== Infinity && !whole) return NaN;
  let r: f32;
  if (a === 0 || a === Infinity || abs(y) === Infinity) r = a > 1 === y > 0 ? Infinity : 0;
  else r = <f32>exp64(min(max(<f64>y * log64(<f64>a), -300), 300));
  const odd = whole && abs(y) < 16777216 && (<i32>y & 1) === 1;
  return odd && reinterpret<i32>(x) < 0 ? -r : r;
}
