/** @file Gather of single elements: one index per element of the result. */
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { indexTypes } from "../dtype-sets.ts";
import { axisFrom } from "./axes.ts";
import { oneToOne } from "./axis-maps.ts";
import { alignedAxes, demandElementIndices, elementPlaces } from "./element-places.ts";

export const gatherElements = defineOp({
  name: "shape.gather_elements",
  since: 1,
  doc: "`y[i, j, k] = x[i, indices[i, j, k], k]` for `axis = 1`, alike for the others: the result has the shape of `indices`, which may be shorter than `x` on the other axes. Negative indices count from the end, one out of range is error E0503. ONNX `GatherElements`.",
  operands: [
    { name: "x", role: "data", axes: ["..."], doc: "Any dtype, rank 1 or more." },
    { name: "indices", role: "index", axes: ["..."], dtypes: indexTypes, doc: "The rank of `x`." },
  ],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { axis: a.int("Axis of `x` that is indexed; negative counts from the last.", 0) },
  infer(ctx) {
    demandElementIndices(ctx, ctx.attrs.axis);
    return [tensorType(ctx.type(0).dtype, ctx.type(1).shape)];
  },
  reference: ({ input, attrs }) => [pick(input(0), input(1), attrs.axis)],
  work: () => ({ macs: 0 }),
  gradient({ builder, operands: [x = null, indices = null], grads: [dy = null], attrs: { axis }, wanted }) {
    if (!wanted[0]) return [null, null];
    const { dtype, shape } = builder.typeOf(x);
    const zeros = builder.one("shape.broadcast", [builder.scalar(0, dtype)], { shape });
    return [builder.one("shape.scatter_elements", [zeros, indices, dy], { axis, reduction: "add" }), null];
  },
  maps({ types, attrs }) {
    const [x, indices] = [types[0]?.shape ?? [], types[1]?.shape ?? []];
    const axis = axisFrom(attrs.axis, x.length);
    return [oneToOne(1, axis, axis), ...alignedAxes(x, indices, axis).flatMap((i) => [oneToOne(0, i, i), oneToOne(1, i, i)])];
  },
  select({ side, index, axis, types, attrs }) {
    const [x, indices] = [types[0]?.shape ?? [], types[1]?.shape ?? []];
    const own = axisFrom(attrs.axis, x.length);
    if (axis !== own && !alignedAxes(x, indices, own).includes(axis)) return { refuse: `the indices cover only a part of axis ${axis}` };
    const indexed = side === "operand" && index === 0 && axis === own;
    return indexed ? { refuse: `axis ${axis} is indexed: the indices would be numbered anew` } : { attrs: { ...attrs } };
  },
});

function pick(x: HostTensor, indices: HostTensor, axis: number): HostTensor {
  const places = elementPlaces("shape.gather_elements", indices, x.shape, axisFrom(axis, x.shape.length));
  const y = hostTensor(x.dtype, indices.shape);
  // Elements are moved only: the casts hold for 64-bit integers too.
  const [from, to] = [x.data as Float64Array, y.data as Float64Array];
  for (let i = 0; i < places.length; i++) to[i] = from[places[i] as number] as number;
  return y;
}
