/** @file Cases of the dialect `math` and of reductions. */
import { hostTensor } from "../../../ir-spec/index.ts";
import type { CaseDim } from "../../support/op-module.ts";
import { type CasesOf, coarse, dtypesOf, floats, type RowCase, scaled, special, type Values } from "./row-case.ts";

const unaryCases: readonly RowCase[] = [
  { shapes: [["N", 5, 3]] },
  { shapes: [[]] },
  { shapes: [[special.length]], values: () => floats(special) },
  { shapes: [["N", 37]], values: (_, dtype, shape, random) => random.tensor(dtype, shape, 20) },
];

const unary: CasesOf = () => unaryCases;

/** Random values above zero; the special ones hold the others. */
const positive: CasesOf = () => [
  { shapes: [["N", 37]], values: (_, __, shape, random) => scaled(random, shape, (u) => 0.001 + u * 100) },
  { shapes: [[special.length]], values: () => floats(special) },
];

const clip: CasesOf = () =>
  [{}, { min: -0.25 }, { max: 0.5 }, { min: -1, max: 1 }].flatMap((attrs) => unaryCases.map((one) => ({ ...one, attrs })));

// biome-ignore format: one pair a line
const broadcasts: readonly (readonly [readonly CaseDim[], readonly CaseDim[]])[] = [
  [["N", 5, 3], ["N", 5, 3]],
  [["N", 5, 3], []],
  [[], ["N", 7]],
  [["N", 5, 3], [3]],
  [["N", 5, 1], ["N", 1, 3]],
  [["N", 6, 4, 4], [6, 1, 1]],
  [["N", 5, 1, 2], ["N", 1, 3, 1]],
  [[4, 1, 3, 1], [2, 1, 2]],
];

/** Every special value with every other. */
const specialPairs: RowCase = {
  shapes: [[special.length, 1], [special.length]],
  values: (operand) => floats(special, operand === 0 ? [special.length, 1] : [special.length]),
};

/** Divisors and bases that lose no digits; pow takes positive bases. */
const awayFromZero: Values = (_, __, shape, random) => scaled(random, shape, (u) => 0.25 + 2 * u);

const binary: CasesOf = () => [...broadcasts.map((shapes) => ({ shapes, values: awayFromZero })), specialPairs];
const cancelling: CasesOf = () => [...broadcasts.map((shapes) => ({ shapes, floor: 1 })), specialPairs];
const comparison: CasesOf = (row) => [
  ...broadcasts.map((shapes) => ({ shapes, values: coarse })),
  specialPairs,
  ...dtypesOf(row).map(
    (dtype): RowCase => ({
      shapes: [
        ["N", 5, 1],
        ["N", 1, 3],
      ],
      dtypes: [dtype, dtype],
      values: fewIntegers,
    }),
  ),
];

/** Small integers of any dtype, many of them equal. */
const fewIntegers: Values = (_, dtype, shape, random) => {
  const tensor = hostTensor(dtype, shape);
  for (let i = 0; i < tensor.data.length; i++)
    tensor.data[i] = dtype === "bool" ? random.int(0, 1) : random.int(dtype === "u8" ? 0 : -2, 2);
  return tensor;
};

const softmax: CasesOf = () => [
  { shapes: [["N", 10]] },
  { shapes: [["N", 5, 3]], attrs: { axis: 1 } },
  { shapes: [[3, 17]], attrs: { axis: -1 }, values: (_, dtype, shape, random) => random.tensor(dtype, shape, 80), floor: 1 },
  { shapes: [["N", 4]], attrs: { axis: 0 }, floor: 1 },
];

const reduction: CasesOf = () => [
  { shapes: [["N", 5, 3]], attrs: { axes: [2] }, floor: 1 },
  { shapes: [["N", 5, 3]], attrs: { axes: [1], keepdims: true }, floor: 1 },
  { shapes: [["N", 4, 3, 33]], attrs: { axes: [-1, -2] }, floor: 1 },
  { shapes: [["N", 4, 3, 5]], attrs: { axes: [1, 3] }, floor: 1 },
  { shapes: [[2, 4, 3, 5]], attrs: { axes: [0, 2], keepdims: true }, floor: 1 },
  { shapes: [["N", 1, 5]], attrs: { axes: [] } },
  { shapes: [[3, 1, 5]], attrs: { axes: [0, 2] }, floor: 1 },
  { shapes: [[]], attrs: { axes: [] } },
  { shapes: [[3, 4, 2]], attrs: { axes: [0, 1, 2] }, floor: 1 },
];

const argmax: CasesOf = () => [
  { shapes: [["N", 10]], attrs: { axis: 1 }, values: coarse },
  { shapes: [["N", 5, 3]], attrs: { axis: 1, keepdims: true } },
  { shapes: [[special.length]], attrs: { axis: -1 }, values: () => floats(special) },
];

const plainUnary = ["abs", "ceil", "erf", "exp", "floor", "neg", "reciprocal", "relu", "round", "sigmoid", "tanh", "step", "sign"];
const named = (names: readonly string[], cases: CasesOf) => Object.fromEntries(names.map((name) => [`math.${name}`, cases]));

export const elementwiseCases: { readonly [op: string]: CasesOf } = {
  ...named(plainUnary, unary),
  ...named(["log", "sqrt"], positive),
  "math.clip": clip,
  "math.leaky_relu": () => [{}, { alpha: 0.25 }].flatMap((attrs) => unaryCases.map((one) => ({ ...one, attrs }))),
  ...named(["mul", "div", "min", "max", "pow"], binary),
  ...named(["add", "sub"], cancelling),
  ...named(["equal", "less", "greater"], comparison),
  "math.where": () => [
    {
      shapes: [
        ["N", 5],
        ["N", 5],
        ["N", 5],
      ],
    },
    { shapes: [["N", 1, 3], [2, 1], []] },
    { shapes: [[], ["N", 4], [4]] },
  ],
  ...named(["softmax", "log_softmax"], softmax),
  "reduce.sum": reduction,
  "reduce.mean": reduction,
  "reduce.max": reduction,
  "reduce.argmax": argmax,
};
