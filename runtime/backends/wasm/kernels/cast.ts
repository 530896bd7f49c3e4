/** @file Conversions between dtypes: to f32 in WebAssembly, the others in JavaScript by one reader and one writer per dtype. */
import type { WasmKernel } from "../kernel.ts";
import type { MemoryViews } from "../memory.ts";
import { type Read, readers } from "./elements.ts";
import { demand, operand, refusal, result, sameCount } from "./step.ts";

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

type Write = (memory: MemoryViews, at: number, i: number, value: number) => void;

/** What integer conversions wrap to needs no more than the low 32 bits. */
const readLowWord: Read = ({ i32 }, at, i) => i32[(at >>> 2) + 2 * i] as number;

const writeByte: Write = ({ u8 }, at, i, value) => {
  u8[at + i] = value;
};
const writers: { readonly [dtype: string]: Write | undefined } = {
  f32: ({ f32 }, at, i, value) => {
    f32[(at >>> 2) + i] = value;
  },
  i32: ({ i32 }, at, i, value) => {
    i32[(at >>> 2) + i] = value;
  },
  i64: ({ i32 }, at, i, value) => {
    const high = Math.floor(value / 2 ** 32);
    i32[(at >>> 2) + 2 * i] = value - high * 2 ** 32;
    i32[(at >>> 2) + 2 * i + 1] = high;
  },
  i8: writeByte,
  u8: writeByte,
};

/** Range to which a float saturates after truncation. */
const ranges: { readonly [dtype: string]: readonly [number, number] | undefined } = {
  i8: [-128, 127],
  u8: [0, 255],
  i32: [-(2 ** 31), 2 ** 31 - 1],
};

/** Floats truncate and saturate with NaN as 0, integers wrap, bool is x != 0. */
function converter(from: string, to: string): readonly [Read, Write] | null {
  if (to === "bool") return readers[from] ? [readers[from], (memory, at, i, value) => writeByte(memory, at, i, value === 0 ? 0 : 1)] : null;
  const [read, write] = [readers[from], writers[to]];
  if (!read || !write) return null;
  if (from === "i64" && to !== "f32") return [readLowWord, write];
  if (from !== "f32") return [read, write];
  const range = ranges[to];
  if (!range) return [read, to === "i64" ? writeSaturated64 : write];
  return [read, (memory, at, i, value) => write(memory, at, i, Math.min(Math.max(Math.trunc(value) || 0, range[0]), range[1]))];
}

const writeSaturated64: Write = (memory, at, i, value) => {
  const { i32 } = memory;
  if (Math.abs(value) < 2 ** 63) return (writers.i64 as Write)(memory, at, i, Math.trunc(value));
  const high = value > 0 ? 2 ** 31 - 1 : value < 0 ? -(2 ** 31) : 0;
  i32[(at >>> 2) + 2 * i] = value > 0 ? -1 : 0;
  i32[(at >>> 2) + 2 * i + 1] = high;
};

const anyCast: WasmKernel = {
  id: "cast",
  bind(call) {
    const [x, y] = [operand(call, 0), result(call)];
    const found = converter(x.dtype, y.dtype);
    if (!found) throw refusal(call, `it does not convert ${x.dtype} to ${y.dtype}`);
    const [read, write] = found;
    const n = sameCount(call, x, y);
    const { memory } = call;
    return () => {
      for (let i = 0; i < n; i++) write(memory, y.ptr, i, read(memory, x.ptr, i));
    };
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
