/** @file Integer convolution with the requantization of its sums. */

import { asFloat64 } from "../../core/rounded.ts";
import { countOf } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { convolve } from "../nn/conv-loops.ts";
import { axisMap, type ConvAxis, convAttrs, convMacs, geometryOf, inferConv, isDepthwise, selectChannels } from "../nn/conv-types.ts";
import { checkLayer, inputZero, outputMaps, scaleOperands } from "./layer.ts";
import { bytes, centred, channelScales, noGradient, outputAttrs, scaledByChannel } from "./output.ts";

export const intConv = defineOp({
  name: "int.conv",
  since: 1,
  doc: [
    "`nn.conv` on integers: `sum = bias[o] + sum_{c, k} (x[...] - x_zero) * weight[o, c, k]` in i32 (wrapping), padding contributes 0;",
    "`y = clamp(round_shift(sum * multiplier[o], shift[o]) + y_zero, min, max)` with `round_shift(v, s) = floor((v + 2^(s - 1)) / 2^s)`, exact in 64 bits.",
    "A window holds at most 65536 products. Near ONNX `QLinearConv`, which scales by a float.",
  ].join("\n"),
  operands: [
    { name: "x", role: "data", axes: ["batch", "in", "..."], dtypes: bytes },
    {
      name: "weight",
      role: "weight",
      axes: ["out", "in", "..."],
      dtypes: ["i8"],
      doc: "[out, in/groups, kernel per spatial axis], zero point 0",
    },
    ...scaleOperands,
  ],
  results: [{ name: "y", axes: ["batch", "out", "..."] }],
  attrs: { ...convAttrs, ...inputZero, ...outputAttrs },
  infer(ctx) {
    const shape = inferConv(ctx, { x: ctx.type(0).shape, weight: ctx.type(1).shape }, 1);
    checkLayer(ctx);
    return [tensorType(ctx.attrs.to, shape)];
  },
  reference(ctx) {
    const [x, weight, bias] = [ctx.input(0), ctx.input(1), ctx.inputs[2] ?? null];
    const shape = ctx.outputs[0]?.shape ?? [];
    const scales = channelScales("int.conv", ctx.input(3), ctx.input(4));
    const geometry = geometryOf(x.shape, weight.shape, shape, ctx.attrs);
    const sums = convolve(geometry, centred(x, ctx.attrs.x_zero), asFloat64(weight.data), bias ? asFloat64(bias.data) : null);
    return [scaledByChannel(sums, shape, ctx.attrs, scales, geometry.outChannels, countOf(geometry.output))];
  },
  work: ({ types, outputs }) => ({ macs: convMacs(outputs[0]?.shape ?? [], types[1]?.shape ?? []) }),
  noGradient,
  maps({ types, attrs }) {
    const depthwise = isDepthwise(types[0]?.shape ?? [], types[1]?.shape ?? [], attrs.groups) ? [axisMap(0, 1, 1)] : [];
    return [axisMap(0, 0, 0), ...outputMaps(types, 1), ...depthwise];
  },
  select(ctx) {
    const [x, weight] = [ctx.types[0], ctx.types[1]];
    if (!x || !weight) return { refuse: "x or weight is absent" };
    return selectChannels(ctx, cutAxis(ctx.side, ctx.index, ctx.axis), x, weight);
  },
});

/** What an axis of an operand or of the result is to a convolution of integers. */
export function cutAxis(side: "operand" | "result", index: number, axis: number): ConvAxis {
  if (axis > 1) return "spatial";
  if (side === "operand" && index > 0) return index === 1 && axis === 1 ? "in" : "out";
  if (axis === 0) return "batch";
  return side === "result" ? "out" : "in";
}
