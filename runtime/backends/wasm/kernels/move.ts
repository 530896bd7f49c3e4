/** @file Moving whole-byte elements: view, transpose, broadcast, slice, concat, pad, gather. */
import { RuntimeError } from "../../../errors.ts";
import { aroundAxis } from "../../../step/shapes.ts";
import { axisAttr, demand, floatAttr, listAttr, operand, refusal, result } from "../../../step/step.ts";
import { broadcastWalk, sliceWalk, transposeWalk, type Walk } from "../../../step/walk.ts";
import { elementCount, Tensor } from "../../../tensor.ts";
import { align } from "../arena.ts";
import type { KernelCall, StepShapes, TensorShape, WasmKernel } from "../kernel.ts";
import { elementBytes, stridedCopy, table, tableBytes } from "./strided-copy.ts";

/** Reshape, and casts that change nothing. */
const view: WasmKernel = { id: "view", view: true, bind: () => () => {} };

function movement(step: StepShapes): void {
  demand(step, operand(step, 0).dtype === result(step).dtype, "operand and result differ in dtype");
}

function strided(id: string, walk: (step: StepShapes) => Walk): WasmKernel {
  return {
    id,
    scratch: () => tableBytes,
    bind(call) {
      movement(call);
      const [x, y] = [operand(call, 0), result(call)];
      const { start, strides } = walk(call);
      const size = elementBytes(call, x);
      return stridedCopy(call, size, { ptr: x.ptr + start * size, strides }, y.shape, y.ptr, call.scratch);
    },
  };
}

const concat: WasmKernel = {
  id: "concat",
  bind(call) {
    movement(call);
    const y = result(call);
    const whole = aroundAxis(y.shape, axisAttr(call, "axis", y.shape.length, 0));
    const inner = whole.inner * elementBytes(call, y);
    const { kernels } = call;
    let offset = 0;
    const pieces = call.operands.map((_, i) => {
      const x = operand(call, i, y.dtype);
      const bytes = whole.outer === 0 ? 0 : (elementCount(x.shape) / whole.outer) * elementBytes(call, x);
      const piece = { from: x.ptr, to: y.ptr + offset, bytes };
      offset += bytes;
      return piece;
    });
    const row = whole.size * inner;
    demand(call, whole.outer === 0 || offset === row, `the pieces take ${offset} bytes, the result ${row}`);
    return () => {
      for (const { from, to, bytes } of pieces) kernels.copy_blocks(from, to, whole.outer, bytes, bytes, row);
    };
  },
};

/** One element as bytes. */
function elementOf(step: StepShapes, { dtype }: TensorShape, value: number): Uint8Array {
  switch (dtype) {
    case "f32":
      return new Tensor(dtype, Float32Array.of(value), []).bytes();
    case "i32":
      return new Tensor(dtype, Int32Array.of(value), []).bytes();
    case "i64":
      return new Tensor(dtype, BigInt64Array.of(BigInt(Math.trunc(value))), []).bytes();
    case "i8":
    case "u8":
    case "bool":
      return Uint8Array.of(value);
    default:
      throw refusal(step, `it pads no ${dtype}`);
  }
}

const pad: WasmKernel = {
  id: "pad",
  scratch: () => align(tableBytes) + 8,
  bind(call) {
    movement(call);
    const [x, y] = [operand(call, 0), result(call)];
    const before = listAttr(call, "before");
    demand(call, x.shape.length === y.shape.length && before.length === y.shape.length, "before has one entry per axis");
    const value = elementOf(call, x, floatAttr(call, "value", 0));
    const words = table(call, y.shape, x.shape, before);
    const { kernels, memory, scratch } = call;
    const valueAt = scratch + align(tableBytes);
    const size = elementBytes(call, x);
    return () => {
      memory.i32.set(words, scratch >>> 2);
      memory.u8.set(value, valueAt);
      kernels.pad_constant(size, x.ptr, y.ptr, y.shape.length, scratch, valueAt);
    };
  },
};

function gather(id: "gather_i32" | "gather_i64"): WasmKernel {
  return {
    id,
    bind(call: KernelCall) {
      movement(call);
      const [x, indices, y] = [operand(call, 0), operand(call, 1, id === "gather_i32" ? "i32" : "i64"), result(call)];
      const { outer, size, inner } = aroundAxis(x.shape, axisAttr(call, "axis", x.shape.length, 0));
      const count = elementCount(indices.shape);
      demand(call, elementCount(y.shape) === outer * count * inner, "the result has not one slice per index");
      const bytes = inner * elementBytes(call, x);
      const { kernels, origin } = call;
      return () => {
        const wrong = kernels[id](x.ptr, indices.ptr, y.ptr, outer, size, bytes, count);
        if (wrong >= 0) throw new RuntimeError("R0408", `index ${wrong} of the indices is outside the axis of ${size}`, origin);
      };
    },
  };
}

export const moveKernels: readonly WasmKernel[] = [
  view,
  strided("transpose", transposeWalk),
  strided("broadcast", broadcastWalk),
  strided("slice", sliceWalk),
  concat,
  pad,
  gather("gather_i32"),
  gather("gather_i64"),
];
