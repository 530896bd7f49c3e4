/** @file Scatter of single elements into a copy of a tensor. */
import { type Dim, dimProduct } from "../../core/dim.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { indexTypes } from "../dtype-sets.ts";
import { printShape } from "../math/broadcast.ts";
import { axisFrom } from "./axes.ts";
import { oneToOne } from "./axis-maps.ts";
import { demandScatterTypes, scattered, scatterReduction } from "./combine-at.ts";
import { alignedAxes, demandElementIndices, elementPlaces } from "./element-places.ts";

export const scatterElements = defineOp({
  name: "shape.scatter_elements",
  since: 1,
  doc: "`y = x`, then `y[i, indices[i, j, k], k] = updates[i, j, k]` for `axis = 1`, alike for the others, or combined with the element there by `reduction`. Negative indices count from the end, one out of range is error E0503. ONNX `ScatterElements`.",
  operands: [
    { name: "x", role: "data", axes: ["..."], doc: "Rank 1 or more; any dtype where nothing is reduced." },
    { name: "indices", role: "index", axes: ["..."], dtypes: indexTypes, doc: "The rank of `x`; no longer than `x` on the other axes." },
    { name: "updates", role: "data", axes: ["..."], doc: "The shape of `indices`, the dtype of `x`." },
  ],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { axis: a.int("Axis of `x` that is indexed; negative counts from the last.", 0), reduction: scatterReduction },
  infer(ctx) {
    demandScatterTypes(ctx);
    demandElementIndices(ctx, ctx.attrs.axis);
    const [x, indices, updates] = [ctx.type(0), ctx.type(1).shape, ctx.type(2).shape];
    const message = `updates ${printShape(updates)} have not the shape of indices ${printShape(indices)}`;
    if (updates.length !== indices.length) ctx.fail(message, 2);
    indices.forEach((dim, i) => {
      ctx.require(dim, updates[i] as Dim, message, 2);
    });
    return [tensorType(x.dtype, x.shape)];
  },
  reference({ input, attrs: { axis, reduction } }) {
    const x = input(0);
    const places = elementPlaces("shape.scatter_elements", input(1), x.shape, axisFrom(axis, x.shape.length));
    return [scattered(x, places, 1, input(2), reduction)];
  },
  work: ({ types }) => ({ macs: 0, elementOps: dimProduct(types[1]?.shape ?? []) }),
  gradient({ builder, operands: [, indices = null, updates = null], grads: [dy = null], attrs: { axis, reduction }, wanted }) {
    const sum = reduction === "add";
    if (!sum && reduction !== "none") throw new RangeError(`shape.scatter_elements has no gradient with reduction = ${reduction}`);
    const { dtype, shape } = builder.typeOf(updates);
    const kept = () =>
      sum
        ? dy
        : builder.one("shape.scatter_elements", [dy, indices, builder.one("shape.broadcast", [builder.scalar(0, dtype)], { shape })], {
            axis,
          });
    return [wanted[0] ? kept() : null, null, wanted[2] ? builder.one("shape.gather_elements", [dy, indices], { axis }) : null];
  },
  maps({ types, attrs }) {
    const [x, indices] = [types[0]?.shape ?? [], types[1]?.shape ?? []];
    const axis = axisFrom(attrs.axis, x.length);
    return alignedAxes(x, indices, axis).flatMap((i) => [0, 1, 2].map((operand) => oneToOne(operand, i, i)));
  },
  select({ axis, types, attrs }) {
    const [x, indices] = [types[0]?.shape ?? [], types[1]?.shape ?? []];
    const aligned = alignedAxes(x, indices, axisFrom(attrs.axis, x.length)).includes(axis);
    return aligned ? { attrs: { ...attrs } } : { refuse: `axis ${axis} is indexed: the indices would be numbered anew` };
  },
});
