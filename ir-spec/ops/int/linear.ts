/** @file Integer fully connected layer with the requantization of its sums. */
import { dimMul, dimProduct } from "../../core/dim.ts";
import { asFloat64 } from "../../core/rounded.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { demandDim, dimAt } from "../nn/checks.ts";
import { addProducts } from "../nn/dot-products.ts";
import { checkLayer, inputZero, outputMaps, scaleOperands } from "./layer.ts";
import { bytes, centred, channelScales, noGradient, outputAttrs, scaledByChannel } from "./output.ts";

export const intLinear = defineOp({
  name: "int.linear",
  since: 1,
  doc: [
    "`nn.linear` on integers: `sum = bias[o] + sum_i (x[..., i] - x_zero) * weight[o, i]` in i32 (wrapping),",
    "`y = clamp(round_shift(sum * multiplier[o], shift[o]) + y_zero, min, max)` as in `int.conv`. A sum has at most 65536 products. Near ONNX `QGemm`.",
  ].join("\n"),
  operands: [
    { name: "x", role: "data", axes: ["...", "in"], dtypes: bytes },
    { name: "weight", role: "weight", axes: ["out", "in"], dtypes: ["i8"], doc: "Zero point 0." },
    ...scaleOperands,
  ],
  results: [{ name: "y", axes: ["...", "out"] }],
  attrs: { ...inputZero, ...outputAttrs },
  infer(ctx) {
    const [x, weight] = [ctx.type(0), ctx.type(1)];
    if (x.shape.length === 0) ctx.fail("x is a scalar, needs at least the axis `in`", 0);
    if (weight.shape.length !== 2) ctx.fail(`weight is [out, in], rank 2; got rank ${weight.shape.length}`, 1);
    const last = dimAt(x, x.shape.length - 1);
    demandDim(ctx, last, dimAt(weight, 1), (has, wants) => `input has ${has} features, weight expects ${wants}`, 1);
    checkLayer(ctx);
    return [tensorType(ctx.attrs.to, [...x.shape.slice(0, -1), dimAt(weight, 0)])];
  },
  reference(ctx) {
    const [x, weight, bias] = [ctx.input(0), ctx.input(1), ctx.inputs[2] ?? null];
    const scales = channelScales("int.linear", ctx.input(3), ctx.input(4));
    const [outs = 0, ins = 0] = weight.shape;
    const rows = x.shape.slice(0, -1).reduce((product, size) => product * size, 1);
    const sums = new Float64Array(rows * outs);
    if (bias) for (let row = 0; row < rows; row++) sums.set(asFloat64(bias.data), row * outs);
    addProducts(rows, outs, ins, centred(x, ctx.attrs.x_zero), asFloat64(weight.data), sums, 0, outs);
    return [scaledByChannel(sums, ctx.outputs[0]?.shape ?? [], ctx.attrs, scales, outs, 1)];
  },
  work: ({ types, outputs }) => ({ macs: dimMul(dimProduct(outputs[0]?.shape ?? []), types[1]?.shape[1] ?? 0) }),
  noGradient,
  maps({ types, outputs }) {
    const last = (outputs[0]?.shape.length ?? 1) - 1;
    const leading = Array.from({ length: last }, (_, axis) => ({ operand: 0, operandAxes: [axis], result: 0, resultAxes: [axis] }));
    return [...leading, ...outputMaps(types, last)];
  },
  select: ({ attrs }) => ({ attrs }),
});
