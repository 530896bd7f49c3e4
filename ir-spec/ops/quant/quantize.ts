/** @file Uniform affine quantization to integers, and back: ONNX's QDQ pair. */

import { dimProduct } from "../../core/dim.ts";
import type { DType } from "../../core/dtype.ts";
import { roundedTensor } from "../../core/rounded.ts";
import { hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { floats } from "../nn/checks.ts";
import { dequantizedValues, quantizedValues } from "./rounding.ts";
import { checkScale, quantizedDtypes, scaleAttrs, scaleMaps, selectScaled, spreadScale, sumToScale } from "./scales.ts";

const codes = [...quantizedDtypes, "i32", "u1"] as const satisfies readonly DType[];

export const quantize = defineOp({
  name: "quant.quantize",
  since: 1,
  doc: [
    "`q = saturate(round_half_even(x / scale) + zero)` into the range of `to`. `scale` is a scalar, a vector along `axis`, or with `block > 0` has x's rank",
    "and one entry per `block` elements of `axis`. The quotient is rounded to f32 (f64 for f64) before it is rounded to an integer. ONNX `QuantizeLinear`.",
  ].join("\n"),
  operands: [
    { name: "x", role: "data", axes: ["..."], dtypes: floats, doc: "Any shape." },
    {
      name: "scale",
      role: "scale",
      axes: ["..."],
      dtypes: floats,
      doc: "Step: a scalar, one per index of `axis`, or one per block of it.",
    },
    {
      name: "zero",
      role: "scale",
      axes: ["..."],
      optional: true,
      dtypes: quantizedDtypes,
      doc: "Zero point in the shape of `scale`; absent: 0.",
    },
  ],
  results: [{ name: "q", axes: ["..."] }],
  attrs: { ...scaleAttrs, to: a.dtype("dtype of the result; the zero point has it too", "i8") },
  infer(ctx) {
    const { to } = ctx.attrs;
    if (!(quantizedDtypes as readonly DType[]).includes(to)) ctx.fail(`to must be ${quantizedDtypes.join(" or ")}, got ${to}`);
    const [x, scale] = [ctx.type(0), ctx.type(1)];
    if (scale.dtype !== x.dtype) ctx.fail(`x is ${x.dtype}, scale is ${scale.dtype}`, 1);
    checkScale(ctx, x.shape, to);
    return [tensorType(to, x.shape)];
  },
  reference(ctx) {
    const x = ctx.input(0);
    const q = hostTensor(ctx.attrs.to, x.shape);
    quantizedValues(x, ctx.input(1), ctx.inputs[2] ?? null, ctx.attrs, ctx.attrs.to).forEach((code, i) => {
      q.data[i] = code;
    });
    return [q];
  },
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  noGradient: "rounding to integers has no useful derivative; quant.fake carries the straight-through gradient (the pass `relax` makes it)",
  maps: ({ types, attrs }) => scaleMaps(types, attrs),
  select: selectScaled,
});

export const dequantize = defineOp({
  name: "quant.dequantize",
  since: 1,
  doc: "`y = (q - zero) * scale`, in the dtype of `scale`; scale layouts as `quant.quantize`. ONNX `DequantizeLinear`.",
  operands: [
    { name: "q", role: "data", axes: ["..."], dtypes: codes, doc: "Any shape." },
    {
      name: "scale",
      role: "scale",
      axes: ["..."],
      dtypes: floats,
      doc: "Step: a scalar, one per index of `axis`, or one per block of it.",
    },
    { name: "zero", role: "scale", axes: ["..."], optional: true, dtypes: codes, doc: "Zero point in the shape of `scale`; absent: 0." },
  ],
  results: [{ name: "y", axes: ["..."] }],
  attrs: scaleAttrs,
  infer(ctx) {
    const q = ctx.type(0);
    checkScale(ctx, q.shape, q.dtype);
    return [tensorType(ctx.type(1).dtype, q.shape)];
  },
  reference(ctx) {
    const [q, scale] = [ctx.input(0), ctx.input(1)];
    const values = dequantizedValues(q.data as ArrayLike<number>, q.shape, scale, ctx.inputs[2] ?? null, ctx.attrs);
    return [roundedTensor(scale.dtype, q.shape, values)];
  },
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  gradient({ builder, operands, grads, attrs, wanted }) {
    const [q = null, scale = null, zero = null] = operands;
    if (!wanted[1]) return [null, null, null];
    const [type, scaleType] = [builder.typeOf(q), builder.typeOf(scale)];
    const to = { to: scaleType.dtype };
    const wide = builder.one("type.cast", [q], to);
    const offset = zero === null ? null : spreadScale(builder, builder.one("type.cast", [zero], to), type, attrs);
    const steps = offset === null ? wide : builder.one("math.sub", [wide, offset]);
    return [null, sumToScale(builder, builder.one("math.mul", [grads[0] ?? null, steps]), type, scaleType, attrs), null];
  },
  maps: ({ types, attrs }) => scaleMaps(types, attrs),
  select: selectScaled,
});
