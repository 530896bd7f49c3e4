/** @file Every step-th element of some axes. */
import { type Dim, dimEquals, dimSub } from "../../core/dim.ts";
import { hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { type AxisMap, defineOp, type InferContext } from "../define.ts";
import { demandAxes } from "./axes.ts";
import { oneToOne } from "./axis-maps.ts";
import { sliceGradient } from "./slice-gradient.ts";
import { bounds, type SliceAttrs, type SliceRange, sliceRanges } from "./slice-range.ts";
import { sliceSelect } from "./slice-select.ts";
import { rowMajorStrides, stridedCopy, wholeView } from "./strided.ts";

export const slice = defineOp({
  name: "shape.slice",
  since: 1,
  doc: "`y = x[start : end : step]` on each of `axes`, by numpy's rule: negative positions count from the end, positions beyond the ends are clamped. ONNX `Slice`.",
  operands: [{ name: "x", role: "data", axes: ["..."], doc: "Any shape and dtype." }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: {
    starts: bounds("First position on each axis of `axes`."),
    ends: bounds("Position before which it ends; any integer of 64 bits, clamped to the axis."),
    axes: a.ints("Axes that are cut, each once; none: the first ones.", []),
    steps: a.ints("Distance between positions, not 0; negative walks backwards; none: all 1.", []),
  },
  infer(ctx) {
    const { dtype, shape } = ctx.type(0);
    demandLists(ctx);
    const counts = new Map(sliceRanges(shape, ctx.attrs).map((range) => [range.axis, range.count]));
    return [
      tensorType(
        dtype,
        shape.map((dim, axis) => counts.get(axis) ?? dim),
      ),
    ];
  },
  reference({ input, attrs, outputs }) {
    const x = input(0);
    const y = hostTensor(x.dtype, outputs[0]?.shape ?? []);
    stridedCopy(y.shape, x.data, slicedView(x.shape, sliceRanges(x.shape, attrs)), y.data, wholeView(y.shape));
    return [y];
  },
  work: () => ({ macs: 0 }),
  gradient: sliceGradient,
  maps({ types, attrs }) {
    const shape = types[0]?.shape ?? [];
    const ranges = new Map(sliceRanges(shape, attrs).map((range) => [range.axis, range]));
    return shape.flatMap((size, axis) => mapOf(axis, size, ranges.get(axis)));
  },
  select: sliceSelect,
});

/** The operand's index k is the result's k - start; axes walked in steps have no such map. */
function mapOf(axis: number, size: Dim, range: SliceRange | undefined): readonly AxisMap[] {
  if (!range) return [oneToOne(0, axis, axis)];
  if (range.step !== 1 || typeof range.start !== "number") return [];
  return [{ ...oneToOne(0, axis, axis), ...(dimEquals(range.count, size) ? {} : { offset: dimSub(0, range.start) }) }];
}

/** Where the elements of the ranges lie. */
export function slicedView(shape: readonly number[], ranges: readonly SliceRange[]) {
  const strides = [...rowMajorStrides(shape)];
  let base = 0;
  for (const { axis, start, step } of ranges) {
    base += (start as number) * (strides[axis] as number);
    strides[axis] = (strides[axis] as number) * step;
  }
  return { base, strides };
}

function demandLists(ctx: InferContext<SliceAttrs>): void {
  const { starts, ends, axes, steps } = ctx.attrs;
  const { shape } = ctx.type(0);
  const wrong = (name: string, list: readonly Dim[]) => `starts has ${starts.length} positions, ${name} has ${list.length}`;
  if (ends.length !== starts.length) ctx.fail(wrong("ends", ends), 0);
  if (axes.length !== 0 && axes.length !== starts.length) ctx.fail(wrong("axes", axes), 0);
  if (steps.length !== 0 && steps.length !== starts.length) ctx.fail(wrong("steps", steps), 0);
  if (starts.length > shape.length) ctx.fail(`starts has ${starts.length} positions, x has rank ${shape.length}`, 0);
  if (steps.includes(0)) ctx.fail("a step is 0", 0);
  demandAxes(ctx, axes, shape.length);
}
