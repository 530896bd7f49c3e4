/** @file Affine quantization and back, per tensor, per axis or per block; f32 scales. */

import { type AroundAxis, aroundAxis } from "../../../step/shapes.ts";
import { axisAttr, demand, intAttr, operand, result, sameCount } from "../../../step/step.ts";
import { elementCount, type RuntimeDType } from "../../../tensor.ts";
import type { KernelCall, StepShapes, TensorAt, WasmKernel } from "../kernel.ts";
import { optionalPtr } from "./optional-ptr.ts";
import { codeReader } from "./packed-codes.ts";

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

/** Codes that have no loop in WebAssembly (u1, i16, u16), one by one. */
const dequantizeAny: WasmKernel = {
  id: "codes_dequantize_f32",
  bind(call) {
    const [x, scale, y] = [operand(call, 0, "u1", "i16", "u16"), operand(call, 1), result(call, "f32")];
    sameCount(call, x, y);
    const layout = scales(call, x.shape);
    const zero = optionalPtr(call, 2, x.dtype, layout.count);
    return () => dequantizeEach(call, layout, { x, scale, zero, y });
  },
};

interface Places {
  readonly x: TensorAt;
  readonly scale: TensorAt;
  readonly zero: number;
  readonly y: TensorAt;
}

function dequantizeEach(call: KernelCall, { outer, size, inner, block }: Scales, { x, scale, zero, y }: Places): void {
  const { f32, u8 } = call.memory;
  const read = codeReader(x.dtype);
  const blocks = block > 0 ? Math.ceil(size / block) : size;
  for (let i = 0; i < outer * size * inner; i++) {
    const [o, a] = [Math.floor(i / (size * inner)), Math.floor(i / inner) % size];
    const s = block > 0 ? (o * blocks + Math.floor(a / block)) * inner + (i % inner) : a;
    const code = read(u8, x.ptr, i) - (zero === 0 ? 0 : read(u8, zero, s));
    f32[(y.ptr >>> 2) + i] = code * (f32[(scale.ptr >>> 2) + s] as number);
  }
}

const quantizedTypes = ["i8", "u8", "i4", "u4", "i2", "u2", "i32"] as const;

export const quantizeKernels: readonly WasmKernel[] = [
  ...quantizedTypes.map((dtype) => affine(`${dtype}_dequantize_f32`, dtype, "f32", dtype)),
  dequantizeAny,
  affine("f32_quantize_i8", "f32", "i8", "i8"),
  affine("f32_quantize_u8", "f32", "u8", "u8"),
];
