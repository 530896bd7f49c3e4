/** @file Integer fully connected layer by a weight that was packed at load. */

import { demand, operand, result } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { StepShapes, WasmKernel } from "../kernel.ts";
import { byteInput, byteOutput, channelScales } from "./int-scaling.ts";
import { optionalPtr } from "./optional-ptr.ts";

/** Bytes of a packed n by k weight. */
const packedSize = (n: number, k: number): number => Math.ceil(n / 8) * Math.ceil(k / 2) * 16;

function sizes(step: StepShapes): { readonly m: number; readonly n: number; readonly k: number } {
  const [x, y] = [operand(step, 0, "i8", "u8"), result(step, "i8", "u8")];
  const [k = 1, n = 1] = [x.shape.at(-1), y.shape.at(-1)];
  const m = elementCount(y.shape.slice(0, -1));
  demand(step, elementCount(x.shape) === m * k, `x is [${x.shape.join(", ")}], the result [${y.shape.join(", ")}]`);
  return { m, n, k };
}

const linear: WasmKernel = {
  id: "i8_linear",
  scratch(step) {
    const { m, k } = sizes(step);
    return step.kernels.i8_linear_scratch(m, k);
  },
  work(step) {
    const { m, n, k } = sizes(step);
    return m * n * k;
  },
  bind(call) {
    const { m, n, k } = sizes(call);
    const [x, weight, y] = [operand(call, 0), operand(call, 1, "i8"), result(call)];
    demand(call, elementCount(weight.shape) === packedSize(n, k), `packed weight [${weight.shape.join(", ")}] is not ${n} by ${k}`);
    const { flip, zero } = byteInput(call, x, "x_zero");
    const head = [x.ptr, weight.ptr, optionalPtr(call, 2, "i32", n), ...channelScales(call, n), y.ptr, call.scratch] as const;
    const output = byteOutput(call);
    const { kernels } = call;
    return () => kernels.i8_linear(...head, m, n, k, flip, zero, ...output);
  },
};

/** [n, k] to [ceil(n / 8), ceil(k / 2), 16]. */
const pack: WasmKernel = {
  id: "i8_pack_linear",
  bind(call) {
    const [weight, packed] = [operand(call, 0, "i8"), result(call, "i8")];
    const [n = 1, k = 1] = weight.shape;
    demand(call, weight.shape.length === 2 && elementCount(packed.shape) === packedSize(n, k), "the result is no packed matrix");
    return () => call.kernels.i8_pack_linear(weight.ptr, packed.ptr, n, k);
  },
};

export const intLinearKernels: readonly WasmKernel[] = [linear, pack];
