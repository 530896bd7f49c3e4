/**
 * @file Partial 4-lane loads and stores, activations and lane reductions shared by all float kernels.
 *
 * A loop runs `for (; n > 0; n -= 4)` and hands the remaining count to `load4` and `store4`: the last, partial vector goes through the
 * same arithmetic as all others, so a value never depends on where in the tensor it stands. Neither touches a byte past the tensor.
 */

/** Activation codes of the epilogue. */
export const ACT_NONE: i32 = 0;
export const ACT_RELU: i32 = 1;
export const ACT_RELU6: i32 = 2;

/**
 * a * b + c. In the module for relaxed SIMD one instruction, which rounds once where the machine can fuse the two and else twice; otherwise two, which give the
 * same bits everywhere.
 */
// @ts-ignore: decorator
@inline
export function madd4(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(c, f32x4.mul(a, b));
}

/** First `count` (0..3) lanes from memory, zeros above. */
export function loadPart(p: usize, count: i32): v128 {
  let v = f32x4.splat(0);
  if (count > 0) v = v128.load32_zero(p);
  if (count > 1) v = v128.load_lane<f32>(p, v, 1, 4);
  if (count > 2) v = v128.load_lane<f32>(p, v, 2, 8);
  return v;
}

/** Stores the first `count` (0..3) lanes. */
export function storePart(p: usize, v: v128, count: i32): void {
  if (count > 0) v128.store_lane<f32>(p, v, 0);
  if (count > 1) v128.store_lane<f32>(p, v, 1, 4);
  if (count > 2) v128.store_lane<f32>(p, v, 2, 8);
}

/** Four lanes, or as many as `count` leaves; `count` may be zero or negative. */
// @ts-ignore: decorator
@inline
export function load4(p: usize, count: i32): v128 {
  return count >= 4 ? v128.load(p) : loadPart(p, count);
}

// @ts-ignore: decorator
@inline
export function store4(p: usize, v: v128, count: i32): void {
  if (count >= 4) v128.store(p, v);
  else storePart(p, v, count);
}

/** relu and relu6 as clamps; a NaN stays NaN, as in ONNX Runtime, and -0 becomes +0. */
// @ts-ignore: decorator
@inline
export function activate4(v: v128, act: i32): v128 {
  if (act === ACT_NONE) return v;
  const low = f32x4.max(v, f32x4.splat(0));
  return act === ACT_RELU6 ? f32x4.min(low, f32x4.splat(6)) : low;
}

// @ts-ignore: decorator
@inline
export function activate1(v: f32, act: i32): f32 {
  if (act === ACT_NONE) return v;
  const low = f32.max(v, 0);
  return act === ACT_RELU6 ? f32.min(low, 6) : low;
}

/** Sum of the four lanes, always in the order (0 + 2) + (1 + 3). */
export function sumLanes(v: v128): f32 {
  const even = f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 2);
  return even + (f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 3));
}

export function maxLanes(v: v128): f32 {
  const even = f32.max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 2));
  return f32.max(even, f32.max(f32x4.extract_lane(v, 1), f32x4.extract_lane(v, 3)));
}
