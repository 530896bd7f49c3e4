/** @file Matrix products by a right side in 16-column panels: packed at load where it is a constant, into scratch where it is not. */

import { activationCode, demand, operand, result } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { KernelCall, StepShapes, TensorShape, WasmKernel } from "../kernel.ts";
import { optionalPtr } from "./optional-ptr.ts";

/** Columns of a panel. */
export const panel = 16;

interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** y [..., n] = x [..., k] times k by n. */
function sizes(step: StepShapes): Sizes {
  const [x, y] = [operand(step, 0, "f32"), result(step, "f32")];
  const [k = 1, n = 1] = [x.shape.at(-1), y.shape.at(-1)];
  const m = elementCount(y.shape.slice(0, -1));
  demand(step, elementCount(x.shape) === m * k, `x is [${x.shape.join(", ")}], the result [${y.shape.join(", ")}]`);
  return { m, n, k };
}

function demandCount(step: StepShapes, tensor: TensorShape, count: number): void {
  demand(step, elementCount(tensor.shape) === count, `the weight has ${elementCount(tensor.shape)} elements, expected ${count}`);
}

function linearWork(step: StepShapes): number {
  const { m, n, k } = sizes(step);
  return m * n * k;
}

/** Operands x, packed weight, bias. Serves `nn.linear`, and `nn.matmul` by a constant matrix, which packs differently. */
const packedLinear: WasmKernel = {
  id: "f32_linear",
  work: linearWork,
  bind(call) {
    const { m, n, k } = sizes(call);
    const [x, weight, y] = [operand(call, 0), operand(call, 1, "f32"), result(call)];
    demandCount(call, weight, Math.ceil(n / panel) * panel * k);
    const bias = optionalPtr(call, 2, "f32", n);
    const act = activationCode(call);
    const { kernels } = call;
    return () => kernels.f32_linear(x.ptr, weight.ptr, bias, y.ptr, m, n, k, act);
  },
};

/** Operands x, weight [n, k], bias. */
const unpackedLinear: WasmKernel = {
  id: "f32_linear_rows",
  work: linearWork,
  scratch(step) {
    const { n, k } = sizes(step);
    return step.kernels.f32_pack_linear_size(n, k);
  },
  bind(call) {
    const { m, n, k } = sizes(call);
    const [x, weight, y] = [operand(call, 0), operand(call, 1, "f32"), result(call)];
    demandCount(call, weight, n * k);
    const bias = optionalPtr(call, 2, "f32", n);
    const act = activationCode(call);
    const { kernels, scratch } = call;
    return () => {
      kernels.f32_pack_linear(weight.ptr, scratch, n, k);
      kernels.f32_linear(x.ptr, scratch, bias, y.ptr, m, n, k, act);
    };
  },
};

function packing(call: KernelCall): { readonly from: number; readonly to: number; readonly rows: number; readonly columns: number } {
  const [matrix, packed] = [operand(call, 0, "f32"), result(call, "f32")];
  const [rows = 1, columns = 1] = matrix.shape;
  demand(call, matrix.shape.length === 2, `a matrix is packed, got rank ${matrix.shape.length}`);
  return { from: matrix.ptr, to: packed.ptr, rows, columns };
}

function demandPacked(call: KernelCall, n: number, k: number): void {
  demandCount(call, result(call), Math.ceil(n / panel) * panel * k);
}

/** [n, k] to [ceil(n / 16), k, 16], so that `f32_linear` multiplies by the transpose. */
const packLinear: WasmKernel = {
  id: "f32_pack_linear",
  bind(call) {
    const { from, to, rows, columns } = packing(call);
    demandPacked(call, rows, columns);
    return () => call.kernels.f32_pack_linear(from, to, rows, columns);
  },
};

/** [k, n] to [ceil(n / 16), k, 16], so that `f32_linear` multiplies by the matrix. */
const packMatmul: WasmKernel = {
  id: "f32_pack_matmul",
  bind(call) {
    const { from, to, rows, columns } = packing(call);
    demandPacked(call, columns, rows);
    return () => call.kernels.f32_pack_matmul(from, to, rows, columns);
  },
};

export const linearKernels: readonly WasmKernel[] = [packedLinear, unpackedLinear, packLinear, packMatmul];
