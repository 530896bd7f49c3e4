/** @file Another step and zero point for the same values. */
import { dimProduct } from "../../core/dim.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { sameAxes } from "../shape/axis-maps.ts";
import { mostMultiplier, mostShift } from "./add.ts";
import { roundShift } from "./fixed-point.ts";
import { bytes, checkBetween, checkOutput, checkZero, noGradient, outputAttrs, saturated, zeroOf } from "./output.ts";

export const intRequantize = defineOp({
  name: "int.requantize",
  since: 1,
  doc: [
    "`y = clamp(round_shift((x - x_zero) * multiplier, shift) + y_zero, min, max)` with `round_shift` as in `int.conv`; everything fits i32.",
    "ONNX `DequantizeLinear` followed by `QuantizeLinear`, which scale by floats.",
  ].join("\n"),
  operands: [{ name: "x", role: "data", axes: ["..."], dtypes: bytes, doc: "Any shape." }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: {
    x_zero: zeroOf("x"),
    multiplier: a.int("step of x over that of y, times 2^shift; 0 to 2^21"),
    shift: a.int("places that the product is shifted right, 0 to 29, halves rounded up"),
    ...outputAttrs,
  },
  infer(ctx) {
    const x = ctx.type(0);
    checkZero(ctx, "x_zero", ctx.attrs.x_zero, x.dtype);
    checkBetween(ctx, "multiplier", ctx.attrs.multiplier, 0, mostMultiplier);
    checkBetween(ctx, "shift", ctx.attrs.shift, 0, mostShift);
    checkOutput(ctx);
    return [tensorType(ctx.attrs.to, x.shape)];
  },
  reference(ctx) {
    const x = ctx.input(0);
    const { x_zero, multiplier, shift } = ctx.attrs;
    return [saturated(x.shape, ctx.attrs, (i) => roundShift(((x.data[i] as number) - x_zero) * multiplier, shift))];
  },
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  noGradient,
  maps: ({ types }) => sameAxes(0, types[0]?.shape.length ?? 0),
  select: ({ attrs }) => ({ attrs }),
});
