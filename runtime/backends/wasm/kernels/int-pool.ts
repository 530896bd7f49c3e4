/** @file Pooling and means of 8-bit integers. */
import { span } from "../../../limits.ts";
import { rowMajor } from "../../../step/shapes.ts";
import { demand, operand, result } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import { align } from "../arena.ts";
import type { StepShapes, WasmKernel } from "../kernel.ts";
import { bytesOf } from "../layout.ts";
import { byteInput, byteOutput, productScale } from "./int-scaling.ts";
import { type Pool, pool } from "./pool.ts";
import { reduction } from "./reduce.ts";
import { stridedCopy, tableBytes } from "./strided-copy.ts";

const bytes = ["i8", "u8"] as const;

/** A padded row is less than 31 bits of bytes. */
function demandRow(step: StepShapes, { image, kernel, output, steps }: Pool): void {
  const reach = output.x * steps.stride.x + kernel.x * steps.dilation.x + steps.begin.x + image.x;
  demand(step, reach < 2 ** 29 && output.y * steps.stride.y + kernel.y * steps.dilation.y < 2 ** 31, "its windows reach too far");
}

function work(step: StepShapes): number {
  const { kernel } = pool(step, bytes);
  return span(result(step).shape) * kernel.y * kernel.x;
}

const maxPool: WasmKernel = {
  id: "i8_max_pool",
  work,
  scratch(step) {
    const sizes = pool(step, bytes);
    demandRow(step, sizes);
    const { image, kernel, output, steps } = sizes;
    return step.kernels.i8_max_pool_scratch(image.x, kernel.x, output.x, steps.stride.x, steps.begin.x, steps.dilation.x);
  },
  bind(call) {
    const { planes, image, kernel, output, steps } = pool(call, bytes);
    const [x, y] = [operand(call, 0), result(call, operand(call, 0).dtype)];
    const { stride, begin, dilation } = steps;
    const { kernels, scratch } = call;
    const flip = x.dtype === "u8" ? 128 : 0;
    if (elementCount(y.shape) === 0) return () => {};
    // biome-ignore format: the order of the export's parameters
    const sizes = [planes, image.y, image.x, kernel.y, kernel.x, output.y, output.x, stride.y, stride.x, begin.y, begin.x, dilation.y, dilation.x] as const;
    return () => kernels.i8_max_pool(x.ptr, y.ptr, scratch, ...sizes, flip);
  },
};

const avgPool: WasmKernel = {
  id: "i8_avg_pool",
  work,
  scratch(step) {
    const sizes = pool(step, bytes);
    demandRow(step, sizes);
    const { image, kernel, output, steps } = sizes;
    return step.kernels.i8_avg_pool_scratch(image.x, kernel.x, output.x, steps.stride.x, steps.begin.x);
  },
  bind(call) {
    const { planes, image, kernel, output, steps } = pool(call, bytes);
    const [x, y] = [operand(call, 0), result(call)];
    const { stride, begin } = steps;
    const { flip, zero } = byteInput(call, x, "x_zero");
    const tail = [flip, zero, ...productScale(call), ...byteOutput(call)] as const;
    const { kernels, scratch } = call;
    if (elementCount(y.shape) === 0) return () => {};
    // biome-ignore format: the order of the export's parameters
    const sizes = [planes, image.y, image.x, kernel.y, kernel.x, output.y, output.x, stride.y, stride.x, begin.y, begin.x] as const;
    return () => kernels.i8_avg_pool(x.ptr, y.ptr, scratch, ...sizes, ...tail);
  },
};

/** Where scratch holds what: the table and the copy with reduced axes last, where there is one, then a row of sums. */
function meanScratch(step: StepShapes): { readonly copy: number; readonly sums: number; readonly end: number } {
  const { inner, order } = reduction(step, bytes);
  const copy = order ? align(tableBytes) : 0;
  const sums = order ? copy + align(bytesOf(operand(step, 0))) : 0;
  return { copy, sums, end: sums + (inner > 1 ? inner * 4 : 0) };
}

const mean: WasmKernel = {
  id: "i8_mean",
  scratch: (step) => meanScratch(step).end,
  bind(call) {
    const { outer, size, inner, order } = reduction(call, bytes);
    const [x, y] = [operand(call, 0), result(call)];
    const { flip, zero } = byteInput(call, x, "x_zero");
    const tail = [outer, size, inner, flip, zero, ...productScale(call), ...byteOutput(call)] as const;
    const { copy, sums } = meanScratch(call);
    const { kernels, scratch } = call;
    if (elementCount(y.shape) === 0) return () => {};
    if (!order) return () => kernels.i8_mean(x.ptr, y.ptr, scratch + sums, ...tail);
    const strides = rowMajor(x.shape);
    const source = { ptr: x.ptr, strides: order.map((axis) => strides[axis] as number) };
    const shape = order.map((axis) => x.shape[axis] as number);
    const turn = stridedCopy(call, 1, source, shape, scratch + copy, scratch);
    return () => {
      turn();
      kernels.i8_mean(scratch + copy, y.ptr, scratch + sums, ...tail);
    };
  },
};

export const intPoolKernels: readonly WasmKernel[] = [maxPool, avgPool, mean];
