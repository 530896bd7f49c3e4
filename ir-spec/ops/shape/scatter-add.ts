/** @file Scatter with addition, the adjoint of gather. */
import { type Dim, dimProduct } from "../../core/dim.ts";
import { isFloat } from "../../core/dtype.ts";
import { roundedTensor } from "../../core/rounded.ts";
import { type HostTensor, hostTensor, type TensorData } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp, type InferContext } from "../define.ts";
import { indexTypes, numericTypes } from "../dtype-sets.ts";
import { printShape } from "../math/broadcast.ts";
import { oneToOne } from "./axis-maps.ts";
import { checkedIndices } from "./indices.ts";

export const scatterAdd = defineOp({
  name: "shape.scatter_add",
  since: 1,
  doc: "`y[.., indices[i..], ..] += updates[.., i.., ..]` on zeros: one axis of `size` replaces the axes of `indices` in `updates`, which start at `axis`. An index out of range is error E0503. ONNX `ScatterND` with `reduction = add` on axis 0.",
  operands: [
    { name: "indices", role: "index", axes: ["..."], dtypes: indexTypes, doc: "Any shape; negative ones count from the end." },
    { name: "updates", role: "data", axes: ["..."], dtypes: numericTypes, doc: "Holds the axes of `indices` at `axis`." },
  ],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { size: a.dim("Size of the new axis."), axis: a.int("Where the axis is in the result, 0 or more.", 0) },
  infer(ctx) {
    const [indices, updates] = [ctx.type(0), ctx.type(1)];
    const { axis, size } = ctx.attrs;
    const last = updates.shape.length - indices.shape.length;
    if (axis < 0 || axis > last)
      ctx.fail(`axis is ${axis}; updates have rank ${updates.shape.length}, indices rank ${indices.shape.length}`, 1);
    if (typeof size === "number" && size < 0) ctx.fail(`size is ${size}`, 1);
    demandIndexAxes(ctx, axis);
    return [tensorType(updates.dtype, [...updates.shape.slice(0, axis), size, ...updates.shape.slice(axis + indices.shape.length)])];
  },
  reference: ({ input, attrs, outputs }) => [addUp(input(0), input(1), attrs.axis, outputs[0]?.shape ?? [])],
  work: ({ types }) => ({ macs: 0, elementOps: dimProduct(types[1]?.shape ?? []) }),
  gradient({ builder, operands: [indices = null], grads: [dy = null], attrs: { axis }, wanted }) {
    return [null, wanted[1] ? builder.one("shape.gather", [dy, indices], { axis }) : null];
  },
  maps({ types, attrs: { axis } }) {
    const [indexRank, rank] = [types[0]?.shape.length ?? 0, types[1]?.shape.length ?? 0];
    const kept = Array.from({ length: rank }, (_, i) => i).filter((i) => i < axis || i >= axis + indexRank);
    return kept.map((i) => oneToOne(1, i, i < axis ? i : i - indexRank + 1));
  },
  select({ side, axis, attrs }) {
    return side === "result" && axis === attrs.axis
      ? { refuse: `axis ${axis} is indexed: the indices would be numbered anew` }
      : { attrs: { ...attrs } };
  },
});

function demandIndexAxes(ctx: InferContext<unknown>, axis: number): void {
  const [indices, updates] = [ctx.type(0), ctx.type(1)];
  const message = `indices ${printShape(indices.shape)} do not stand at axis ${axis} of updates ${printShape(updates.shape)}`;
  indices.shape.forEach((dim, i) => {
    ctx.require(dim, updates.shape[axis + i] as Dim, message, 1);
  });
}

function addUp(indices: HostTensor, updates: HostTensor, axis: number, shape: readonly number[]): HostTensor {
  const size = shape[axis] as number;
  const places = checkedIndices("shape.scatter_add", indices, size, 0);
  const outer = shape.slice(0, axis).reduce((n, d) => n * d, 1);
  const inner = shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  if (!isFloat(updates.dtype)) {
    const y = hostTensor(updates.dtype, shape);
    addRows(updates.data, y.data, places, outer, size, inner);
    return y;
  }
  const sums = new Float64Array(outer * size * inner);
  addRows(updates.data, sums, places, outer, size, inner);
  return roundedTensor(updates.dtype, shape, sums);
}

/** Both arrays hold numbers, or both hold BigInts, which `+` adds as well: the casts name the common case. */
function addRows(updates: TensorData, into: TensorData, places: Float64Array, outer: number, size: number, inner: number): void {
  const [from, to] = [updates as Float64Array, into as Float64Array];
  let next = 0;
  for (let o = 0; o < outer; o++) {
    for (const place of places) {
      const start = (o * size + place) * inner;
      for (let e = 0; e < inner; e++, next++) to[start + e] = (to[start + e] as number) + (from[next] as number);
    }
  }
}
