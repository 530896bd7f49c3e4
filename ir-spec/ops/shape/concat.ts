/** @file Concatenation along one axis. */
import { type Dim, dimAdd, dimKey } from "../../core/dim.ts";
import { hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { type AxisMap, defineOp } from "../define.ts";
import { axisFrom, demandAxis } from "./axes.ts";
import { oneToOne } from "./axis-maps.ts";
import { rowMajorStrides, stridedCopy, wholeView } from "./strided.ts";

export const concat = defineOp({
  name: "shape.concat",
  since: 1,
  doc: "The operands one behind the other along `axis`; other sizes must be equal. ONNX `Concat`.",
  operands: [{ name: "xs", role: "data", axes: ["..."], variadic: true, doc: "one dtype, one rank" }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { axis: a.int("axis along which they are joined; negative from the end") },
  infer(ctx) {
    if (ctx.types.length === 0) ctx.fail("there is nothing to join");
    const first = ctx.type(0);
    const axis = demandAxis(ctx, ctx.attrs.axis, first.shape.length);
    let total: Dim = 0;
    ctx.types.forEach((_, i) => {
      const x = ctx.type(i);
      if (x.dtype !== first.dtype) ctx.fail(`operand 0 is ${first.dtype}, operand ${i} is ${x.dtype}`, i);
      if (x.shape.length !== first.shape.length)
        ctx.fail(`operand 0 has rank ${first.shape.length}, operand ${i} has rank ${x.shape.length}`, i);
      x.shape.forEach((dim, k) => {
        const wanted = first.shape[k] as Dim;
        if (k !== axis)
          ctx.require(dim, wanted, `axis ${k} of operand ${i} has ${dimKey(dim)}, that of operand 0 has ${dimKey(wanted)}`, i);
      });
      total = dimAdd(total, x.shape[axis] as Dim);
    });
    return [
      tensorType(
        first.dtype,
        first.shape.map((dim, k) => (k === axis ? total : dim)),
      ),
    ];
  },
  reference(ctx) {
    const first = ctx.input(0);
    const y = hostTensor(first.dtype, ctx.outputs[0]?.shape ?? []);
    const axis = axisFrom(ctx.attrs.axis, y.shape.length);
    const strides = rowMajorStrides(y.shape);
    let at = 0;
    ctx.inputs.forEach((_, i) => {
      const x = ctx.input(i);
      stridedCopy(x.shape, x.data, wholeView(x.shape), y.data, { base: at * (strides[axis] as number), strides });
      at += x.shape[axis] as number;
    });
    return [y];
  },
  work: () => ({ macs: 0 }),
  gradient({ builder, operands, grads, attrs, wanted }) {
    let end: Dim = 0;
    return operands.map((x, i) => {
      const { shape } = builder.typeOf(x);
      const axis = axisFrom(attrs.axis, shape.length);
      const start = end;
      end = dimAdd(start, shape[axis] as Dim);
      return wanted[i] ? builder.one("shape.slice", [grads[0] ?? null], { starts: [start], ends: [end], axes: [axis] }) : null;
    });
  },
  maps({ types, attrs }) {
    let offset: Dim = 0;
    return types.flatMap((type, operand): readonly AxisMap[] => {
      if (!type) return [];
      const axis = axisFrom(attrs.axis, type.shape.length);
      const start = offset;
      offset = dimAdd(offset, type.shape[axis] as Dim);
      return type.shape.map((_, i) =>
        i === axis && types.length > 1 ? { ...oneToOne(operand, i, i), offset: start } : oneToOne(operand, i, i),
      );
    });
  },
  select: ({ attrs }) => ({ attrs }),
});
