/** @file Scatter of slices by several indices each, into a copy of a tensor. */
import { type Dim, dimProduct } from "../../core/dim.ts";
import { countOf } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { indexTypes } from "../dtype-sets.ts";
import { printShape } from "../math/broadcast.ts";
import { oneToOne } from "./axis-maps.ts";
import { demandScatterTypes, scattered, scatterReduction } from "./combine-at.ts";
import { demandIndexRows, slicePlaces } from "./slice-places.ts";

export const scatterNd = defineOp({
  name: "shape.scatter_nd",
  since: 1,
  doc: "`y = x`, then `y[indices[i.., 0], ..., indices[i.., K - 1], ..] = updates[i.., ..]`, or combined with the elements there by `reduction`. Negative indices count from the end, one out of range is error E0503. ONNX `ScatterND`.",
  operands: [
    { name: "x", role: "data", axes: ["..."], doc: "Rank K or more; any dtype where nothing is reduced." },
    { name: "indices", role: "index", axes: ["..."], dtypes: indexTypes, doc: "Rows of K indices on the last axis, whose size is static." },
    { name: "updates", role: "data", axes: ["..."], doc: "One slice of `x` per row, the dtype of `x`." },
  ],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { reduction: scatterReduction },
  infer(ctx) {
    demandScatterTypes(ctx);
    const [x, indices, updates] = [ctx.type(0), ctx.type(1).shape, ctx.type(2).shape];
    const named = demandIndexRows(ctx, 0);
    const wanted = [...indices.slice(0, -1), ...x.shape.slice(named)];
    const message = `updates are ${printShape(updates)}, indices ${printShape(indices)} of x ${printShape(x.shape)} take ${printShape(wanted)}`;
    if (updates.length !== wanted.length) ctx.fail(message, 2);
    wanted.forEach((dim, i) => {
      ctx.require(dim, updates[i] as Dim, message, 2);
    });
    return [tensorType(x.dtype, x.shape)];
  },
  reference({ input, attrs: { reduction } }) {
    const [x, indices] = [input(0), input(1)];
    const named = indices.shape[indices.shape.length - 1] as number;
    return [scattered(x, slicePlaces("shape.scatter_nd", indices, x.shape), countOf(x.shape.slice(named)), input(2), reduction)];
  },
  work: ({ types }) => ({ macs: 0, elementOps: dimProduct(types[2]?.shape ?? []) }),
  gradient({ builder, operands: [, indices = null, updates = null], grads: [dy = null], attrs: { reduction }, wanted }) {
    const sum = reduction === "add";
    if (!sum && reduction !== "none") throw new RangeError(`shape.scatter_nd has no gradient with reduction = ${reduction}`);
    const { dtype, shape } = builder.typeOf(updates);
    const zeros = () => builder.one("shape.broadcast", [builder.scalar(0, dtype)], { shape });
    const kept = () => (sum ? dy : builder.one("shape.scatter_nd", [dy, indices, zeros()], {}));
    return [wanted[0] ? kept() : null, null, wanted[2] ? builder.one("shape.gather_nd", [dy, indices], {}) : null];
  },
  maps({ types }) {
    const [x, rows] = [types[0]?.shape ?? [], types[1]?.shape ?? []];
    const named = rows[rows.length - 1] as number;
    const kept = Array.from({ length: x.length - named }, (_, i) => i);
    return kept.flatMap((i) => [oneToOne(0, named + i, named + i), oneToOne(2, rows.length - 1 + i, named + i)]);
  },
  select({ side, index, axis, types, attrs }) {
    const rows = types[1]?.shape ?? [];
    const updates = side === "operand" && index === 2;
    const kept = !(side === "operand" && index === 1) && axis >= (updates ? rows.length - 1 : (rows[rows.length - 1] as number));
    return kept ? { attrs: { ...attrs } } : { refuse: `axis ${axis} is indexed: the indices would be numbered anew` };
  },
});
