/** @file Index of the maximum along an axis. */
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { numericTypes } from "../dtype-sets.ts";
import { elementOperand } from "../math/elementwise.ts";
import { axisFrom, demandAxis } from "../shape/axes.ts";
import { reducedShape, reduceMaps, reduceResults, reduceSelect, reduceWork } from "./reduction.ts";

export const argmax = defineOp({
  name: "reduce.argmax",
  since: 1,
  doc: "`y` = index, as i64, of the largest element along `axis`: the first of equals, the first NaN if there is one; with `last` the last of them. ONNX `ArgMax`.",
  operands: [elementOperand("x", numericTypes)],
  results: reduceResults,
  attrs: {
    axis: a.int("Axis that is searched; negative counts from the last."),
    keepdims: a.bool("Leave the axis in the result, with size 1.", false),
    last: a.bool("Of several equals the last instead of the first.", false),
  },
  infer(ctx) {
    const { shape } = ctx.type(0);
    const axis = demandAxis(ctx, ctx.attrs.axis, shape.length);
    if (shape[axis] === 0) ctx.fail(`axis ${axis} is empty: there is no maximum`, 0);
    return [tensorType("i64", reducedShape(shape, new Set([axis]), ctx.attrs.keepdims))];
  },
  reference: ({ input, attrs, outputs }) => [indexOfMaximum(input(0), attrs.axis, attrs.last, outputs[0]?.shape ?? [])],
  work: reduceWork,
  noGradient: "its result is an index",
  maps: ({ types, attrs }) => reduceMaps({ types, attrs: { axes: [attrs.axis], keepdims: attrs.keepdims } }),
  select({ attrs: { axis, keepdims, last }, ...rest }) {
    const selection = reduceSelect({ ...rest, attrs: { axes: [axis], keepdims } }, "indices would be numbered anew");
    return "refuse" in selection ? selection : { attrs: { axis, keepdims, last } };
  },
});

function indexOfMaximum(x: HostTensor, axis: number, last: boolean, shape: readonly number[]): HostTensor {
  const at = axisFrom(axis, x.shape.length);
  const count = x.shape[at] as number;
  const inner = x.shape.slice(at + 1).reduce((n, size) => n * size, 1);
  const y = new BigInt64Array(shape.reduce((n, size) => n * size, 1));
  // Compared only: the cast holds for 64-bit integers too.
  const data = x.data as Float64Array;
  for (let row = 0; row < y.length; row++) {
    y[row] = BigInt(bestOf(data, Math.floor(row / inner) * count * inner + (row % inner), count, inner, last));
  }
  return hostTensor("i64", shape, y);
}

function bestOf(data: Float64Array, at: number, count: number, step: number, last: boolean): number {
  let best = 0;
  for (let k = 0; k < count; k++) {
    const value = data[at + k * step] as number;
    const highest = data[at + best * step] as number;
    // biome-ignore lint/suspicious/noSelfCompare: true for NaN alone, and unlike Number.isNaN it takes a BigInt
    const unordered = value !== value;
    if (unordered && !last) return k;
    if (unordered || value > highest || (last && value === highest)) best = k;
  }
  return best;
}
