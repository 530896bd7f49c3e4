/** @file Element-wise integer kernels: addition with broadcasting, another step, a table. */

import { demand, operand, result, sameCount } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { WasmKernel } from "../kernel.ts";
import { broadcastAxes } from "./binary.ts";
import { boundedAttr, byteInput, byteOutput } from "./int-scaling.ts";
import { table, tableBytes } from "./strided-copy.ts";

/** Factors and shifts with which everything fits 32 bits. */
const [mostFactor, mostShift] = [2 ** 21, 29];

/** The rounding half less what the zero points add, modulo 2^32. */
function offsetOf(shift: number, ...terms: readonly { readonly zero: number; readonly factor: number }[]): number {
  return terms.reduce((sum, { zero, factor }) => sum - zero * factor, shift > 0 ? 2 ** (shift - 1) : 0);
}

const add: WasmKernel = {
  id: "i8_add",
  scratch: () => tableBytes,
  bind(call) {
    const [a, b, y] = [operand(call, 0, "i8", "u8"), operand(call, 1, "i8", "u8"), result(call, "i8", "u8")];
    const { sizes, strides } = broadcastAxes(call, [a, b], y.shape);
    if (elementCount(y.shape) === 0) return () => {};
    const [aIn, bIn] = [byteInput(call, a, "a_zero"), byteInput(call, b, "b_zero")];
    const [aFactor, bFactor] = [boundedAttr(call, "a_multiplier", 0, mostFactor), boundedAttr(call, "b_multiplier", 0, mostFactor)];
    const shift = boundedAttr(call, "shift", 0, mostShift);
    const offset = offsetOf(shift, { ...aIn, factor: aFactor }, { ...bIn, factor: bFactor });
    const tail = [aIn.flip, bIn.flip, aFactor, bFactor, offset, shift, ...byteOutput(call)] as const;
    const words = table(call, sizes, strides[0] ?? [], strides[1] ?? []);
    const { kernels, memory, scratch } = call;
    return () => {
      memory.i32.set(words, scratch >>> 2);
      kernels.i8_add(a.ptr, b.ptr, y.ptr, sizes.length, scratch, ...tail);
    };
  },
};

const requantize: WasmKernel = {
  id: "i8_requantize",
  bind(call) {
    const [x, y] = [operand(call, 0, "i8", "u8"), result(call, "i8", "u8")];
    const n = sameCount(call, x, y);
    const input = byteInput(call, x, "x_zero");
    const factor = boundedAttr(call, "multiplier", 0, mostFactor);
    const shift = boundedAttr(call, "shift", 0, mostShift);
    const tail = [input.flip, factor, offsetOf(shift, { ...input, factor }), shift, ...byteOutput(call)] as const;
    const { kernels } = call;
    return () => kernels.i8_requantize(x.ptr, y.ptr, n, ...tail);
  },
};

const lookup: WasmKernel = {
  id: "i8_lookup",
  bind(call) {
    const [x, entries, y] = [operand(call, 0, "i8", "u8"), operand(call, 1, "i8", "u8"), result(call)];
    const n = sameCount(call, x, y);
    demand(call, elementCount(entries.shape) === 256 && entries.dtype === y.dtype, "the table has not 256 results");
    const flip = x.dtype === "i8" ? 128 : 0;
    const { kernels } = call;
    return () => kernels.i8_lookup(x.ptr, entries.ptr, y.ptr, n, flip);
  },
};

export const intElementwiseKernels: readonly WasmKernel[] = [add, requantize, lookup];
