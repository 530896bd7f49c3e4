/** @file Affine quantization and back, per tensor, per axis or per block; f32 scales. */

import { type AroundAxis, aroundAxis } from "../../../step/shapes.ts";
import { axisAttr, demand, intAttr, operand, result, sameCount } from "../../../step/step.ts";
import { bitsPerElement, elementCount, type RuntimeDType } from "../../../tensor.ts";
import type { StepShapes, WasmKernel } from "../kernel.ts";
import { optionalPtr } from "./optional-ptr.ts";

interface Scales extends AroundAxis {
  readonly block: number;
  /** Number of scales. */
  readonly count: number;
}

/** How scales lie over a tensor of `shape`: a scalar covers it whole. */
function scales(step: StepShapes, shape: readonly number[]): Scales {
  const scale = operand(step, 1, "f32").shape;
  const block = intAttr(step, "block", 0);
  if (scale.length === 0) return { outer: 1, size: 1, inner: elementCount(shape), block: 0, count: 1 };
  const around = aroundAxis(shape, axisAttr(step, "axis", shape.length, 0));
  const count = block === 0 ? around.size : around.outer * Math.ceil(around.size / block) * around.inner;
  demand(step, block >= 0 && elementCount(scale) === count, `${elementCount(scale)} scales, the tensor takes ${count}`);
  return { ...around, block, count };
}

type Affine =
  | "i8_dequantize_f32"
  | "u8_dequantize_f32"
  | "i4_dequantize_f32"
  | "u4_dequantize_f32"
  | "i2_dequantize_f32"
  | "u2_dequantize_f32"
  | "i32_dequantize_f32"
  | "f32_quantize_i8"
  | "f32_quantize_u8";

function affine(id: Affine, from: RuntimeDType, to: RuntimeDType, code: RuntimeDType): WasmKernel {
  return {
    id,
    bind(call) {
      const [x, y] = [operand(call, 0, from), result(call, to)];
      sameCount(call, x, y);
      const { outer, size, inner, block, count } = scales(call, x.shape);
      const scale = operand(call, 1).ptr;
      const zero = optionalPtr(call, 2, code, count);
      const { kernels } = call;
      return () => kernels[id](x.ptr, scale, zero, y.ptr, outer, size, inner, block);
    },
  };
}

/** Codes without an export of their own; ids as the others'. */
function affineOf(forward: boolean, code: RuntimeDType): WasmKernel {
  const [from, to] = forward ? (["f32", code] as const) : ([code, "f32"] as const);
  return {
    id: forward ? `f32_quantize_${code}` : `${code}_dequantize_f32`,
    bind(call) {
      const [x, y] = [operand(call, 0, from), result(call, to)];
      sameCount(call, x, y);
      const { outer, size, inner, block, count } = scales(call, x.shape);
      const loop = forward ? call.kernels.f32_quantize : call.kernels.dequantize_f32;
      const [scale, zero] = [operand(call, 1).ptr, optionalPtr(call, 2, code, count)];
      const [bits, signed] = [bitsPerElement(code), code.startsWith("i") ? 1 : 0];
      return () => loop(x.ptr, scale, zero, y.ptr, outer, size, inner, block, bits, signed);
    },
  };
}

const quantizedTypes = ["i8", "u8", "i4", "u4", "i2", "u2", "i32"] as const;

export const quantizeKernels: readonly WasmKernel[] = [
  ...quantizedTypes.map((dtype) => affine(`${dtype}_dequantize_f32`, dtype, "f32", dtype)),
  ...(["u1", "i16", "u16"] as const).map((dtype) => affineOf(false, dtype)),
  ...(["i16", "u16", "i4", "u4", "i2", "u2"] as const).map((dtype) => affineOf(true, dtype)),
  affine("f32_quantize_i8", "f32", "i8", "i8"),
  affine("f32_quantize_u8", "f32", "u8", "u8"),
];
