/** @file Circular and hyperbolic functions, their inverses, and softplus. Angles are in radians; outside the domain of an inverse the result is NaN. */
import type { Operand } from "../../core/graph.ts";
import type { OpDef } from "../define.ts";
import { defineUnary, type UnaryGradient } from "./elementwise.ts";

type Gradient = UnaryGradient<Record<never, never>>;

const op = ({ builder }: Gradient, name: string, ...operands: readonly Operand[]): Operand => builder.one(name, operands);
const number = ({ builder, dtype }: Gradient, value: number): Operand => builder.scalar(value, dtype);
/** `value + sign * x^2` */
const withSquare = (g: Gradient, value: number, sign: "math.add" | "math.sub", x: Operand): Operand =>
  op(g, sign, number(g, value), g.mul(x, x));

export const sin = defineUnary({
  name: "math.sin",
  doc: "`y = sin(x)`. ONNX `Sin`.",
  f: Math.sin,
  gradient: (g) => g.mul(g.dy, op(g, "math.cos", g.x)),
});

export const cos = defineUnary({
  name: "math.cos",
  doc: "`y = cos(x)`. ONNX `Cos`.",
  f: Math.cos,
  gradient: (g) => op(g, "math.neg", g.mul(g.dy, op(g, "math.sin", g.x))),
});

export const tan = defineUnary({
  name: "math.tan",
  doc: "`y = tan(x)`. ONNX `Tan`.",
  f: Math.tan,
  gradient: (g) => g.mul(g.dy, withSquare(g, 1, "math.add", g.y)),
});

export const asin = defineUnary({
  name: "math.asin",
  doc: "`y = arcsin(x)`, from -pi/2 to pi/2. ONNX `Asin`.",
  f: Math.asin,
  gradient: (g) => op(g, "math.div", g.dy, op(g, "math.sqrt", withSquare(g, 1, "math.sub", g.x))),
});

export const acos = defineUnary({
  name: "math.acos",
  doc: "`y = arccos(x)`, from 0 to pi. ONNX `Acos`.",
  f: Math.acos,
  gradient: (g) => op(g, "math.neg", op(g, "math.div", g.dy, op(g, "math.sqrt", withSquare(g, 1, "math.sub", g.x)))),
});

export const atan = defineUnary({
  name: "math.atan",
  doc: "`y = arctan(x)`, from -pi/2 to pi/2. ONNX `Atan`.",
  f: Math.atan,
  gradient: (g) => op(g, "math.div", g.dy, withSquare(g, 1, "math.add", g.x)),
});

export const sinh = defineUnary({
  name: "math.sinh",
  doc: "`y = (e^x - e^-x) / 2`. ONNX `Sinh`.",
  f: Math.sinh,
  gradient: (g) => g.mul(g.dy, op(g, "math.cosh", g.x)),
});

export const cosh = defineUnary({
  name: "math.cosh",
  doc: "`y = (e^x + e^-x) / 2`. ONNX `Cosh`.",
  f: Math.cosh,
  gradient: (g) => g.mul(g.dy, op(g, "math.sinh", g.x)),
});

export const asinh = defineUnary({
  name: "math.asinh",
  doc: "`y = ln(x + sqrt(x^2 + 1))`. ONNX `Asinh`.",
  f: Math.asinh,
  gradient: (g) => op(g, "math.div", g.dy, op(g, "math.sqrt", withSquare(g, 1, "math.add", g.x))),
});

export const acosh = defineUnary({
  name: "math.acosh",
  doc: "`y = ln(x + sqrt(x^2 - 1))`, for `x >= 1`. ONNX `Acosh`.",
  f: Math.acosh,
  gradient: (g) => op(g, "math.div", g.dy, op(g, "math.sqrt", op(g, "math.sub", g.mul(g.x, g.x), number(g, 1)))),
});

export const atanh = defineUnary({
  name: "math.atanh",
  doc: "`y = ln((1 + x) / (1 - x)) / 2`, for `-1 <= x <= 1`. ONNX `Atanh`.",
  f: Math.atanh,
  gradient: (g) => op(g, "math.div", g.dy, withSquare(g, 1, "math.sub", g.x)),
});

export const softplus = defineUnary({
  name: "math.softplus",
  doc: "`y = ln(1 + e^x)`, computed as `max(x, 0) + ln(1 + e^-|x|)`. ONNX `Softplus`.",
  f: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  gradient: (g) => g.mul(g.dy, op(g, "math.sigmoid", g.x)),
});

/** In the order of OPS.md. */
export const trigonometry: readonly OpDef[] = [sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh, softplus];
