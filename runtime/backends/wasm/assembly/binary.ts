/**
 * @file Element-wise functions of two tensors, with the operation as a code, plain and with broadcasting.
 *
 * Codes: 0 add, 1 sub, 2 mul, 3 div, 4 min, 5 max, 6 pow. The code is looked at once per four values; a loop per operation would be
 * faster inside the first-level cache and six times the code. min and max give NaN if either side is NaN (ONNX Runtime's Min and Max).
 */
import { pow1 } from "./math";
import { load4, store4 } from "./vector";

function pow4(a: v128, b: v128): v128 {
  let y = f32x4.splat(pow1(f32x4.extract_lane(a, 0), f32x4.extract_lane(b, 0)));
  y = f32x4.replace_lane(y, 1, pow1(f32x4.extract_lane(a, 1), f32x4.extract_lane(b, 1)));
  y = f32x4.replace_lane(y, 2, pow1(f32x4.extract_lane(a, 2), f32x4.extract_lane(b, 2)));
  return f32x4.replace_lane(y, 3, pow1(f32x4.extract_lane(a, 3), f32x4.extract_lane(b, 3)));
}

function apply4(op: i32, a: v128, b: v128): v128 {
  switch (op) {
    case 0: return f32x4.add(a, b);
    case 1: return f32x4.sub(a, b);
    case 2: return f32x4.mul(a, b);
    case 3: return f32x4.div(a, b);
    case 4: return f32x4.min(a, b);
    case 5: return f32x4.max(a, b);
    default: return pow4(a, b);
  }
}

/** y[i] <- op(a[i], b[i]). May run in place. */
export function f32_binary(op: i32, a: usize, b: usize, y: usize, n: i32): void {
  for (; n > 0; n -= 4, a += 16, b += 16, y += 16) store4(y, apply4(op, load4(a, n), load4(b, n)), n);
}

/** y[i] <- op(a[i], b[0]). */
export function f32_binary_scalar_b(op: i32, a: usize, b: usize, y: usize, n: i32): void {
  const scalar = v128.load_splat<f32>(b);
  for (; n > 0; n -= 4, a += 16, y += 16) store4(y, apply4(op, load4(a, n), scalar), n);
}

/** y[i] <- op(a[0], b[i]). */
export function f32_binary_scalar_a(op: i32, a: usize, b: usize, y: usize, n: i32): void {
  const scalar = v128.load_splat<f32>(a);
  for (; n > 0; n -= 4, b += 16, y += 16) store4(y, apply4(op, scalar, load4(b, n)), n);
}

/** The innermost axis with any strides, through single lanes. */
function stridedRow(op: i32, a: usize, aStep: i32, b: usize, bStep: i32, y: usize, n: i32): void {
  for (; n > 0; n--, a += aStep << 2, b += bStep << 2, y += 4) {
    v128.store_lane<f32>(y, apply4(op, v128.load_splat<f32>(a), v128.load_splat<f32>(b)), 0);
  }
}

/** Axis `d` and all after it; returns where y goes on. */
function axis(op: i32, a: usize, b: usize, y: usize, d: i32, rank: i32, table: usize): usize {
  const size = load<i32>(table + (<usize>d << 2));
  const aStep = load<i32>(table + (<usize>(rank + d) << 2));
  const bStep = load<i32>(table + (<usize>(2 * rank + d) << 2));
  if (d + 1 < rank) {
    for (let i = 0; i < size; i++, a += aStep << 2, b += bStep << 2) y = axis(op, a, b, y, d + 1, rank, table);
    return y;
  }
  if (aStep === 1 && bStep === 1) f32_binary(op, a, b, y, size);
  else if (aStep === 1 && bStep === 0) f32_binary_scalar_b(op, a, b, y, size);
  else if (aStep === 0 && bStep === 1) f32_binary_scalar_a(op, a, b, y, size);
  else stridedRow(op, a, aStep, b, bStep, y, size);
  return y + (<usize>size << 2);
}

/**
 * y (contiguous) <- op(a, b) with any strides, 0 for a broadcast axis. `table` is i32: `rank` sizes of y, `rank` strides of a, `rank`
 * strides of b, in elements, outermost first; rank 1 to 32 (a scalar is rank 1, size 1).
 */
export function f32_binary_strided(op: i32, a: usize, b: usize, y: usize, rank: i32, table: usize): void {
  axis(op, a, b, y, 0, rank, table);
}
