/** @file Transpose: axes in another order. */
import { hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { oneToOne } from "./axis-maps.ts";
import { rowMajorStrides, stridedCopy, wholeView } from "./strided.ts";

export const transpose = defineOp({
  name: "shape.transpose",
  since: 1,
  doc: "Axis `i` of `y` is axis `perm[i]` of `x`. ONNX `Transpose`.",
  operands: [{ name: "x", role: "data", axes: ["..."], doc: "any shape" }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { perm: a.ints("for each axis of the result, the axis of x") },
  infer(ctx) {
    const x = ctx.type(0);
    const { perm } = ctx.attrs;
    const sorted = [...perm].sort((p, q) => p - q);
    if (perm.length !== x.shape.length || sorted.some((axis, i) => axis !== i))
      ctx.fail(`perm [${perm.join(", ")}] is no order of the axes of rank ${x.shape.length}`, 0);
    return [
      tensorType(
        x.dtype,
        perm.map((axis) => x.shape[axis] ?? 1),
      ),
    ];
  },
  reference(ctx) {
    const x = ctx.input(0);
    const y = hostTensor(x.dtype, ctx.outputs[0]?.shape ?? []);
    const strides = rowMajorStrides(x.shape);
    const view = { base: 0, strides: ctx.attrs.perm.map((axis) => strides[axis] as number) };
    stridedCopy(y.shape, x.data, view, y.data, wholeView(y.shape));
    return [y];
  },
  work: () => ({ macs: 0 }),
  gradient({ builder, grads, attrs: { perm } }) {
    return [builder.one("shape.transpose", [grads[0] ?? null], { perm: perm.map((_, axis) => perm.indexOf(axis)) })];
  },
  maps: ({ attrs }) => attrs.perm.map((axis, i) => oneToOne(0, axis, i)),
  select: ({ attrs }) => ({ attrs }),
});
