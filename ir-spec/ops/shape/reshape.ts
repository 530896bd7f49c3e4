/** @file Reshape: the same elements, row-major, under another shape. */
import { type Dim, dimDiv, dimKey, dimMod, dimProduct } from "../../core/dim.ts";
import { type TensorType, tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp, type InferContext } from "../define.ts";
import { reshapeGroups } from "./reshape-groups.ts";
import { reshapeSelect } from "./reshape-select.ts";

export const reshape = defineOp({
  name: "shape.reshape",
  since: 1,
  doc: "`y` holds the elements of `x` in row-major order under `shape`. In `shape`, 0 copies the size of that axis of `x`, and one -1 takes what is left. ONNX `Reshape`.",
  operands: [{ name: "x", role: "data", axes: ["..."], doc: "any shape" }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { shape: a.dims("sizes of the result; 0 copies an axis, one -1 is inferred") },
  infer(ctx) {
    const x = ctx.type(0);
    const shape = ctx.attrs.shape.map((dim, i) => (dim === 0 ? copied(ctx, x, i) : dim));
    const holes = shape.filter((dim) => dim === -1).length;
    if (holes > 1) ctx.fail("shape has more than one -1", 0);
    const count = dimProduct(x.shape);
    if (holes === 1)
      return [
        tensorType(
          x.dtype,
          shape.map((dim) => (dim === -1 ? remaining(ctx, count, shape) : dim)),
        ),
      ];
    ctx.require(count, dimProduct(shape), "the element counts differ", 0);
    return [tensorType(x.dtype, shape)];
  },
  reference: (ctx) => [{ dtype: ctx.input(0).dtype, shape: ctx.outputs[0]?.shape ?? [], data: ctx.input(0).data }],
  work: () => ({ macs: 0 }),
  gradient: ({ builder, operands, grads }) => [
    builder.one("shape.reshape", [grads[0] ?? null], { shape: builder.typeOf(operands[0] ?? null).shape }),
  ],
  maps: ({ types, outputs }) =>
    reshapeGroups(types[0]?.shape ?? [], outputs[0]?.shape ?? []).map((group) => ({
      operand: 0,
      operandAxes: group.operandAxes,
      result: 0,
      resultAxes: group.resultAxes,
    })),
  select: reshapeSelect,
});

function copied<A>(ctx: InferContext<A>, x: TensorType, axis: number): Dim {
  return x.shape[axis] ?? ctx.fail(`shape copies axis ${axis}, x has rank ${x.shape.length}`, 0);
}

function remaining<A>(ctx: InferContext<A>, count: Dim, shape: readonly Dim[]): Dim {
  const known = dimProduct(shape.filter((dim) => dim !== -1));
  if (known === 0) return ctx.fail("shape has a -1 beside a size of 0", 0);
  const rest = dimMod(count, known);
  if (typeof rest === "number" && rest !== 0) ctx.fail(`${dimKey(count)} elements do not divide by ${dimKey(known)}`, 0);
  ctx.require(rest, 0, "the element count must divide by the given sizes", 0);
  return dimDiv(count, known);
}
