/** @file Element-wise arithmetic of two f32 tensors with broadcasting: plain and scalar loops where the shapes allow, strides otherwise. */

import { broadcastStrides, mergeAxes, type StridedAxes } from "../../../step/shapes.ts";
import { operand, refusal, result } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { KernelCall, WasmKernel } from "../kernel.ts";
import { table, tableBytes } from "./strided-copy.ts";

/** Operation codes of the exports, in order. */
const operations = ["add", "sub", "mul", "div", "min", "max", "pow"] as const;

/** How the operands are walked to give the result, axes merged. */
export function broadcastAxes(
  call: KernelCall,
  operands: readonly { readonly shape: readonly number[] }[],
  shape: readonly number[],
): StridedAxes {
  const strides = operands.map((tensor) => broadcastStrides(tensor.shape, shape));
  const known = strides.filter((own) => own !== null);
  if (known.length < strides.length)
    throw refusal(call, `${operands.map((t) => `[${t.shape.join(", ")}]`).join(" and ")} do not broadcast to [${shape.join(", ")}]`);
  return mergeAxes(shape, known);
}

function binary(name: (typeof operations)[number], op: number): WasmKernel {
  return {
    id: `f32_${name}`,
    scratch: () => tableBytes,
    bind(call) {
      const [a, b, y] = [operand(call, 0, "f32"), operand(call, 1, "f32"), result(call, "f32")];
      const n = elementCount(y.shape);
      const { sizes, strides } = broadcastAxes(call, [a, b], y.shape);
      if (n === 0) return () => {};
      const [aStrides = [], bStrides = []] = strides;
      const { kernels, memory, scratch } = call;
      if (sizes.length === 1) {
        const [aStep, bStep] = [aStrides[0], bStrides[0]];
        if (aStep === 1 && bStep === 1) return () => kernels.f32_binary(op, a.ptr, b.ptr, y.ptr, n);
        if (aStep === 1 && bStep === 0) return () => kernels.f32_binary_scalar_b(op, a.ptr, b.ptr, y.ptr, n);
        if (aStep === 0 && bStep === 1) return () => kernels.f32_binary_scalar_a(op, a.ptr, b.ptr, y.ptr, n);
      }
      const words = table(call, sizes, aStrides, bStrides);
      return () => {
        memory.i32.set(words, scratch >>> 2);
        kernels.f32_binary_strided(op, a.ptr, b.ptr, y.ptr, sizes.length, scratch);
      };
    },
  };
}

export const binaryKernels: readonly WasmKernel[] = operations.map(binary);
