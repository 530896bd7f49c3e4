/** @file Broadcast: repeats axes of size 1. */
import { type Dim, dimEquals, dimKey } from "../../core/dim.ts";
import { hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { unbroadcast } from "../math/broadcast.ts";
import { broadcastAxes } from "./axis-maps.ts";
import { broadcastView, stridedCopy, wholeView } from "./strided.ts";

export const broadcast = defineOp({
  name: "shape.broadcast",
  since: 1,
  doc: "Repeats `x` along axes of size 1, and along new leading axes, to `shape`. ONNX `Expand` to a shape that `x` broadcasts to.",
  operands: [{ name: "x", role: "data", axes: ["..."], doc: "a shape that broadcasts to `shape`" }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { shape: a.dims("sizes of the result") },
  infer(ctx) {
    const x = ctx.type(0);
    const { shape } = ctx.attrs;
    const lead = shape.length - x.shape.length;
    if (lead < 0) ctx.fail(`x has rank ${x.shape.length}, shape has ${shape.length}`, 0);
    x.shape.forEach((dim, i) => {
      const to = shape[i + lead] as Dim;
      if (dim !== 1 && !dimEquals(dim, to)) ctx.require(dim, to, `axis ${i} of x (${dimKey(dim)}) does not broadcast to ${dimKey(to)}`, 0);
    });
    return [tensorType(x.dtype, shape)];
  },
  reference(ctx) {
    const x = ctx.input(0);
    const y = hostTensor(x.dtype, ctx.outputs[0]?.shape ?? []);
    stridedCopy(y.shape, x.data, broadcastView(x.shape, y.shape), y.data, wholeView(y.shape));
    return [y];
  },
  work: () => ({ macs: 0 }),
  gradient: ({ builder, operands, grads }) => [unbroadcast(builder, grads[0] ?? null, operands[0] ?? null)],
  maps: ({ types, outputs }) => broadcastAxes(0, types[0]?.shape ?? [], outputs[0]?.shape ?? []),
  select({ attrs, types, side, axis, indices }) {
    const at = side === "result" ? axis : axis + attrs.shape.length - (types[0]?.shape.length ?? 0);
    return { attrs: { shape: attrs.shape.map((dim, i) => (i === at ? indices.length : dim)) } };
  },
});
