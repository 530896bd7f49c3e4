/**
 * @file Entry of the module for relaxed SIMD: the float products again, with fused multiply-add, in place of those of `index.ts`. Half the instructions where the machine has one for it (every
 * ARM, x86 since 2013); `probe` tells whether the engine computes it.
 */
import { madd4 } from "./vector";

export { f32_conv2d } from "./conv";
export { f32_conv2d_depthwise } from "./depthwise";
export { f32_linear, f32_matmul } from "./gemm";

/** 2 * 3 + 4 on four lanes, summed: 40. */
export function probe(): i32 {
  const v = madd4(f32x4.splat(2), f32x4.splat(3), f32x4.splat(4));
  return <i32>(f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}
