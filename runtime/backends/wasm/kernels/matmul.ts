/** @file Batched matrix product of two values: one call per matrix of the result, leading axes broadcast. */
import { span } from "../../../limits.ts";
import { broadcastStrides } from "../../../step/shapes.ts";
import { demand, operand, refusal, result } from "../../../step/step.ts";
import { elementCount, type RuntimeDType } from "../../../tensor.ts";
import type { StepShapes, WasmKernel } from "../kernel.ts";

interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Sizes of the leading axes of the result, and which matrix of a and b each reads. */
  readonly batch: readonly number[];
  readonly aStrides: readonly number[];
  readonly bStrides: readonly number[];
}

/**
 * The product of operands 0 and 1 of these dtypes. A rank-1 left side is a row, a rank-1 right side a column; the axis added for it is not in the result.
 */
export function product(step: StepShapes, from: readonly RuntimeDType[] = ["f32"], to: RuntimeDType = "f32"): Product {
  const [a, b, y] = [operand(step, 0, ...from).shape, operand(step, 1, ...from).shape, result(step, to).shape];
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  const [m = 1, k = 1] = left.slice(-2);
  const [depth = 1, n = 1] = right.slice(-2);
  const batch = y.slice(0, y.length - (a.length > 1 ? 1 : 0) - (b.length > 1 ? 1 : 0));
  const aStrides = broadcastStrides(left.slice(0, -2), batch);
  const bStrides = broadcastStrides(right.slice(0, -2), batch);
  const fits = depth === k && elementCount(y) === elementCount(batch) * m * n;
  if (!fits || !aStrides || !bStrides) throw refusal(step, `[${a.join(", ")}] by [${b.join(", ")}] does not give [${y.join(", ")}]`);
  if (!bStrides.every((stride) => stride === 0) || left.length - 2 !== batch.length || m === 0)
    return { m, n, k, batch, aStrides, bStrides };
  // One right side for all: the rows of every left matrix are rows of one.
  const rows = elementCount(batch) * m;
  return aStrides.every((stride, axis) => stride !== 0 || batch[axis] === 1)
    ? { m: rows, n, k, batch: [], aStrides: [], bStrides: [] }
    : { m, n, k, batch, aStrides, bStrides };
}

/** Index of the matrix that each matrix of the result reads. */
export function matrixIndices(batch: readonly number[], strides: readonly number[]): Int32Array {
  return batch.reduce<Int32Array>(
    (outer, size, axis) =>
      Int32Array.from(
        { length: outer.length * size },
        (_, i) => (outer[Math.floor(i / size)] as number) + (i % size) * (strides[axis] as number),
      ),
    Int32Array.of(0),
  );
}

const matmul: WasmKernel = {
  id: "f32_matmul",
  work(step) {
    const { m, n, k, batch } = product(step);
    return span(batch) * Math.max(m * n * k, k * n);
  },
  scratch(step) {
    const { n, k } = product(step);
    return step.kernels.f32_matmul_scratch(n, k);
  },
  bind(call) {
    const { m, n, k, batch, aStrides, bStrides } = product(call);
    const [a, b, y] = [operand(call, 0).ptr, operand(call, 1).ptr, result(call).ptr];
    const [aAt, bAt] = [matrixIndices(batch, aStrides), matrixIndices(batch, bStrides)];
    const { kernels, scratch } = call;
    demand(call, aAt.length === bAt.length, "leading axes differ");
    return () => {
      for (let i = 0; i < aAt.length; i++) {
        kernels.f32_matmul(a + (aAt[i] as number) * m * k * 4, b + (bAt[i] as number) * k * n * 4, y + i * m * n * 4, scratch, m, n, k);
      }
    };
  },
};

export const matmulKernels: readonly WasmKernel[] = [matmul];
