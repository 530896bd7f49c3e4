/** @file Gather: chosen indices of an axis. */
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { indexTypes } from "../dtype-sets.ts";
import { axisFrom, demandAxis } from "./axes.ts";
import { oneToOne } from "./axis-maps.ts";
import { checkedIndices } from "./indices.ts";

export const gather = defineOp({
  name: "shape.gather",
  since: 1,
  doc: "`y[.., i.., ..] = x[.., indices[i..], ..]`: the axes of `indices` replace `axis` of `x`. Negative indices count from the end, one out of range is error E0503. ONNX `Gather`.",
  operands: [
    { name: "x", role: "data", axes: ["..."], doc: "Any dtype, rank 1 or more." },
    { name: "indices", role: "index", axes: ["..."], dtypes: indexTypes, doc: "Any shape." },
  ],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { axis: a.int("Axis of `x` that is indexed; negative counts from the last.", 0) },
  infer(ctx) {
    const [x, indices] = [ctx.type(0), ctx.type(1)];
    const axis = demandAxis(ctx, ctx.attrs.axis, x.shape.length);
    return [tensorType(x.dtype, [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)])];
  },
  reference: ({ input, attrs, outputs }) => [pick(input(0), input(1), attrs.axis, outputs[0]?.shape ?? [])],
  work: () => ({ macs: 0 }),
  gradient({ builder, operands: [x = null, indices = null], grads: [dy = null], attrs, wanted }) {
    if (!wanted[0]) return [null, null];
    const { shape } = builder.typeOf(x);
    const axis = axisFrom(attrs.axis, shape.length);
    return [builder.one("shape.scatter_add", [indices, dy], { size: shape[axis], axis }), null];
  },
  maps({ types, attrs }) {
    const [rank, indexRank] = [types[0]?.shape.length ?? 0, types[1]?.shape.length ?? 0];
    const axis = axisFrom(attrs.axis, rank);
    const kept = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axis);
    const chosen = Array.from({ length: indexRank }, (_, i) => oneToOne(1, i, axis + i));
    return [...kept.map((i) => oneToOne(0, i, i < axis ? i : i + indexRank - 1)), ...chosen];
  },
  select({ side, index, axis, types, attrs }) {
    const indexed = side === "operand" && index === 0 && axis === axisFrom(attrs.axis, types[0]?.shape.length ?? 0);
    return indexed ? { refuse: `axis ${axis} is indexed: the indices would be numbered anew` } : { attrs: { axis: attrs.axis } };
  },
});

function pick(x: HostTensor, indices: HostTensor, axis: number, shape: readonly number[]): HostTensor {
  const at = axisFrom(axis, x.shape.length);
  const size = x.shape[at] as number;
  const inner = x.shape.slice(at + 1).reduce((n, d) => n * d, 1);
  const outer = x.shape.slice(0, at).reduce((n, d) => n * d, 1);
  const places = checkedIndices("shape.gather", indices, size, 1);
  const y = hostTensor(x.dtype, shape);
  // Elements are moved only: the casts hold for 64-bit integers too.
  const [from, to] = [x.data as Float64Array, y.data as Float64Array];
  for (let o = 0, next = 0; o < outer; o++) {
    for (let k = 0; k < places.length; k++, next += inner) {
      const start = (o * size + (places[k] as number)) * inner;
      to.set(from.subarray(start, start + inner), next);
    }
  }
  return y;
}
