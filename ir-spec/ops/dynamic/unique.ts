/** @file The different slices of an axis. */
import { dimProduct } from "../../core/dim.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { axisSplit } from "../math/softmax.ts";
import { axisFrom, demandAxis } from "../shape/axes.ts";
import { declaredSize, noReference } from "./sized.ts";

export const unique = defineOp({
  name: "dynamic.unique",
  since: 1,
  doc: "The different slices of `x` along `axis`: in ascending order, element by element in row-major order, or in that of their first occurrence; where each occurs first; which one each slice of `x` is; how often each occurs. Their number is a symbol that the op introduces. NaN equals NaN and is above every number. ONNX `Unique`.",
  operands: [{ name: "x", role: "data", axes: ["..."], doc: "Any dtype, rank 1 or more." }],
  results: [
    { name: "y", axes: ["..."], doc: "`axis` has as many slices as are different." },
    { name: "indices", axes: ["found"], doc: "i64, first occurrences." },
    { name: "inverse", axes: ["axis"], doc: "i64, for each slice of `x` its place in `y`." },
    { name: "counts", axes: ["found"], doc: "i64." },
  ],
  attrs: {
    axis: a.int("Axis whose slices are compared; negative counts from the last.", 0),
    sorted: a.bool("Ascending, else as they come.", true),
  },
  infer(ctx) {
    const { dtype, shape } = ctx.type(0);
    const axis = demandAxis(ctx, ctx.attrs.axis, shape.length);
    const found = declaredSize(ctx, 0, axis, shape.length);
    const list = tensorType("i64", [found]);
    const kept = shape.map((dim, i) => (i === axis ? found : dim));
    return [tensorType(dtype, kept), list, tensorType("i64", shape.slice(axis, axis + 1)), list];
  },
  reference: noReference("dynamic.unique"),
  execute: ({ inputs: [x = null], attrs }) => (x ? distinct(x, axisFrom(attrs.axis, x.shape.length), attrs.sorted) : []),
  work: ({ types }) => ({ macs: 0, elementOps: dimProduct(types[0]?.shape ?? []) }),
  noGradient: "which slices are equal depends on values",
});

type Element = number | bigint;

function compare(a: Element, b: Element): number {
  if (a < b) return -1;
  if (a > b) return 1;
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b));
}

const list = (values: readonly number[]): HostTensor => hostTensor("i64", [values.length], BigInt64Array.from(values, BigInt));

function distinct(x: HostTensor, axis: number, sorted: boolean): readonly HostTensor[] {
  const { outer, size, inner } = axisSplit(x.shape, axis);
  const element = (slice: number, i: number): Element => x.data[(Math.floor(i / inner) * size + slice) * inner + (i % inner)] as Element;
  const order = (p: number, q: number): number => {
    for (let i = 0; i < outer * inner; i++) {
      const sign = compare(element(p, i), element(q, i));
      if (sign !== 0) return sign;
    }
    return 0;
  };
  const groups = grouped(size, order);
  if (!sorted) groups.sort((p, q) => (p[0] as number) - (q[0] as number));
  const inverse = new Array<number>(size);
  groups.forEach((group, k) => {
    for (const slice of group) inverse[slice] = k;
  });
  const firsts = groups.map((group) => group[0] as number);
  return [taken(x, axis, firsts), list(firsts), list(inverse), list(groups.map((group) => group.length))];
}

/** Equal slices together, the groups ascending, in each the first slice first. */
function grouped(size: number, order: (p: number, q: number) => number): number[][] {
  const slices = Array.from({ length: size }, (_, i) => i).sort((p, q) => order(p, q) || p - q);
  const groups: number[][] = [];
  for (const slice of slices) {
    const last = groups[groups.length - 1];
    if (last && order(last[0] as number, slice) === 0) last.push(slice);
    else groups.push([slice]);
  }
  return groups;
}

function taken(x: HostTensor, axis: number, slices: readonly number[]): HostTensor {
  const { outer, size, inner } = axisSplit(x.shape, axis);
  const y = hostTensor(
    x.dtype,
    x.shape.map((dim, i) => (i === axis ? slices.length : dim)),
  );
  // Elements are moved only: the casts hold for 64-bit integers too.
  const [from, to] = [x.data as Float64Array, y.data as Float64Array];
  for (let o = 0; o < outer; o++) {
    slices.forEach((slice, k) => {
      const start = (o * size + slice) * inner;
      to.set(from.subarray(start, start + inner), (o * slices.length + k) * inner);
    });
  }
  return y;
}
