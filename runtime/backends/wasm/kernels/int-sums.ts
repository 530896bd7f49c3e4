/** @file Integer matrix products and convolutions whose sums stay i32, with zero points that may be computed. */
import { span } from "../../../limits.ts";
import { demand, intAttr, operand, refusal, result } from "../../../step/step.ts";
import { plane, windowSteps } from "../../../step/window.ts";
import { elementCount } from "../../../tensor.ts";
import type { KernelCall, StepShapes, TensorAt, WasmKernel } from "../kernel.ts";
import { matrixIndices, product } from "./matmul.ts";

const bytes = ["i8", "u8"] as const;
const isSigned = (step: StepShapes, index: number): number => (operand(step, index, ...bytes).dtype === "i8" ? 1 : 0);

/** Address of a zero point and the bytes from one to the next: 0 where there is one for all. */
function zeroPoint(call: StepShapes<TensorAt>, index: number, of: number, count: number): readonly [ptr: number, step: number] {
  const zero = call.operands[index];
  if (!zero) return [0, 0];
  const given = elementCount(zero.shape);
  demand(
    call,
    zero.dtype === operand(call, of).dtype && (given === 1 || given === count),
    `operand ${index} must be 1 or ${count} zero points`,
  );
  return [zero.ptr, given === 1 ? 0 : 1];
}

/** Exports compute sizes of scratch in 31 bits. */
const most = 2 ** 30;

function matrices(step: StepShapes) {
  const made = product(step, bytes, "i32");
  demand(step, (made.n + 1) * (made.k + 8) < most, "its matrices are too large");
  return made;
}

const matmul: WasmKernel = {
  id: "i8_matmul",
  work(step) {
    const { m, n, k, batch } = matrices(step);
    return span(batch) * Math.max(m * n * k, k * n);
  },
  scratch(step) {
    const { n, k } = matrices(step);
    return step.kernels.i8_sums_scratch(n, k);
  },
  bind(call) {
    const { m, n, k, batch, aStrides, bStrides } = matrices(call);
    const [a, b, y] = [operand(call, 0).ptr, operand(call, 1).ptr, result(call).ptr];
    const [aAt, bAt] = [matrixIndices(batch, aStrides), matrixIndices(batch, bStrides)];
    const [aZero] = zeroPoint(call, 2, 0, 1);
    const [bZero, bStep] = zeroPoint(call, 3, 1, n);
    const signs = [isSigned(call, 0), isSigned(call, 1)] as const;
    const { kernels, scratch } = call;
    return () => {
      for (let i = 0; i < aAt.length; i++) {
        const [from, by] = [a + (aAt[i] as number) * m * k, b + (bAt[i] as number) * k * n];
        kernels.i8_matmul(from, by, aZero, bZero, bStep, y + i * m * n * 4, scratch, m, n, k, ...signs);
      }
    };
  },
};

function convolution(step: StepShapes) {
  const [x, weight, y] = [operand(step, 0, ...bytes).shape, operand(step, 1, ...bytes).shape, result(step, "i32").shape];
  const groups = intAttr(step, "groups", 1);
  const [batch = 0, ins = 0] = x;
  const [outs = 0, perGroup = 0] = weight;
  const [image, kernel, output] = [plane(step, x), plane(step, weight), plane(step, y)];
  const fits =
    x.length === weight.length && groups >= 1 && perGroup * groups === ins && outs % groups === 0 && y[0] === batch && y[1] === outs;
  if (!fits || x.length !== y.length) throw refusal(step, `[${x.join(", ")}] by [${weight.join(", ")}] does not give [${y.join(", ")}]`);
  const { stride, begin, dilation } = windowSteps(step, x.length - 2);
  const k = perGroup * kernel.y * kernel.x;
  demand(step, (outs / groups + 1) * (k + 8) < most && ins * image.y * image.x < most, "its weight is too large");
  // biome-ignore format: the order of the export's parameters
  const sizes = [groups, perGroup, outs / groups, image.y, image.x, kernel.y, kernel.x, output.y, output.x, stride.y, stride.x, begin.y, begin.x, dilation.y, dilation.x] as const;
  return { batch, outs, k, sizes, rows: outs / groups, image: ins * image.y * image.x, result: outs * output.y * output.x };
}

const conv: WasmKernel = {
  id: "i8_conv_sums",
  work(step) {
    return span(result(step).shape) * Math.max(1, convolution(step).k);
  },
  scratch(step) {
    const { rows, k } = convolution(step);
    return step.kernels.i8_sums_scratch(rows, k);
  },
  bind(call: KernelCall) {
    const { batch, outs, sizes, image, result: made } = convolution(call);
    const [x, weight, y] = [operand(call, 0).ptr, operand(call, 1).ptr, result(call).ptr];
    const [xZero] = zeroPoint(call, 2, 0, 1);
    const weightZero = zeroPoint(call, 3, 1, outs);
    const signs = [isSigned(call, 0), isSigned(call, 1)] as const;
    const { kernels, scratch } = call;
    return () => {
      for (let n = 0; n < batch; n++)
        kernels.i8_conv_sums(x + n * image, weight, xZero, ...weightZero, y + n * made * 4, scratch, ...sizes, ...signs);
    };
  },
};

export const intSumsKernels: readonly WasmKernel[] = [matmul, conv];
