/** @file Softmax along an axis and reductions over axes. Reduced axes that are not neighbours are brought to the end by a transposed copy in scratch first. */

import { type AroundAxis, aroundAxis, rowMajor } from "../../../step/shapes.ts";
import { axisAttr, axisFrom, boolAttr, demand, listAttr, operand, result, sameCount } from "../../../step/step.ts";
import { elementCount, type RuntimeDType } from "../../../tensor.ts";
import { align } from "../arena.ts";
import type { KernelCall, StepShapes, WasmKernel } from "../kernel.ts";
import { bytesOf } from "../layout.ts";
import { elementBytes, stridedCopy, tableBytes } from "./strided-copy.ts";

function softmax(name: "f32_softmax" | "f32_log_softmax"): WasmKernel {
  return {
    id: name,
    bind(call) {
      const [x, y] = [operand(call, 0, "f32"), result(call, "f32")];
      sameCount(call, x, y);
      const { outer, size, inner } = aroundAxis(x.shape, axisAttr(call, "axis", x.shape.length, -1));
      const { kernels } = call;
      if (size * inner === 0) return () => {};
      return () => kernels[name](x.ptr, y.ptr, outer, size, inner);
    },
  };
}

export interface Reduction extends AroundAxis {
  /** Axes in the order in which x must lie, kept ones first; null: as it lies. */
  readonly order: readonly number[] | null;
}

export function reduction(step: StepShapes, dtypes: readonly RuntimeDType[] = ["f32"]): Reduction {
  const { shape } = operand(step, 0, ...dtypes);
  const axes = new Set(listAttr(step, "axes").map((axis) => axisFrom(step, axis, shape.length)));
  const [kept, reduced] = [shape.flatMap((_, i) => (axes.has(i) ? [] : [i])), shape.flatMap((_, i) => (axes.has(i) ? [i] : []))];
  const product = (list: readonly number[]) => elementCount(list.map((axis) => shape[axis] as number));
  demand(step, product(kept) === elementCount(result(step, ...dtypes).shape), "the result has not the kept axes");
  const wide = reduced.filter((axis) => shape[axis] !== 1);
  const [first = 0, last = first - 1] = [wide[0], wide[wide.length - 1]];
  const neighbours = shape.every((size, axis) => axis < first || axis > last || size === 1 || axes.has(axis));
  if (!neighbours) return { outer: product(kept), size: product(reduced), inner: 1, order: [...kept, ...reduced] };
  const around = {
    outer: elementCount(shape.slice(0, first)),
    size: elementCount(shape.slice(first, last + 1)),
    inner: elementCount(shape.slice(last + 1)),
  };
  return { ...around, order: null };
}

/** A reduction over rows seen as `[outer, size, inner]`, brought into that order first where they do not lie so. */
export function reducing(
  id: string,
  bound: (call: KernelCall) => (x: number, y: number, around: AroundAxis) => void,
  dtypes: readonly RuntimeDType[] = [],
): WasmKernel {
  return {
    id,
    scratch: (step) => (reduction(step, dtypes).order ? align(tableBytes) + bytesOf(operand(step, 0)) : 0),
    bind(call) {
      const [around, run] = [reduction(call, dtypes), bound(call)];
      const { order } = around;
      const [x, y] = [operand(call, 0), result(call)];
      if (!order) return () => run(x.ptr, y.ptr, around);
      const strides = rowMajor(x.shape);
      const source = { ptr: x.ptr, strides: order.map((axis) => strides[axis] as number) };
      const turned = call.scratch + align(tableBytes);
      const sizes = order.map((axis) => x.shape[axis] as number);
      const turn = stridedCopy(call, elementBytes(call, x), source, sizes, turned, call.scratch);
      return () => {
        turn();
        run(turned, y.ptr, around);
      };
    },
  };
}

function reduce(id: "f32_reduce_sum" | "f32_reduce_mean" | "f32_reduce_max" | "f32_reduce_min" | "f32_reduce_prod"): WasmKernel {
  const bound =
    ({ kernels }: KernelCall) =>
    (x: number, y: number, { outer, size, inner }: AroundAxis) =>
      kernels[id](x, y, outer, size, inner);
  return reducing(id, bound, ["f32"]);
}

/** First of equal maxima, or the last; a NaN is the maximum. */
function argmaxOf(x: Float32Array, start: number, size: number, inner: number, last: boolean): number {
  let best = 0;
  let top = x[start] as number;
  for (let i = 1; i < size; i++) {
    const value = x[start + i * inner] as number;
    const missing = Number.isNaN(value);
    if (last ? missing || value >= top : value > top || (missing && !Number.isNaN(top))) [best, top] = [i, value];
  }
  return best;
}

/** i64 results, written as low and high words. Runs in JavaScript: it reads each element once, at the end of a network. */
const argmax: WasmKernel = {
  id: "f32_argmax",
  bind(call) {
    const [x, y] = [operand(call, 0, "f32"), result(call, "i64")];
    const { outer, size, inner } = aroundAxis(x.shape, axisAttr(call, "axis", x.shape.length, 0));
    demand(call, size > 0 && elementCount(y.shape) === outer * inner, "the result has not one index per row");
    const { memory } = call;
    const last = boolAttr(call, "last");
    return () => {
      const { f32, i32 } = memory;
      for (let i = 0; i < outer * inner; i++) {
        const start = Math.floor(i / inner) * size * inner + (i % inner);
        const at = (y.ptr >>> 2) + 2 * i;
        i32[at] = argmaxOf(f32, (x.ptr >>> 2) + start, size, inner, last);
        i32[at + 1] = 0;
      }
    };
  },
};

export const reduceKernels: readonly WasmKernel[] = [
  softmax("f32_softmax"),
  softmax("f32_log_softmax"),
  reduce("f32_reduce_sum"),
  reduce("f32_reduce_mean"),
  reduce("f32_reduce_max"),
  reduce("f32_reduce_min"),
  reduce("f32_reduce_prod"),
  argmax,
];
