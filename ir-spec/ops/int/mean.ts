/** @file Mean of integers over axes. */
import { dimProduct } from "../../core/dim.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import {
  accumulate,
  inferReduce,
  reduceAttrs,
  reducedAxes,
  reduceMaps,
  reduceResults,
  reduceSelect,
  reduceWork,
} from "../reduce/reduction.ts";
import { mostSummed } from "./avg-pool.ts";
import { roundShiftProduct } from "./fixed-point.ts";
import { inputZero } from "./layer.ts";
import { bytes, centred, checkOutput, checkProduct, checkZero, noGradient, outputAttrs, productAttrs, saturated } from "./output.ts";

export const intMean = defineOp({
  name: "int.mean",
  since: 1,
  doc: [
    "`y = clamp(round_shift(multiplier * sum of (x - x_zero) over axes, shift) + y_zero, min, max)`; the number of elements summed is part of `multiplier`.",
    "`round_shift` as in `int.conv`. Axes as in `reduce.mean`.",
  ].join("\n"),
  operands: [{ name: "x", role: "data", axes: ["..."], dtypes: bytes, doc: "Any shape." }],
  results: reduceResults,
  attrs: { ...reduceAttrs, ...inputZero, ...productAttrs, ...outputAttrs },
  infer(ctx) {
    const x = ctx.type(0);
    const reduced = inferReduce(ctx);
    const summed = dimProduct([...reducedAxes(ctx.attrs.axes, x.shape.length)].map((axis) => x.shape[axis] ?? 1));
    if (typeof summed === "number" && summed > mostSummed) ctx.fail(`a sum of ${summed} elements could overflow i32`, 0);
    checkZero(ctx, "x_zero", ctx.attrs.x_zero, x.dtype);
    checkProduct(ctx);
    checkOutput(ctx);
    return reduced.map(({ shape }) => tensorType(ctx.attrs.to, shape));
  },
  reference(ctx) {
    const { attrs } = ctx;
    const [x, shape] = [ctx.input(0), ctx.outputs[0]?.shape ?? []];
    const axes = reducedAxes(attrs.axes, x.shape.length);
    const values = { dtype: "f64", shape: x.shape, data: centred(x, attrs.x_zero) } as const;
    const sums = accumulate(values, axes, { start: 0, f: (sum, value) => sum + value }) as Float64Array;
    return [saturated(shape, attrs, (i) => roundShiftProduct((sums[i] as number) | 0, attrs.multiplier, attrs.shift))];
  },
  work: reduceWork,
  noGradient,
  maps: reduceMaps,
  select(ctx) {
    const chosen = reduceSelect(ctx, "the mean would be over fewer elements");
    return "refuse" in chosen ? chosen : { attrs: ctx.attrs };
  },
});
