/** @file Gather of slices by several indices each. */
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { indexTypes } from "../dtype-sets.ts";
import { oneToOne } from "./axis-maps.ts";
import { demandIndexRows, slicePlaces } from "./slice-places.ts";

export const gatherNd = defineOp({
  name: "shape.gather_nd",
  since: 1,
  doc: "`y[b.., i.., ..] = x[b.., indices[b.., i.., 0], ..., indices[b.., i.., K - 1], ..]`: each row of `indices` names an element, or a slice, of `x` after the `batch` axes that both have. Negative indices count from the end, one out of range is error E0503. ONNX `GatherND`.",
  operands: [
    { name: "x", role: "data", axes: ["..."], doc: "Any dtype, rank `batch + K` or more." },
    { name: "indices", role: "index", axes: ["..."], dtypes: indexTypes, doc: "Rows of K indices on the last axis, whose size is static." },
  ],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { batch: a.int("How many leading axes `x` and `indices` share.", 0) },
  infer(ctx) {
    const [x, indices] = [ctx.type(0), ctx.type(1)];
    const named = demandIndexRows(ctx, ctx.attrs.batch);
    return [tensorType(x.dtype, [...indices.shape.slice(0, -1), ...x.shape.slice(ctx.attrs.batch + named)])];
  },
  reference: ({ input, attrs, outputs }) => [pick(input(0), input(1), attrs.batch, outputs[0]?.shape ?? [])],
  work: () => ({ macs: 0 }),
  gradient({ builder, operands: [x = null, indices = null], grads: [dy = null], attrs: { batch }, wanted }) {
    if (!wanted[0]) return [null, null];
    if (batch !== 0) throw new RangeError("shape.gather_nd has no gradient with batch axes");
    const { dtype, shape } = builder.typeOf(x);
    const zeros = builder.one("shape.broadcast", [builder.scalar(0, dtype)], { shape });
    return [builder.one("shape.scatter_nd", [zeros, indices, dy], { reduction: "add" }), null];
  },
  maps({ types, attrs: { batch } }) {
    const [rank, rows] = [types[0]?.shape.length ?? 0, types[1]?.shape ?? []];
    const first = batch + (rows[rows.length - 1] as number);
    const kept = Array.from({ length: rank - first }, (_, i) => oneToOne(0, first + i, rows.length - 1 + i));
    const shared = Array.from({ length: batch }, (_, i) => oneToOne(0, i, i));
    return [...shared, ...rows.slice(0, -1).map((_, i) => oneToOne(1, i, i)), ...kept];
  },
  select({ side, index, axis, types, attrs }) {
    const rows = types[1]?.shape ?? [];
    const named = rows[rows.length - 1] as number;
    const x = side === "operand" && index === 0 && axis >= attrs.batch && axis < attrs.batch + named;
    const row = side === "operand" && index === 1 && axis === rows.length - 1;
    return x || row ? { refuse: `axis ${axis} is indexed: the indices would be numbered anew` } : { attrs: { ...attrs } };
  },
});

function pick(x: HostTensor, indices: HostTensor, batch: number, shape: readonly number[]): HostTensor {
  const places = slicePlaces("shape.gather_nd", indices, x.shape, batch);
  const y = hostTensor(x.dtype, shape);
  const run = places.length === 0 ? 0 : y.data.length / places.length;
  // Elements are moved only: the casts hold for 64-bit integers too.
  const [from, to] = [x.data as Float64Array, y.data as Float64Array];
  for (let row = 0; row < places.length; row++) {
    const start = places[row] as number;
    to.set(from.subarray(start, start + run), row * run);
  }
  return y;
}
