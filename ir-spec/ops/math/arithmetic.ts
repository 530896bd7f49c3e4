/** @file Arithmetic of two operands. */
import type { DType } from "../../core/dtype.ts";
import type { Operand } from "../../core/graph.ts";
import type { Builder } from "../define.ts";
import { type BinaryGradient, defineBinary } from "./elementwise.ts";

export const add = defineBinary({
  name: "math.add",
  doc: "`z = x + y`, broadcasting. ONNX `Add`.",
  commutative: true,
  f: (x, y) => x + y,
  big: (x, y) => x + y,
  gradient: ({ dz }) => [dz, dz],
});

export const sub = defineBinary({
  name: "math.sub",
  doc: "`z = x - y`, broadcasting. ONNX `Sub`.",
  f: (x, y) => x - y,
  big: (x, y) => x - y,
  gradient: ({ dz, make }) => [dz, make("math.neg", dz)],
});

export const mul = defineBinary({
  name: "math.mul",
  doc: "`z = x * y`, broadcasting. ONNX `Mul`.",
  commutative: true,
  f: (x, y) => x * y,
  integer: Math.imul,
  big: (x, y) => x * y,
  gradient: ({ x, y, dz, make }) => [make("math.mul", dz, y), make("math.mul", dz, x)],
});

export const div = defineBinary({
  name: "math.div",
  doc: "`z = x / y`, broadcasting; integers truncate toward zero, and a division by integer zero gives 0. ONNX `Div`.",
  f: (x, y) => x / y,
  integer: (x, y) => (y === 0 ? 0 : Math.trunc(x / y)),
  big: (x, y) => (y === 0n ? 0n : x / y),
  gradient: ({ y, z, dz, make }) => [make("math.div", dz, y), make("math.neg", make("math.div", make("math.mul", dz, z), y))],
});

export const min = defineBinary({
  name: "math.min",
  doc: "`z = min(x, y)`, broadcasting; NaN wins. ONNX `Min`.",
  commutative: true,
  f: Math.min,
  big: (x, y) => (x < y ? x : y),
  gradient: ({ builder, x, y, dz, make }) => split(builder.typeOf(dz).dtype, make("math.less", x, y), dz, builder),
});

export const max = defineBinary({
  name: "math.max",
  doc: "`z = max(x, y)`, broadcasting; NaN wins. ONNX `Max`.",
  commutative: true,
  f: Math.max,
  big: (x, y) => (x > y ? x : y),
  gradient: ({ builder, x, y, dz, make }) => split(builder.typeOf(dz).dtype, make("math.greater", x, y), dz, builder),
});

export const pow = defineBinary({
  name: "math.pow",
  doc: "`z = x ^ y`, broadcasting, as C's `pow`: `pow(1, NaN) = 1`; integers wrap, and a negative power of the integer 0 gives 0. ONNX `Pow`.",
  f: power,
  integer: integerPower,
  big: widePower,
  gradient({ builder, x, y, z, dz, make }) {
    const less = make("math.sub", y, builder.scalar(1, builder.typeOf(y).dtype));
    return [
      make("math.mul", dz, make("math.mul", y, make("math.pow", x, less))),
      make("math.mul", dz, make("math.mul", z, make("math.log", x))),
    ];
  },
});

function power(x: number, y: number): number {
  return x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY) ? 1 : x ** y;
}

/** By squaring, modulo 2^32: exact once the typed array wraps it. */
function integerPower(x: number, y: number): number {
  if (y < 0) return Number(widePower(BigInt(x), BigInt(y)));
  let result = 1;
  for (let square = x, rest = y; rest > 0; rest = Math.floor(rest / 2), square = Math.imul(square, square)) {
    if (rest % 2 === 1) result = Math.imul(result, square);
  }
  return result;
}

/** Modulo 2^64. Negative powers truncate toward 0: only 1 and -1 have others than 0. */
function widePower(x: bigint, y: bigint): bigint {
  if (y < 0n) return x === 1n ? 1n : x === -1n ? (y % 2n === 0n ? 1n : -1n) : 0n;
  let result = 1n;
  for (let square = x, rest = y; rest > 0n; rest >>= 1n, square = BigInt.asIntN(64, square * square)) {
    if (rest & 1n) result = BigInt.asIntN(64, result * square);
  }
  return result;
}

export const mod = defineBinary({
  name: "math.mod",
  doc: "`z = x - y * floor(x / y)`, broadcasting: the remainder with the sign of `y`, as Python's `%`; 0 where an integer `y` is 0. ONNX `Mod` with `fmod = 0`.",
  f: (x, y) => withSignOf(y, x % y),
  integer: (x, y) => (y === 0 ? 0 : withSignOf(y, x % y)),
  big(x, y) {
    const rest = y === 0n ? 0n : x % y;
    return rest !== 0n && rest < 0n !== y < 0n ? rest + y : rest;
  },
  gradient: remainderGradient,
});

export const fmod = defineBinary({
  name: "math.fmod",
  doc: "`z = x - y * trunc(x / y)`, broadcasting: the remainder with the sign of `x`, as C's `fmod`, exact; 0 where an integer `y` is 0. ONNX `Mod` with `fmod = 1`.",
  f: (x, y) => x % y,
  integer: (x, y) => (y === 0 ? 0 : x % y),
  big: (x, y) => (y === 0n ? 0n : x % y),
  gradient: remainderGradient,
});

/** A truncated remainder, brought to the side of the divisor. */
function withSignOf(y: number, rest: number): number {
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
}

/** `z = x - q * y` with a constant whole q between the jumps. */
function remainderGradient({ x, y, z, dz, make }: BinaryGradient): readonly [Operand, Operand] {
  return [dz, make("math.mul", dz, make("math.round", make("math.div", make("math.sub", z, x), y)))];
}

/** The gradient goes to x where the condition holds, else to y. */
function split(dtype: DType, condition: Operand, dz: Operand, builder: Builder): readonly [Operand, Operand] {
  const zero = builder.scalar(0, dtype);
  return [builder.one("math.where", [condition, dz, zero]), builder.one("math.where", [condition, zero, dz])];
}
