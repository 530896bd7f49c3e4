/** @file Rows of element-wise functions beyond those with vector loops, of integers and truth values, and of reductions and running sums on them. */
import type { CostTerms, KernelRow, OperandRule } from "../../manifest.ts";

const launch = 0.1;
/** A loop in JavaScript over single elements. */
const scripted: CostTerms = { launch: 1, macNs: 0, byteNs: 0.1, opNs: 10 };
/** A branch by dtype and operation for every element. */
const anyElement: CostTerms = { launch, macNs: 0, byteNs: 0.05, opNs: 3 };
const streaming: CostTerms = { launch, macNs: 0, byteNs: 0.05, opNs: 0 };

const f32: OperandRule = { dtypes: ["f32"] };
const integer: OperandRule = { dtypes: ["i64", "i32", "i8", "u8", "i16", "u64", "u32", "u16"] };
const bits: OperandRule = { dtypes: [...integer.dtypes, "bool"] };
const movable: OperandRule = { dtypes: ["f32", ...bits.dtypes, "f64", "f16", "bf16"] };

const angles = ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh"] as const;
const arithmetic = ["add", "sub", "mul", "div", "min", "max", "pow", "mod", "fmod"] as const;
const reductions = ["sum", "prod", "min", "max"] as const;

/** Results have the dtype of the operands where none is given. */
const int = (name: string, operands: readonly OperandRule[], results: KernelRow["results"] = []): KernelRow => ({
  id: `int_${name}`,
  op: `math.${name}`,
  operands,
  results,
  cost: anyElement,
});

const float = (name: string, operands: readonly OperandRule[], cost: CostTerms): KernelRow => ({
  id: `f32_${name}`,
  op: `math.${name}`,
  operands,
  results: ["f32"],
  cost,
});

export const elementwiseMath: readonly KernelRow[] = [
  ...angles.map((name) => float(name, [f32], scripted)),
  float("softplus", [f32], { launch, macNs: 0, byteNs: 0.05, opNs: 4 }),
  float("mod", [f32, f32], scripted),
  float("fmod", [f32, f32], scripted),
  ...arithmetic.map((name) => int(name, [integer, integer])),
  ...(["neg", "abs", "sign"] as const).map((name) => int(name, [integer])),
  ...(["and", "or", "xor"] as const).map((name) => int(name, [bits, bits])),
  int("not", [bits]),
  ...(["equal", "less", "greater"] as const).map((name) => int(name, [bits, bits], ["bool"])),
  { id: "where", op: "math.where", operands: [{ dtypes: ["bool"] }, movable, movable], cost: anyElement },
];

export const moreReductions: readonly KernelRow[] = [
  { id: "f32_reduce_min", op: "reduce.min", operands: [f32], results: ["f32"], cost: streaming },
  {
    id: "f32_reduce_prod",
    op: "reduce.prod",
    operands: [f32],
    results: ["f32"],
    cost: { launch, macNs: 0, byteNs: 0.05, opNs: 1.2 },
  },
  ...reductions.map(
    (name): KernelRow => ({
      id: `int_reduce_${name}`,
      op: `reduce.${name}`,
      operands: [name === "min" || name === "max" ? bits : integer],
      cost: anyElement,
    }),
  ),
  { id: "int_argmax", op: "reduce.argmax", operands: [integer], results: ["i64"], cost: anyElement },
  ...(["cumsum", "cumprod"] as const).map(
    (name): KernelRow => ({
      id: name,
      op: `reduce.${name}`,
      operands: [{ dtypes: ["f32", ...integer.dtypes] }],
      cost: { launch, macNs: 0, byteNs: 0.05, opNs: 4 },
    }),
  ),
];
