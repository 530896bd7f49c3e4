/** @file Indices as unit vectors. */
import { dimProduct } from "../../core/dim.ts";
import type { DType } from "../../core/dtype.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { indexTypes } from "../dtype-sets.ts";
import { isWide } from "../math/elementwise.ts";
import { sameAxes } from "../shape/axis-maps.ts";

export const oneHot = defineOp({
  name: "tensor.one_hot",
  since: 1,
  doc: "`y[.., c] = 1` where `c == indices[..]`, else 0, on a new last axis. Negative indices count from `depth`; one out of range gives zeros. ONNX `OneHot` with `axis = -1`.",
  operands: [{ name: "indices", role: "index", axes: ["..."], dtypes: indexTypes, doc: "Any shape." }],
  results: [{ name: "y", axes: ["...", "class"] }],
  attrs: { depth: a.int("Size of the new axis, 0 or more."), to: a.dtype("Dtype of the result.", "f32") },
  infer(ctx) {
    if (ctx.attrs.depth < 0) ctx.fail(`depth is ${ctx.attrs.depth}`);
    return [tensorType(ctx.attrs.to, [...ctx.type(0).shape, ctx.attrs.depth])];
  },
  reference: ({ input, attrs }) => [unitVectors(input(0), attrs.depth, attrs.to)],
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  noGradient: "its operand is an index",
  maps: ({ types }) => sameAxes(0, types[0]?.shape.length ?? 0),
  select({ side, axis, types, attrs }) {
    const classes = side === "result" && axis === types[0]?.shape.length;
    return classes ? { refuse: "the axis of classes is as long as depth: the indices would be numbered anew" } : { attrs: { ...attrs } };
  },
});

function unitVectors(indices: HostTensor, depth: number, to: DType): HostTensor {
  const y = hostTensor(to, [...indices.shape, depth]);
  for (let i = 0; i < indices.data.length; i++) {
    const index = Number(indices.data[i]);
    const at = index < 0 ? index + depth : index;
    if (at < 0 || at >= depth) continue;
    if (isWide(y.data)) y.data[i * depth + at] = 1n;
    else y.data[i * depth + at] = 1;
  }
  return y;
}
