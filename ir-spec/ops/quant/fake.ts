/** @file Quantize and dequantize in one float op, with the gradients of quantization-aware training. */
import { dimProduct } from "../../core/dim.ts";
import { type DType, integerRange } from "../../core/dtype.ts";
import type { Operand } from "../../core/graph.ts";
import { roundedTensor } from "../../core/rounded.ts";
import { a } from "../attr-spec.ts";
import { type Builder, defineOp } from "../define.ts";
import { floats } from "../nn/checks.ts";
import { dequantizedValues, quantizedValues } from "./rounding.ts";
import { checkScale, quantizedDtypes, type ScaleAttrs, scaleAttrs, scaleMaps, selectScaled, spreadScale, sumToScale } from "./scales.ts";

export const fake = defineOp({
  name: "quant.fake",
  since: 1,
  doc: [
    "`y = dequantize(quantize(x, scale, zero), scale, zero)` in x's dtype: what training sees of a quantized tensor. The gradient passes straight through where",
    "`x / scale + zero` is in the range of `to`, and is 0 outside. The scale's gradient is LSQ's (Esser et al., 2020, without its 1/sqrt(n) step factor):",
    "`round(v) - v` inside, the end of the range outside, for `v = x / scale`. ONNX: `QuantizeLinear` then `DequantizeLinear`.",
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
  results: [{ name: "y", axes: ["..."] }],
  attrs: { ...scaleAttrs, to: a.dtype("dtype whose range is used; the zero point has it too", "i8") },
  infer(ctx) {
    const { to } = ctx.attrs;
    if (!(quantizedDtypes as readonly DType[]).includes(to)) ctx.fail(`to must be ${quantizedDtypes.join(" or ")}, got ${to}`);
    const x = ctx.type(0);
    const scale = ctx.type(1);
    if (scale.dtype !== x.dtype) ctx.fail(`x is ${x.dtype}, scale is ${scale.dtype}`, 1);
    checkScale(ctx, x.shape, to);
    return [x];
  },
  reference(ctx) {
    const [x, scale, zero] = [ctx.input(0), ctx.input(1), ctx.inputs[2] ?? null];
    const rounded = quantizedValues(x, scale, zero, ctx.attrs, ctx.attrs.to);
    return [roundedTensor(x.dtype, x.shape, dequantizedValues(rounded, x.shape, scale, zero, ctx.attrs))];
  },
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  gradient: ({ builder, operands, grads, attrs, wanted }) => fakeGradient(builder, operands, grads[0] ?? null, attrs, wanted),
  maps: ({ types, attrs }) => scaleMaps(types, attrs),
  select: selectScaled,
});

/** v = x / scale lies below, in, or above the range [least - zero, most - zero]: straight through inside, the scale's part by LSQ. */
function fakeGradient(
  builder: Builder,
  [x = null, scale = null, zero = null]: readonly Operand[],
  dy: Operand,
  attrs: ScaleAttrs & { readonly to: DType },
  wanted: readonly boolean[],
): readonly (Operand | null)[] {
  const [type, scaleType] = [builder.typeOf(x), builder.typeOf(scale)];
  const make = (op: string, ...of: readonly Operand[]) => builder.one(op, of);
  const number = (value: number) => builder.scalar(value, type.dtype);
  const v = make("math.div", x, spreadScale(builder, scale, type, attrs));
  const offset = zero === null ? null : spreadScale(builder, builder.one("type.cast", [zero], { to: type.dtype }), type, attrs);
  const [least, most] = [integerRange(attrs.to).min, integerRange(attrs.to).max].map((end) => {
    return offset === null ? number(Number(end)) : make("math.sub", number(Number(end)), offset);
  }) as [Operand, Operand];
  const [below, above] = [make("math.less", v, least), make("math.greater", v, most)];
  const pick = (low: Operand, high: Operand, inside: Operand) => make("math.where", below, low, make("math.where", above, high, inside));
  const slope = () => pick(least, most, make("math.sub", make("math.round", v), v));
  return [
    wanted[0] ? pick(number(0), number(0), dy) : null,
    wanted[1] ? sumToScale(builder, make("math.mul", dy, slope()), type, scaleType, attrs) : null,
    null,
  ];
}
