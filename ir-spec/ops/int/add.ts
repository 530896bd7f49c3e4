/** @file Integer addition of two tensors with different steps. */
import { dimProduct } from "../../core/dim.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { broadcastShapes, elementwiseMaps } from "../math/broadcast.ts";
import { combine } from "../math/elementwise.ts";
import { roundShift } from "./fixed-point.ts";
import { bytes, checkBetween, checkOutput, checkZero, noGradient, outputAttrs, saturated, zeroOf } from "./output.ts";

export const mostMultiplier = 2 ** 21;
export const mostShift = 29;

const factor = (name: string) => a.int(`factor of ${name}: its step over that of y, times 2^shift; 0 to 2^21`);

export const intAdd = defineOp({
  name: "int.add",
  since: 1,
  doc: [
    "`y = clamp(round_shift((a - a_zero) * a_multiplier + (b - b_zero) * b_multiplier, shift) + y_zero, min, max)` with `round_shift` as in `int.conv`;",
    "everything fits i32. Broadcasts as `math.add`. ONNX has `QLinearAdd` as a contributed operator.",
  ].join("\n"),
  operands: [
    { name: "a", role: "data", axes: ["..."], dtypes: bytes, doc: "Any shape." },
    { name: "b", role: "data", axes: ["..."], dtypes: bytes, doc: "A shape that broadcasts with a; its dtype may differ." },
  ],
  results: [{ name: "y", axes: ["..."] }],
  attrs: {
    a_zero: zeroOf("a"),
    b_zero: zeroOf("b"),
    a_multiplier: factor("a"),
    b_multiplier: factor("b"),
    shift: a.int("places that the sum is shifted right, 0 to 29, halves rounded up"),
    ...outputAttrs,
  },
  infer(ctx) {
    const [x, y] = [ctx.type(0), ctx.type(1)];
    const { attrs } = ctx;
    checkZero(ctx, "a_zero", attrs.a_zero, x.dtype);
    checkZero(ctx, "b_zero", attrs.b_zero, y.dtype);
    checkBetween(ctx, "a_multiplier", attrs.a_multiplier, 0, mostMultiplier);
    checkBetween(ctx, "b_multiplier", attrs.b_multiplier, 0, mostMultiplier);
    checkBetween(ctx, "shift", attrs.shift, 0, mostShift);
    checkOutput(ctx);
    return [tensorType(attrs.to, broadcastShapes(ctx, x.shape, y.shape))];
  },
  reference(ctx) {
    const [x, y, shape] = [ctx.input(0), ctx.input(1), ctx.outputs[0]?.shape ?? []];
    const { a_zero, b_zero, a_multiplier, b_multiplier, shift } = ctx.attrs;
    const sums = new Int32Array(shape.reduce((n, size) => n * size, 1));
    combine<number, number>(x, y, shape, sums, (p, q) => (p - a_zero) * a_multiplier + (q - b_zero) * b_multiplier);
    return [saturated(shape, ctx.attrs, (i) => roundShift(sums[i] as number, shift))];
  },
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  noGradient,
  maps: ({ types, outputs }) => elementwiseMaps([types[0]?.shape ?? null, types[1]?.shape ?? null], outputs[0]?.shape ?? []),
  select: ({ attrs }) => ({ attrs }),
});
