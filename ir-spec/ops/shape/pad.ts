/** @file A border of one value. */
import { type Dim, dimAdd } from "../../core/dim.ts";
import { isFloat } from "../../core/dtype.ts";
import { roundedTensor } from "../../core/rounded.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { printShape } from "../math/broadcast.ts";
import { isWide } from "../math/elementwise.ts";
import { oneToOne } from "./axis-maps.ts";
import { rowMajorStrides, stridedCopy, wholeView } from "./strided.ts";

export const pad = defineOp({
  name: "shape.pad",
  since: 1,
  doc: "`x` with `before[i]` elements of `value` in front of axis `i` and `after[i]` behind it. ONNX `Pad` in mode `constant`.",
  operands: [{ name: "x", role: "data", axes: ["..."], doc: "Any shape and dtype." }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: {
    before: a.dims("Elements in front, one number per axis, each 0 or more."),
    after: a.dims("Elements behind, one number per axis, each 0 or more."),
    value: a.float("What the border holds, rounded to the dtype; integers truncate it.", 0),
  },
  infer(ctx) {
    const { dtype, shape } = ctx.type(0);
    for (const [name, list] of [["before", ctx.attrs.before] as const, ["after", ctx.attrs.after] as const]) {
      if (list.length !== shape.length) ctx.fail(`${name} ${printShape(list)} has ${list.length} axes, x has rank ${shape.length}`, 0);
      if (list.some((dim) => typeof dim === "number" && dim < 0))
        ctx.fail(`${name} ${printShape(list)} has a negative size; slice the operand instead`, 0);
    }
    const { before, after } = ctx.attrs;
    return [
      tensorType(
        dtype,
        shape.map((dim, axis) => dimAdd(dimAdd(before[axis] as Dim, dim), after[axis] as Dim)),
      ),
    ];
  },
  reference({ input, attrs, outputs }) {
    const x = input(0);
    const y = filled(x, outputs[0]?.shape ?? [], attrs.value);
    const strides = rowMajorStrides(y.shape);
    const base = attrs.before.reduce<number>((sum, dim, axis) => sum + (dim as number) * (strides[axis] as number), 0);
    stridedCopy(x.shape, x.data, wholeView(x.shape), y.data, { base, strides });
    return [y];
  },
  work: () => ({ macs: 0 }),
  gradient({ builder, operands: [x = null], grads: [dy = null], attrs: { before }, wanted }) {
    if (!wanted[0]) return [null];
    const ends = builder.typeOf(x).shape.map((dim, axis) => dimAdd(before[axis] as Dim, dim));
    return [builder.one("shape.slice", [dy], { starts: before, ends })];
  },
  maps: ({ types, attrs: { before, after } }) =>
    (types[0]?.shape ?? []).map((_, axis) => {
      const padded = before[axis] !== 0 || after[axis] !== 0;
      return { ...oneToOne(0, axis, axis), ...(padded ? { offset: before[axis] as Dim } : {}) };
    }),
  select({ side, axis, attrs }) {
    const padded = attrs.before[axis] !== 0 || attrs.after[axis] !== 0;
    return side === "result" && padded
      ? { refuse: `axis ${axis} is padded: its operand can be cut, not its result` }
      : { attrs: { ...attrs } };
  },
});

function filled(x: HostTensor, shape: readonly number[], value: number): HostTensor {
  if (isFloat(x.dtype)) return roundedTensor(x.dtype, shape, new Float64Array(shape.reduce((n, size) => n * size, 1)).fill(value));
  const y = hostTensor(x.dtype, shape);
  if (isWide(y.data)) y.data.fill(BigInt(Math.trunc(value)));
  else y.data.fill(Math.trunc(value));
  return y;
}
