/** @file Conversions between dtypes: to f32 in WebAssembly, the others in JavaScript. Floats truncate and saturate with NaN as 0, integers wrap, bool is x != 0. */

import { demand, operand, refusal, result, sameCount } from "../../../step/step.ts";
import type { RuntimeDType } from "../../../tensor.ts";
import type { TensorAt, WasmKernel } from "../kernel.ts";
import type { MemoryViews } from "../memory.ts";
import { arrayOf, indexAt } from "./elements.ts";

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

type Convert = (x: number) => number;
type Loop = (memory: MemoryViews, n: number) => void;

const truth: Convert = (x) => (x === 0 ? 0 : 1);
/** Typed arrays wrap what is stored into them. */
const same: Convert = (x) => x;

/** Range to which a float saturates after truncation. */
const ranges: { readonly [dtype: string]: readonly [number, number] | undefined } = {
  i8: [-128, 127],
  u8: [0, 255],
  i32: [-(2 ** 31), 2 ** 31 - 1],
};

function conversion(from: RuntimeDType, to: RuntimeDType): Convert {
  if (to === "bool") return truth;
  const range = from === "f32" ? ranges[to] : undefined;
  return range ? (x) => Math.min(Math.max(Math.trunc(x) || 0, range[0]), range[1]) : same;
}

function plain(x: TensorAt, y: TensorAt): Loop | null {
  const [source, target] = [arrayOf(x.dtype), arrayOf(y.dtype)];
  if (!source || !target) return null;
  const convert = conversion(x.dtype, y.dtype);
  const [from, to] = [indexAt(x.ptr, x.dtype), indexAt(y.ptr, y.dtype)];
  return (memory, n) => {
    const [xs, ys] = [source(memory), target(memory)];
    for (let i = 0; i < n; i++) ys[to + i] = convert(xs[from + i] as number);
  };
}

/** What integers wrap to needs the low words only; f32 takes both, rounded to 53 bits between. */
function fromWide(x: TensorAt, y: TensorAt): Loop | null {
  const target = arrayOf(y.dtype);
  if (!target) return null;
  const convert = conversion(x.dtype, y.dtype);
  const high = y.dtype === "f32" || y.dtype === "bool" ? 2 ** 32 : 0;
  const [from, to] = [x.ptr >>> 2, indexAt(y.ptr, y.dtype)];
  return (memory, n) => {
    const [words, ys] = [memory.i32, target(memory)];
    for (let i = 0; i < n; i++) {
      ys[to + i] = convert((words[from + 2 * i + 1] as number) * high + ((words[from + 2 * i] as number) >>> 0));
    }
  };
}

/** Floats beyond the range become its ends; the largest float below 2^63 is exact. */
function toWide(x: TensorAt, y: TensorAt): Loop | null {
  const source = arrayOf(x.dtype);
  if (!source) return null;
  const [from, to] = [indexAt(x.ptr, x.dtype), y.ptr >>> 2];
  return (memory, n) => {
    const [xs, words] = [source(memory), memory.i32];
    for (let i = 0; i < n; i++) {
      const value = Math.trunc(xs[from + i] as number) || 0;
      const high = Math.floor(Math.min(Math.max(value, -(2 ** 63)), 2 ** 63) / 2 ** 32);
      const beyond = high >= 2 ** 31;
      words[to + 2 * i] = beyond ? -1 : value < -(2 ** 63) ? 0 : value - high * 2 ** 32;
      words[to + 2 * i + 1] = beyond ? 2 ** 31 - 1 : high;
    }
  };
}

const anyCast: WasmKernel = {
  id: "cast",
  bind(call) {
    const [x, y] = [operand(call, 0), result(call)];
    const loop = x.dtype === "i64" ? fromWide(x, y) : y.dtype === "i64" ? toWide(x, y) : plain(x, y);
    if (!loop) throw refusal(call, `it does not convert ${x.dtype} to ${y.dtype}`);
    const n = sameCount(call, x, y);
    const { memory } = call;
    return () => loop(memory, n);
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
