/** @file Functions of one operand. */
import { roundEven } from "../../core/float-bits.ts";
import { a } from "../attr-spec.ts";
import type { OpDef } from "../define.ts";
import { defineUnary, numeric } from "./elementwise.ts";
import { erf as erfOf } from "./erf.ts";

const flat = "it is constant almost everywhere";

export const neg = defineUnary({
  name: "math.neg",
  doc: "`y = -x`. ONNX `Neg`.",
  dtypes: numeric,
  f: (x) => -x,
  big: (x) => -x,
  gradient: ({ builder, dy }) => builder.one("math.neg", [dy]),
});

export const abs = defineUnary({
  name: "math.abs",
  doc: "`y = |x|`. ONNX `Abs`.",
  dtypes: numeric,
  f: Math.abs,
  big: (x) => (x < 0n ? -x : x),
  gradient: ({ builder, x, dy, mul }) => mul(dy, builder.one("math.sign", [x])),
});

export const sign = defineUnary({
  name: "math.sign",
  doc: "`y` = 1, 0 or -1 by the sign of `x`; NaN stays NaN. ONNX `Sign`.",
  dtypes: numeric,
  f: (x) => (x > 0 ? 1 : x < 0 ? -1 : x === 0 ? 0 : x),
  big: (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n),
  noGradient: flat,
});

export const exp = defineUnary({ name: "math.exp", doc: "`y = e^x`. ONNX `Exp`.", f: Math.exp, gradient: ({ y, dy, mul }) => mul(dy, y) });

export const log = defineUnary({
  name: "math.log",
  doc: "`y = ln(x)`. ONNX `Log`.",
  f: Math.log,
  gradient: ({ builder, x, dy }) => builder.one("math.div", [dy, x]),
});

export const sqrt = defineUnary({
  name: "math.sqrt",
  doc: "`y = sqrt(x)`. ONNX `Sqrt`.",
  f: Math.sqrt,
  gradient: ({ builder, y, dy, dtype, mul }) => builder.one("math.div", [mul(dy, builder.scalar(0.5, dtype)), y]),
});

export const reciprocal = defineUnary({
  name: "math.reciprocal",
  doc: "`y = 1 / x`. ONNX `Reciprocal`.",
  f: (x) => 1 / x,
  gradient: ({ builder, y, dy, mul }) => builder.one("math.neg", [mul(dy, mul(y, y))]),
});

export const sigmoid = defineUnary({
  name: "math.sigmoid",
  doc: "`y = 1 / (1 + e^-x)`. ONNX `Sigmoid`.",
  f: (x) => (x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x))),
  gradient: ({ builder, y, dy, dtype, mul }) => mul(dy, mul(y, builder.one("math.sub", [builder.scalar(1, dtype), y]))),
});

export const tanh = defineUnary({
  name: "math.tanh",
  doc: "`y = tanh(x)`. ONNX `Tanh`.",
  f: Math.tanh,
  gradient: ({ builder, y, dy, dtype, mul }) => mul(dy, builder.one("math.sub", [builder.scalar(1, dtype), mul(y, y)])),
});

export const erf = defineUnary({
  name: "math.erf",
  doc: "`y = 2 / sqrt(pi) * integral of e^-t^2 from 0 to x`. ONNX `Erf`.",
  f: erfOf,
  gradient({ builder, x, dy, dtype, mul }) {
    const bell = builder.one("math.exp", [builder.one("math.neg", [mul(x, x)])]);
    return mul(dy, mul(bell, builder.scalar(2 / Math.sqrt(Math.PI), dtype)));
  },
});

export const floor = defineUnary({
  name: "math.floor",
  doc: "`y` = the largest integer not above `x`. ONNX `Floor`.",
  f: Math.floor,
  noGradient: flat,
});
export const ceil = defineUnary({
  name: "math.ceil",
  doc: "`y` = the smallest integer not below `x`. ONNX `Ceil`.",
  f: Math.ceil,
  noGradient: flat,
});

export const round = defineUnary({
  name: "math.round",
  doc: "`y` = the nearest integer, halves to even. ONNX `Round`.",
  f: (x) => (Number.isFinite(x) ? (x < 0 ? -roundEven(-x) : roundEven(x)) : x),
  noGradient: flat,
});

export const relu = defineUnary({
  name: "math.relu",
  doc: "`y = max(x, 0)`; NaN stays NaN. ONNX `Relu`.",
  f: (x) => (x > 0 || Number.isNaN(x) ? x : 0),
  gradient: ({ builder, y, dy, mul }) => mul(dy, builder.one("math.step", [y])),
});

export const step = defineUnary({
  name: "math.step",
  doc: "`y` = 1 where `x > 0`, else 0: the derivative of `math.relu`.",
  f: (x) => (x > 0 ? 1 : 0),
  noGradient: flat,
});

export const clip = defineUnary({
  name: "math.clip",
  doc: "`y = min(max(x, min), max)`; NaN stays NaN. The gradient passes strictly inside the range. ONNX `Clip`.",
  attrs: { min: a.float("lower bound", Number.NEGATIVE_INFINITY), max: a.float("upper bound", Number.POSITIVE_INFINITY) },
  dtypes: numeric,
  f: (x, { min, max }) => Math.min(Math.max(x, min), max),
  // Bounds truncate toward 0 as a narrower integer's do on storing; BigInts compare with numbers exactly, infinities included.
  big(x, { min, max }) {
    const above = x < min ? BigInt(Math.trunc(min)) : x;
    return above > max ? BigInt(Math.trunc(max)) : above;
  },
  gradient({ builder, x, dy, dtype, attrs, mul }) {
    let gradient = dy;
    if (attrs.min !== Number.NEGATIVE_INFINITY) {
      gradient = mul(gradient, builder.one("math.step", [builder.one("math.sub", [x, builder.scalar(attrs.min, dtype)])]));
    }
    if (attrs.max !== Number.POSITIVE_INFINITY) {
      gradient = mul(gradient, builder.one("math.step", [builder.one("math.sub", [builder.scalar(attrs.max, dtype), x])]));
    }
    return gradient;
  },
});

export const leakyRelu = defineUnary({
  name: "math.leaky_relu",
  doc: "`y = x` where `x >= 0`, else `alpha * x`. ONNX `LeakyRelu`.",
  attrs: { alpha: a.float("slope below zero", 0.01) },
  f: (x, { alpha }) => (x < 0 ? alpha * x : x),
  gradient({ builder, x, dy, dtype, attrs, mul }) {
    const negative = builder.one("math.less", [x, builder.scalar(0, dtype)]);
    return builder.one("math.where", [negative, mul(dy, builder.scalar(attrs.alpha, dtype)), dy]);
  },
});

/** In the order of OPS.md. */
export const functions: readonly OpDef[] = [
  neg,
  abs,
  sign,
  exp,
  log,
  sqrt,
  reciprocal,
  sigmoid,
  tanh,
  erf,
  floor,
  ceil,
  round,
  relu,
  step,
  clip,
  leakyRelu,
];
