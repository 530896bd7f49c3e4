/** @file Results whose sizes follow from elements: nonzero, range, unique, and shapes that are data. Loops in JavaScript, which has the memory to grow them in. */
import { RuntimeError } from "../../../errors.ts";
import { aroundAxis, broadcastStrides, rowMajor } from "../../../step/shapes.ts";
import { axisAttr, axisFrom, listAttr, operand, refusal } from "../../../step/step.ts";
import { bitsPerElement, elementCount, type RuntimeDType, Tensor, type TensorArray } from "../../../tensor.ts";
import type { KernelCall, TensorAt, TensorShape, WasmKernel } from "../kernel.ts";
import { bytesOf } from "../layout.ts";
import { elementBytes } from "./strided-copy.ts";

function finding(id: string, find: (call: KernelCall) => () => readonly Tensor[]): WasmKernel {
  return {
    id,
    find,
    bind(call) {
      throw refusal(call, "only a run tells the sizes of its results");
    },
  };
}

/** A copy, since its array may outlive the memory. */
const read = ({ memory }: KernelCall, at: TensorAt): Tensor =>
  Tensor.fromBytes(at.dtype, memory.u8.slice(at.ptr, at.ptr + bytesOf(at)), at.shape);

const list = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  new Tensor("i64", BigInt64Array.from(values, BigInt), shape);

/** Bits of the highest byte that count: a float's sign does not make it other than 0. */
const highest = (dtype: RuntimeDType): number => (dtype.includes("f") ? 0x7f : 0xff);

const nonzero = finding("nonzero", (call) => {
  const x = operand(call, 0);
  const [size, count, mask] = [elementBytes(call, x), elementCount(x.shape), highest(x.dtype)];
  const shape = x.shape.length === 0 ? [1] : x.shape;
  const strides = rowMajor(shape);
  const { memory } = call;
  return () => {
    const found: number[] = [];
    const { u8 } = memory;
    for (let i = 0, at = x.ptr; i < count; i++, at += size) {
      let bits = (u8[at + size - 1] as number) & mask;
      for (let b = 0; b < size - 1; b++) bits |= u8[at + b] as number;
      if (bits !== 0) found.push(i);
    }
    const axes = shape.map((length, axis) => found.map((place) => Math.floor(place / (strides[axis] as number)) % length));
    return [list(axes.flat(), [shape.length, found.length])];
  };
});

/** More are no model but a mistake. */
const longest = 2 ** 28;

const range = finding("range", (call) => {
  const bounds = [0, 1, 2].map((i) => operand(call, i, operand(call, 0).dtype));
  if (bounds.some(({ shape }) => elementCount(shape) !== 1)) throw refusal(call, "a bound has not one element");
  return () => {
    const tensors = bounds.map((bound) => read(call, bound));
    const [start, limit, delta] = tensors.map(({ data }) => data[0]) as [number | bigint, number | bigint, number | bigint];
    const distance = typeof start === "bigint" ? Number((limit as bigint) - start) : Number(limit) - start;
    const count = Math.max(Math.ceil(distance / Number(delta)), 0);
    if (Number(delta) === 0 || !(count <= longest))
      throw new RuntimeError("R0408", `a range from ${start} to ${limit} in steps of ${delta}`, call.origin);
    const bytes = new Uint8Array((count * bitsPerElement((tensors[0] as Tensor).dtype)) / 8);
    const y = Tensor.fromBytes((tensors[0] as Tensor).dtype, bytes, [count]);
    for (let k = 0; k < count; k++)
      y.data[k] = typeof start === "bigint" ? start + BigInt(k) * (delta as bigint) : start + k * Number(delta);
    return [y];
  };
});

type Element = number | bigint;

/** NaN equals NaN and is above every number. */
function compare(a: Element, b: Element): number {
  return a < b ? -1 : a > b ? 1 : Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

/** Groups of equal slices, ascending, in each the first slice first. */
function groupsOf(size: number, order: (p: number, q: number) => number): number[][] {
  const groups: number[][] = [];
  for (const slice of Array.from({ length: size }, (_, i) => i).sort((p, q) => order(p, q) || p - q)) {
    const last = groups[groups.length - 1];
    if (last && order(last[0] as number, slice) === 0) last.push(slice);
    else groups.push([slice]);
  }
  return groups;
}

const unique = finding("unique", (call) => {
  const x = operand(call, 0);
  const axis = axisAttr(call, "axis", x.shape.length, 0);
  const { outer, size, inner } = aroundAxis(x.shape, axis);
  return () => {
    const { data, dtype } = read(call, x);
    const element = (slice: number, i: number): Element => data[(Math.floor(i / inner) * size + slice) * inner + (i % inner)] as Element;
    const order = (p: number, q: number): number => {
      for (let i = 0; i < outer * inner; i++) {
        const sign = compare(element(p, i), element(q, i));
        if (sign !== 0) return sign;
      }
      return 0;
    };
    const groups = groupsOf(size, order);
    if (call.attrs.sorted === false) groups.sort((p, q) => (p[0] as number) - (q[0] as number));
    const inverse = new Array<number>(size);
    for (const [k, group] of groups.entries()) for (const slice of group) inverse[slice] = k;
    const firsts = groups.map((group) => group[0] as number);
    const taken: TensorArray = data.slice(0, outer * firsts.length * inner);
    for (let i = 0; i < taken.length; i++) {
      const [row, column] = [Math.floor(i / inner), i % inner];
      taken[i] = element(firsts[row % firsts.length] as number, Math.floor(row / firsts.length) * inner + column);
    }
    const shape = x.shape.map((length, i) => (i === axis ? firsts.length : length));
    return [new Tensor(dtype, taken, shape), list(firsts), list(inverse), list(groups.map((group) => group.length))];
  };
});

/** Elements as bytes, from `start` and with `strides` on. */
function walked(x: Tensor, size: number, shape: readonly number[], start: number, strides: readonly number[]): Tensor {
  const [from, to] = [x.bytes(), new Uint8Array(elementCount(shape) * size)];
  const index = shape.map(() => 0);
  for (let next = 0, at = start; next < to.length; next += size) {
    for (let b = 0; b < size; b++) to[next + b] = from[at * size + b] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const [length, stride] = [shape[axis] as number, strides[axis] as number];
      const more = (index[axis] as number) + 1 < length;
      index[axis] = more ? (index[axis] as number) + 1 : 0;
      at += more ? stride : stride * (1 - length);
      if (more) break;
    }
  }
  return Tensor.fromBytes(x.dtype, to, shape);
}

const numbersOf = (call: KernelCall, index: number): (() => readonly number[]) => {
  const at = operand(call, index, "i64");
  return () => Array.from(read(call, at).data, Number);
};

const wrongSizes = (call: KernelCall, x: TensorShape, sizes: readonly number[]): RuntimeError =>
  new RuntimeError("R0408", `[${x.shape.join(", ")}] does not fit the sizes [${sizes.join(", ")}] that the model computed`, call.origin);

const reshape = finding("reshape_to", (call) => {
  const [x, wanted] = [operand(call, 0), numbersOf(call, 1)];
  const count = elementCount(x.shape);
  return () => {
    const given = wanted();
    const sizes = given.map((size, axis) => (size === 0 ? (x.shape[axis] ?? 0) : size));
    const rest = sizes.reduce((n, size) => (size === -1 ? n : n * size), 1);
    const shape = sizes.map((size) => (size === -1 && rest !== 0 ? count / rest : size));
    if (!shape.every((size) => Number.isInteger(size) && size >= 0) || elementCount(shape) !== count) throw wrongSizes(call, x, given);
    return [Tensor.fromBytes(x.dtype, read(call, x).bytes(), shape)];
  };
});

const broadcast = finding("broadcast_to", (call) => {
  const [x, wanted] = [operand(call, 0), numbersOf(call, 1)];
  const size = elementBytes(call, x);
  return () => {
    const given = wanted();
    const rank = Math.max(given.length, x.shape.length);
    const from = (list: readonly number[], axis: number): number => list[axis - (rank - list.length)] ?? 1;
    const shape = Array.from({ length: rank }, (_, axis) => (from(given, axis) === 1 ? from(x.shape, axis) : from(given, axis)));
    const strides = shape.every((n) => n >= 0) && elementCount(shape) <= longest ? broadcastStrides(x.shape, shape) : null;
    if (!strides) throw wrongSizes(call, x, given);
    return [walked(read(call, x), size, shape, 0, strides)];
  };
});

const slice = finding("slice_to", (call) => {
  const x = operand(call, 0);
  const axes = listAttr(call, "axes").map((axis) => axisFrom(call, axis, x.shape.length));
  const [starts, ends, steps] = [numbersOf(call, 1), numbersOf(call, 2), call.operands[3] ? numbersOf(call, 3) : () => axes.map(() => 1)];
  const size = elementBytes(call, x);
  return () => {
    const [from, to, by] = [starts(), ends(), steps()];
    const [shape, strides] = [[...x.shape], [...rowMajor(x.shape)]];
    let first = 0;
    axes.forEach((axis, i) => {
      const [length, step] = [x.shape[axis] as number, by[i] ?? 0];
      if (step === 0) throw new RuntimeError("R0408", "a slice in steps of 0", call.origin);
      const bound = (at = 0) => Math.min(Math.max(at < 0 ? at + length : at, step > 0 ? 0 : -1), step > 0 ? length : length - 1);
      const [start, end] = [bound(from[i]), bound(to[i])];
      first += start * (strides[axis] as number);
      shape[axis] = Math.max(Math.ceil((end - start) / step), 0);
      strides[axis] = (strides[axis] as number) * step;
    });
    return [walked(read(call, x), size, shape, first, strides)];
  };
});

export const foundKernels: readonly WasmKernel[] = [nonzero, range, unique, reshape, broadcast, slice];
