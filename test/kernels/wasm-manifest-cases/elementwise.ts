/** @file Cases of the dialect `math` and of reductions. */
import { isFloat } from "../../../ir-spec/index.ts";
import type { CaseDim } from "../../support/op-module.ts";
import { anyInteger, fewIntegers, integerBinary, integerPower, integerReduction, integerUnary } from "./integer.ts";
import { type CasesOf, coarse, dtypesOf, eachDtype, floats, type RowCase, scaled, special, type Values } from "./row-case.ts";

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
const comparison: CasesOf = () => [...broadcasts.map((shapes) => ({ shapes, values: coarse })), specialPairs];

/** Of either sign and far from 0, since remainders jump where a quotient is whole. */
const remainder: CasesOf = () => [
  ...broadcasts.map((shapes) => ({ shapes, values: signed, floor: 1 })),
  {
    ...specialPairs,
    values: (operand) => floats(special, operand === 0 ? [special.length, 1] : [special.length]),
  },
];

const signed: Values = (_, __, shape, random) => scaled(random, shape, (u) => (u < 0.5 ? -0.3 - 7 * u : 0.2 + 3 * u));

/** Within the domain of the inverse functions, and beyond. */
const nearOne: CasesOf = () => [
  ...unaryCases,
  { shapes: [["N", 37]], values: (_, __, shape, random) => scaled(random, shape, (u) => 2.4 * u - 1.2) },
];

// biome-ignore format: one case a line
const choices: readonly (readonly (readonly CaseDim[])[])[] = [
  [["N", 5], ["N", 5], ["N", 5]],
  [["N", 1, 3], [2, 1], []],
  [[], ["N", 4], [4]],
];

const softmax: CasesOf = () => [
  { shapes: [["N", 10]] },
  { shapes: [["N", 5, 3]], attrs: { axis: 1 } },
  { shapes: [[3, 17]], attrs: { axis: -1 }, values: (_, dtype, shape, random) => random.tensor(dtype, shape, 80), floor: 1 },
  { shapes: [["N", 4]], attrs: { axis: 0 }, floor: 1 },
];

const reduction: CasesOf = (row) => [
  { shapes: [[3, 0, 2]], attrs: { axes: [1] }, dtypes: [dtypesOf(row)[0]] },
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

const argmax: CasesOf = (row) =>
  row.id === "int_argmax"
    ? eachDtype(row, [
        { shapes: [["N", 10]], attrs: { axis: 1 }, values: fewIntegers },
        { shapes: [["N", 5, 3]], attrs: { axis: 1, keepdims: true, last: true }, values: fewIntegers },
        { shapes: [["N", 5, 3]], attrs: { axis: -2 } },
      ])
    : floatArgmax;

const floatArgmax: readonly RowCase[] = [
  { shapes: [["N", 10]], attrs: { axis: 1, last: true }, values: coarse },
  { shapes: [[special.length]], attrs: { axis: 0, last: true }, values: () => floats(special) },
  { shapes: [["N", 10]], attrs: { axis: 1 }, values: coarse },
  { shapes: [["N", 5, 3]], attrs: { axis: 1, keepdims: true } },
  { shapes: [[special.length]], attrs: { axis: -1 }, values: () => floats(special) },
];

/** Reductions and running sums are rounded once, or wrap. */
const alongAxis: CasesOf = (row) =>
  eachDtype(row, [
    { shapes: [["N", 5, 3]], attrs: { axis: 1 }, floor: 1 },
    { shapes: [["N", 7]], attrs: { axis: -1, exclusive: true }, floor: 1 },
    { shapes: [["N", 4, 2]], attrs: { axis: 0, reverse: true }, floor: 1 },
    { shapes: [[6, 5]], attrs: { axis: 1, exclusive: true, reverse: true }, floor: 1 },
    { shapes: [[2, 0]], attrs: { axis: 1 } },
  ]);

/** The cases of floats, or those of integers for a row of them. */
const orIntegers =
  (ofFloats: CasesOf, ofIntegers: CasesOf): CasesOf =>
  (row) =>
    row.id.startsWith("int_") ? ofIntegers(row) : ofFloats(row);

const plainUnary = ["ceil", "erf", "exp", "floor", "reciprocal", "relu", "round", "sigmoid", "tanh", "step"];
const named = (names: readonly string[], cases: CasesOf) => Object.fromEntries(names.map((name) => [`math.${name}`, cases]));

export const elementwiseCases: { readonly [op: string]: CasesOf } = {
  ...named(plainUnary, unary),
  ...named(["abs", "neg", "sign"], orIntegers(unary, integerUnary)),
  "math.not": integerUnary,
  ...named(["sin", "cos", "tan", "sinh", "cosh", "asinh", "atan", "softplus"], unary),
  ...named(["asin", "acos", "acosh", "atanh"], nearOne),
  ...named(["log", "sqrt"], positive),
  "math.clip": clip,
  "math.leaky_relu": () => [{}, { alpha: 0.25 }].flatMap((attrs) => unaryCases.map((one) => ({ ...one, attrs }))),
  ...named(["mul", "div", "min", "max"], orIntegers(binary, integerBinary)),
  "math.pow": orIntegers(binary, integerPower),
  ...named(["add", "sub"], orIntegers(cancelling, integerBinary)),
  ...named(["equal", "less", "greater"], orIntegers(comparison, integerBinary)),
  ...named(["mod", "fmod"], orIntegers(remainder, integerBinary)),
  ...named(["and", "or", "xor"], integerBinary),
  "math.where": (row) =>
    dtypesOf(row, 1).flatMap((dtype) =>
      choices.map(
        (shapes): RowCase => ({
          shapes,
          dtypes: ["bool", dtype, dtype],
          values: (operand, own, shape, random) => (operand > 0 && !isFloat(own) ? anyInteger(operand, own, shape, random) : null),
        }),
      ),
    ),
  ...named(["softmax", "log_softmax"], softmax),
  ...Object.fromEntries(["sum", "mean", "max", "min", "prod"].map((name) => [`reduce.${name}`, orIntegers(reduction, integerReduction)])),
  "reduce.cumsum": alongAxis,
  "reduce.cumprod": alongAxis,
  "reduce.argmax": argmax,
};
