/** @file Comparison and choice with broadcasting, in JavaScript over the session's memory: booleans are bytes. */

import type { StridedAxes } from "../../../step/shapes.ts";
import { operand, refusal, result } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { WasmKernel } from "../kernel.ts";
import { broadcastAxes } from "./binary.ts";
import { arrayOf, indexAt } from "./elements.ts";

/** Calls back for every run of the innermost axis with each tensor's element offset; `offsets` is reused. */
function walker({ sizes, strides }: StridedAxes): (run: (offsets: Int32Array) => void) => void {
  const outer = sizes.length - 1;
  const index = new Int32Array(outer);
  const offsets = new Int32Array(strides.length);
  const advance = (): boolean => {
    for (let axis = outer - 1; axis >= 0; axis--) {
      const more = (index[axis] as number) + 1 < (sizes[axis] as number);
      const by = more ? 1 : 1 - (sizes[axis] as number);
      index[axis] = more ? (index[axis] as number) + 1 : 0;
      for (let t = 0; t < offsets.length; t++) offsets[t] = (offsets[t] as number) + by * (strides[t]?.[axis] as number);
      if (more) return true;
    }
    return false;
  };
  return (run) => {
    do run(offsets);
    while (advance());
  };
}

function compare(id: string, holds: (a: number, b: number) => boolean): WasmKernel {
  return {
    id,
    bind(call) {
      const [a, b, y] = [operand(call, 0, "f32", "i32", "i8", "u8", "bool"), operand(call, 1), result(call, "bool")];
      const elements = arrayOf(a.dtype);
      if (!elements || a.dtype !== b.dtype) throw refusal(call, `it does not compare ${a.dtype} with ${b.dtype}`);
      const axes = broadcastAxes(call, [a, b], y.shape);
      if (elementCount(y.shape) === 0) return () => {};
      const [length = 1, [aStep = 0, bStep = 0]] = innermost(axes);
      const forEachRun = walker(axes);
      const [aAt, bAt] = [indexAt(a.ptr, a.dtype), indexAt(b.ptr, b.dtype)];
      const { memory } = call;
      return () => {
        const [values, u8] = [elements(memory), memory.u8];
        let at = y.ptr;
        forEachRun((offsets) => {
          const [i, j] = [aAt + (offsets[0] as number), bAt + (offsets[1] as number)];
          for (let k = 0; k < length; k++) u8[at++] = holds(values[i + k * aStep] as number, values[j + k * bStep] as number) ? 1 : 0;
        });
      };
    },
  };
}

const words = ["f32", "i32", "u32"] as const;

/** y <- condition ? a : b, elements of 32 bits. */
const where: WasmKernel = {
  id: "x32_where",
  bind(call) {
    const [condition, a, b, y] = [operand(call, 0, "bool"), operand(call, 1, ...words), operand(call, 2, ...words), result(call, ...words)];
    const axes = broadcastAxes(call, [condition, a, b], y.shape);
    if (elementCount(y.shape) === 0) return () => {};
    const [length = 1, [cStep = 0, aStep = 0, bStep = 0]] = innermost(axes);
    const forEachRun = walker(axes);
    const { memory } = call;
    return () => {
      const { i32, u8 } = memory;
      let at = y.ptr >>> 2;
      forEachRun((offsets) => {
        const c = condition.ptr + (offsets[0] as number);
        const [i, j] = [(a.ptr >>> 2) + (offsets[1] as number), (b.ptr >>> 2) + (offsets[2] as number)];
        for (let k = 0; k < length; k++) i32[at++] = (u8[c + k * cStep] !== 0 ? i32[i + k * aStep] : i32[j + k * bStep]) as number;
      });
    };
  },
};

function innermost({ sizes, strides }: StridedAxes): readonly [number | undefined, readonly (number | undefined)[]] {
  const last = sizes.length - 1;
  return [sizes[last], strides.map((own) => own[last])];
}

export const logicKernels: readonly WasmKernel[] = [
  compare("equal", (a, b) => a === b),
  compare("less", (a, b) => a < b),
  compare("greater", (a, b) => a > b),
  where,
];
