/** @file The k largest or smallest elements of an axis, in order. */
import { type Dim, dimProduct } from "../../core/dim.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { numericTypes } from "../dtype-sets.ts";
import { axisSplit } from "../math/softmax.ts";
import { axisFrom, demandAxis } from "../shape/axes.ts";
import { oneToOne } from "../shape/axis-maps.ts";

export const topK = defineOp({
  name: "reduce.top_k",
  since: 1,
  doc: "The `k` largest elements along `axis`, or the smallest, from the best on, and their indices. Of equal elements the first comes first; NaN is larger than any number. ONNX `TopK`.",
  operands: [{ name: "x", role: "data", axes: ["..."], dtypes: numericTypes, doc: "Rank 1 or more." }],
  results: [
    { name: "values", axes: ["..."], doc: "`axis` has size `k`." },
    { name: "indices", axes: ["..."], doc: "i64, of the shape of `values`." },
  ],
  attrs: {
    k: a.dim("How many, at most the size of the axis."),
    axis: a.int("Axis along which elements are compared; negative counts from the last.", -1),
    largest: a.bool("The largest, else the smallest.", true),
  },
  infer(ctx) {
    const { dtype, shape } = ctx.type(0);
    const { k } = ctx.attrs;
    const axis = demandAxis(ctx, ctx.attrs.axis, shape.length);
    const size = shape[axis] as Dim;
    if (typeof k === "number" && typeof size === "number" && (k < 0 || k > size))
      ctx.fail(`k is ${k}, axis ${axis} has ${size} elements`, 0);
    const picked = shape.map((dim, i) => (i === axis ? k : dim));
    return [tensorType(dtype, picked), tensorType("i64", picked)];
  },
  reference: ({ input, attrs, outputs }) => best(input(0), attrs.axis, attrs.largest, outputs[0]?.shape ?? []),
  work: ({ types }) => ({ macs: 0, elementOps: dimProduct(types[0]?.shape ?? []) }),
  gradient({ builder, operands: [x = null], results: [, indices = null], grads: [dy = null], attrs: { axis }, wanted }) {
    if (!wanted[0] || dy === null) return [null];
    const { dtype, shape } = builder.typeOf(x);
    const zeros = builder.one("shape.broadcast", [builder.scalar(0, dtype)], { shape });
    return [builder.one("shape.scatter_elements", [zeros, indices, dy], { axis })];
  },
  maps({ types, attrs }) {
    const rank = types[0]?.shape.length ?? 0;
    const kept = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== axisFrom(attrs.axis, rank));
    return kept.flatMap((i) => [oneToOne(0, i, i), oneToOne(0, i, i, 1)]);
  },
  select({ axis, types, attrs }) {
    const compared = axis === axisFrom(attrs.axis, types[0]?.shape.length ?? 0);
    return compared ? { refuse: `axis ${axis} is compared along: the indices would be numbered anew` } : { attrs: { ...attrs } };
  },
});

type Element = number | bigint;

/** Before 0: a comes first. */
const larger = (a: Element, b: Element): number =>
  a > b ? -1 : a < b ? 1 : Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : Number.isNaN(b) ? 1 : 0;

function best(x: HostTensor, axis: number, largest: boolean, shape: readonly number[]): readonly HostTensor[] {
  const at = axisFrom(axis, x.shape.length);
  const { outer, size, inner } = axisSplit(x.shape, at);
  const k = shape[at] as number;
  const [values, indices] = [hostTensor(x.dtype, shape), hostTensor("i64", shape)];
  // Elements are moved only: the casts hold for 64-bit integers too.
  const [from, to] = [x.data as Float64Array, values.data as Float64Array];
  for (let row = 0; row < outer * inner; row++) {
    const base = Math.floor(row / inner) * size * inner + (row % inner);
    const element = (i: number): Element => from[base + i * inner] as number;
    const order = Array.from({ length: size }, (_, i) => i).sort((i, j) => {
      const ahead = larger(element(i), element(j));
      return (largest ? ahead : -ahead) || i - j;
    });
    const first = Math.floor(row / inner) * k * inner + (row % inner);
    for (let r = 0; r < k; r++) {
      to[first + r * inner] = element(order[r] as number) as number;
      indices.data[first + r * inner] = BigInt(order[r] as number);
    }
  }
  return [values, indices];
}
