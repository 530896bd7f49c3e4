/** @file Slices whose bounds are data. */
import { TersorError } from "../../core/problem.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp, type InferContext } from "../define.ts";
import { demandAxes } from "../shape/axes.ts";
import { slicedView } from "../shape/slice.ts";
import { sliceRanges } from "../shape/slice-range.ts";
import { stridedCopy, wholeView } from "../shape/strided.ts";
import { declaredSize, noReference } from "./sized.ts";

const bounds = (name: string, doc: string) => ({ name, role: "index", axes: ["cuts"], dtypes: ["i64"], doc }) as const;

export const slice = defineOp({
  name: "dynamic.slice",
  since: 1,
  doc: "`y = x[start : end : step]` on each of `axes`, by the rule of `shape.slice`. The sizes of those axes are symbols that the op introduces. ONNX `Slice` with computed bounds.",
  operands: [
    { name: "x", role: "data", axes: ["..."], doc: "Any shape and dtype." },
    bounds("starts", "First position on each axis of `axes`."),
    bounds("ends", "Position before which it ends."),
    { ...bounds("steps", "Distance between positions, not 0; absent: 1."), optional: true },
  ],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { axes: a.ints("Axes that are cut, each once.") },
  infer(ctx) {
    const { dtype, shape } = ctx.type(0);
    const axes = demandAxes(ctx, ctx.attrs.axes, shape.length);
    for (const operand of [1, 2, 3]) demandOnePerAxis(ctx, operand, axes.length);
    return [
      tensorType(
        dtype,
        shape.map((dim, axis) => (axes.includes(axis) ? declaredSize(ctx, 0, axis, shape.length) : dim)),
      ),
    ];
  },
  reference: noReference("dynamic.slice"),
  execute: ({ inputs: [x = null, starts = null, ends = null, steps = null], attrs }) =>
    x && starts && ends ? [cut(x, attrs.axes, numbers(starts), numbers(ends), steps ? numbers(steps) : attrs.axes.map(() => 1))] : [],
  work: () => ({ macs: 0 }),
  noGradient: "the shape of its result depends on values",
});

function demandOnePerAxis(ctx: InferContext<unknown>, operand: number, count: number): void {
  const shape = ctx.types[operand]?.shape;
  if (shape && (shape.length !== 1 || shape[0] !== count)) ctx.fail(`there are ${count} axes to cut: one number for each`, operand);
}

/** Beyond 2^53 every bound is as good as the end. */
const numbers = ({ data }: HostTensor): readonly number[] =>
  Array.from(data as BigInt64Array, (v) => Math.max(Math.min(Number(v), Number.MAX_SAFE_INTEGER), -Number.MAX_SAFE_INTEGER));

function cut(
  x: HostTensor,
  axes: readonly number[],
  starts: readonly number[],
  ends: readonly number[],
  steps: readonly number[],
): HostTensor {
  if (steps.includes(0)) throw new TersorError({ code: "E0503", message: "dynamic.slice: a step is 0", operand: 3 });
  const ranges = sliceRanges(x.shape, { starts, ends, axes, steps });
  const counts = new Map(ranges.map(({ axis, count }) => [axis, count as number]));
  const y = hostTensor(
    x.dtype,
    x.shape.map((size, axis) => counts.get(axis) ?? size),
  );
  stridedCopy(y.shape, x.data, slicedView(x.shape, ranges), y.data, wholeView(y.shape));
  return y;
}
