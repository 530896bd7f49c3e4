/** @file Conversions between dtypes. Floats truncate and saturate with NaN as 0, integers wrap, bool is x != 0. */

import { demand, operand, refusal, result, sameCount } from "../../../step/step.ts";
import { bitsPerElement, type RuntimeDType } from "../../../tensor.ts";
import type { WasmKernel } from "../kernel.ts";

function widening(id: "f16_cast_f32" | "bf16_cast_f32" | "i8_cast_f32" | "u8_cast_f32" | "i32_cast_f32"): WasmKernel {
  return {
    id,
    bind(call) {
      const [x, y] = [operand(call, 0), result(call, "f32")];
      // A bool is the byte 0 or 1.
      const from = x.dtype === "bool" ? "u8" : x.dtype;
      demand(call, id === `${from}_cast_f32`, `operand 0 is ${x.dtype}`);
      const n = sameCount(call, x, y);
      const { kernels } = call;
      return () => kernels[id](x.ptr, y.ptr, n);
    },
  };
}

/** In the order of the numbers in assembly/cast.ts. */
const large: readonly RuntimeDType[] = ["f64", "f32", "f16", "bf16", "i64", "u64", "i32", "u32", "bool"];

/** The number of a dtype; of integers of up to 16 bits, its width and sign. */
function castCode(dtype: RuntimeDType): number {
  const index = large.indexOf(dtype);
  return index >= 0 ? index : 16 + 2 * Math.log2(bitsPerElement(dtype)) + (dtype.startsWith("i") ? 1 : 0);
}

const anyCast: WasmKernel = {
  id: "cast",
  bind(call) {
    const [x, y] = [operand(call, 0), result(call)];
    if (x.dtype === y.dtype) throw refusal(call, `${x.dtype} is already ${y.dtype}`);
    const n = sameCount(call, x, y);
    const { kernels } = call;
    return () => kernels.convert(x.ptr, y.ptr, n, castCode(x.dtype), castCode(y.dtype));
  },
};

export const castKernels: readonly WasmKernel[] = [
  widening("f16_cast_f32"),
  widening("bf16_cast_f32"),
  widening("i8_cast_f32"),
  widening("u8_cast_f32"),
  widening("i32_cast_f32"),
  anyCast,
];
