/** @file What rebuilds weights from small codes: unpacking, codebook lookup, sparse expansion. f32 and bytes in WebAssembly, the rarer combinations in JavaScript. */
import { RuntimeError } from "../../../errors.ts";
import { aroundAxis } from "../../../step/shapes.ts";
import { axisAttr, demand, intAttr, operand, refusal, result, sameCount } from "../../../step/step.ts";
import { elementCount, type RuntimeDType } from "../../../tensor.ts";
import type { KernelCall, TensorAt, WasmKernel } from "../kernel.ts";
import { bytesOf } from "../layout.ts";
import { codeReader, elementMover } from "./packed-codes.ts";

function unpack(
  id: "u1_unpack_u8" | "u2_unpack_u8" | "u4_unpack_u8" | "i2_unpack_i8" | "i4_unpack_i8",
  from: RuntimeDType,
  to: RuntimeDType,
): WasmKernel {
  return {
    id,
    bind(call) {
      const [x, y] = [operand(call, 0, from), result(call, to)];
      const n = sameCount(call, x, y);
      const { kernels } = call;
      return () => kernels[id](x.ptr, y.ptr, n);
    },
  };
}

interface Lookup {
  readonly table: TensorAt;
  readonly entries: number;
  /** Elements of an entry. */
  readonly width: number;
  readonly codes: TensorAt;
  readonly y: TensorAt;
  /** Codes. */
  readonly n: number;
}

function lookupOf(call: KernelCall): Lookup {
  const [table, codes, y] = [operand(call, 0), operand(call, 1), result(call)];
  demand(call, table.dtype === y.dtype, "table and result differ in dtype");
  const [entries, n, elements] = [table.shape[0] ?? 0, elementCount(codes.shape), elementCount(table.shape)];
  const width = entries === 0 ? 1 : elements / entries;
  demand(call, elementCount(y.shape) === n * width, `${n} codes of ${width} elements are not ${elementCount(y.shape)}`);
  return { table, entries, width, codes, y, n };
}

/** @param wrong position of the first code beyond the table, -1: none */
function checkCodes(call: KernelCall, wrong: number, entries: number): void {
  if (wrong >= 0) throw new RuntimeError("R0408", `code ${wrong} is beyond the table of ${entries} entries`, call.origin);
}

function lookupF32(id: "u8_lookup_f32" | "u4_lookup_f32" | "u2_lookup_f32"): WasmKernel {
  return {
    id,
    bind(call) {
      const lookup = lookupOf(call);
      const { table, entries, codes, y, n } = lookup;
      demand(call, table.dtype === "f32" && id.startsWith(`${codes.dtype}_`), `codes are ${codes.dtype}, the table ${table.dtype}`);
      if (lookup.width !== 1) return copyEntries(call, lookup);
      const { kernels } = call;
      return () => checkCodes(call, kernels[id](table.ptr, entries, codes.ptr, y.ptr, n), entries);
    },
  };
}

/** One-bit codes (binary weights) are unpacked first. */
const lookupBits: WasmKernel = {
  id: "u1_lookup_f32",
  scratch: (step) => elementCount(operand(step, 1, "u1").shape),
  bind(call) {
    const lookup = lookupOf(call);
    const { table, entries, codes, y, n } = lookup;
    demand(call, table.dtype === "f32" && codes.dtype === "u1", `codes are ${codes.dtype}, the table ${table.dtype}`);
    if (lookup.width !== 1) return copyEntries(call, lookup);
    const { kernels, scratch } = call;
    return () => {
      kernels.u1_unpack_u8(codes.ptr, scratch, n);
      checkCodes(call, kernels.u8_lookup_f32(table.ptr, entries, scratch, y.ptr, n), entries);
    };
  },
};

const lookupAny: WasmKernel = { id: "lookup", bind: (call) => copyEntries(call, lookupOf(call)) };

/** Any dtype, and entries of any width: once at load, so a loop in JavaScript does. */
function copyEntries(call: KernelCall, { table, entries, width, codes, y, n }: Lookup): () => void {
  const [read, move] = [codeReader(codes.dtype), elementMover(table.dtype)];
  const { memory } = call;
  return () => {
    const { u8 } = memory;
    u8.fill(0, y.ptr, y.ptr + bytesOf(y));
    for (let i = 0; i < n; i++) {
      const code = read(u8, codes.ptr, i);
      if (code >= entries) checkCodes(call, i, entries);
      for (let j = 0; j < width; j++) move(u8, table.ptr, code * width + j, y.ptr, i * width + j);
    }
  };
}

function misplaced(call: KernelCall, places: number, values: number): RuntimeError {
  return new RuntimeError("R0408", `the index places ${places} values, ${values} are given`, call.origin);
}

function expandMask(id: "f32_expand_mask" | "u8_expand_mask", dtypes: readonly RuntimeDType[]): WasmKernel {
  return {
    id,
    bind(call) {
      const [values, mask, y] = [operand(call, 0, ...dtypes), operand(call, 1, "u1"), result(call, ...dtypes)];
      const [n, count] = [sameCount(call, mask, y), elementCount(values.shape)];
      const { kernels } = call;
      return () => {
        const ones = kernels[id](mask.ptr, values.ptr, count, y.ptr, n);
        if (ones !== count) throw misplaced(call, ones, count);
      };
    },
  };
}

/** Visits the flat position of each stored value in order; returns how many there are. */
type Positions = (bytes: Uint8Array, visit: (position: number, i: number) => void) => number;

function maskPositions(mask: TensorAt): Positions {
  const [n, read] = [elementCount(mask.shape), codeReader("u1")];
  return (bytes, visit) => {
    let ones = 0;
    for (let i = 0; i < n; i++) if (read(bytes, mask.ptr, i) === 1) visit(i, ones++);
    return ones;
  };
}

/** n values in each group of m elements along an axis, places ascending. */
function groupPositions(call: KernelCall, index: TensorAt, y: TensorAt): Positions {
  const { size, inner } = aroundAxis(y.shape, axisAttr(call, "axis", y.shape.length, -1));
  const [n, m, entries] = [intAttr(call, "n", 0), intAttr(call, "m", 0), elementCount(index.shape)];
  demand(call, n >= 1 && n <= m && size % m === 0 && entries === (elementCount(y.shape) / m) * n, `${entries} entries for ${n} of ${m}`);
  const [kept, read] = [(size / m) * n, codeReader(index.dtype)];
  return (bytes, visit) => {
    for (let i = 0; i < entries; i++) {
      const j = Math.floor(i / inner) % kept;
      const place = read(bytes, index.ptr, i);
      const before = j % n === 0 ? -1 : read(bytes, index.ptr, i - inner);
      if (place >= m || place <= before)
        throw new RuntimeError("R0408", `entry ${i} of the index, ${place}, is no ascending place in ${m}`, call.origin);
      visit((Math.floor(i / (kept * inner)) * size + Math.floor(j / n) * m + place) * inner + (i % inner), i);
    }
    return entries;
  };
}

/** Either format, any dtype. */
const expandAny: WasmKernel = {
  id: "expand",
  bind(call) {
    const [values, index, y] = [operand(call, 0), operand(call, 1), result(call)];
    if (values.dtype !== y.dtype) throw refusal(call, "values and result differ in dtype");
    if (call.attrs.format === "mask") sameCount(call, index, y);
    const positions = call.attrs.format === "mask" ? maskPositions(index) : groupPositions(call, index, y);
    const [count, move] = [elementCount(values.shape), elementMover(y.dtype)];
    const { memory } = call;
    return () => {
      const { u8 } = memory;
      u8.fill(0, y.ptr, y.ptr + bytesOf(y));
      const placed = positions(u8, (position, i) => {
        if (i < count) move(u8, values.ptr, i, y.ptr, position);
      });
      if (placed !== count) throw misplaced(call, placed, count);
    };
  },
};

export const codeKernels: readonly WasmKernel[] = [
  unpack("u1_unpack_u8", "u1", "u8"),
  unpack("u2_unpack_u8", "u2", "u8"),
  unpack("u4_unpack_u8", "u4", "u8"),
  unpack("i2_unpack_i8", "i2", "i8"),
  unpack("i4_unpack_i8", "i4", "i8"),
  lookupF32("u8_lookup_f32"),
  lookupF32("u4_lookup_f32"),
  lookupF32("u2_lookup_f32"),
  lookupBits,
  lookupAny,
  expandMask("f32_expand_mask", ["f32"]),
  expandMask("u8_expand_mask", ["i8", "u8", "bool"]),
  expandAny,
];
