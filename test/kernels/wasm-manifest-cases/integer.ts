/** @file Cases of element-wise ops and reductions on integers and truth values: values at both ends of the dtype, zeros among divisors, negative powers. */
import { type DType, hostTensor, integerRange } from "../../../ir-spec/index.ts";
import type { CaseDim } from "../../support/op-module.ts";
import { type CasesOf, countOf, dtypesOf, eachDtype, type RowCase, type Values } from "./row-case.ts";

const filled = (dtype: DType, shape: readonly number[], next: () => bigint) => {
  const tensor = hostTensor(dtype, shape);
  const { data } = tensor;
  for (let i = 0; i < countOf(shape); i++)
    data[i] = data instanceof BigInt64Array || data instanceof BigUint64Array ? next() : Number(next());
  return tensor;
};

/** Small numbers, and some at the ends of the dtype or anywhere in it. */
export const anyInteger: Values = (_, dtype, shape, random) => {
  const { min, max } = integerRange(dtype);
  const within = (value: bigint) => (value < min ? min : value > max ? max : value);
  return filled(dtype, shape, () => {
    const kind = random.int(0, 9);
    if (kind === 0) return min;
    if (kind === 1) return max;
    if (kind === 2) return within(BigInt(random.int(-(2 ** 30), 2 ** 30)) * BigInt(random.int(1, 2 ** 30)));
    return within(BigInt(random.int(-5, 12)));
  });
};

/** Small integers of any dtype, many of them equal. */
export const fewIntegers: Values = (_, dtype, shape, random) =>
  filled(dtype, shape, () => BigInt(dtype === "bool" ? random.int(0, 1) : random.int(dtype.startsWith("u") ? 0 : -2, 2)));

// biome-ignore format: one pair a line
const pairs: readonly (readonly [readonly CaseDim[], readonly CaseDim[]])[] = [
  [["N", 17], ["N", 17]],
  [["N", 5], []],
  [["N", 5, 1, 2], ["N", 1, 3, 1]],
  [[4, 1, 3, 1], [2, 1, 2]],
];

const onPairs =
  (values: Values): CasesOf =>
  (row) =>
    dtypesOf(row).flatMap((dtype, i) =>
      [...pairs.slice(0, 1), ...pairs.slice(1 + (i % 3), 2 + (i % 3))].map(
        (shapes): RowCase => ({ shapes, dtypes: [dtype, dtype], values }),
      ),
    );

const both =
  (...of: readonly CasesOf[]): CasesOf =>
  (row) =>
    of.flatMap((cases) => cases(row));

/** The ends of the dtype and the numbers about 0, each with each. */
const corners: CasesOf = (row) =>
  dtypesOf(row).map((dtype): RowCase => {
    const { min, max } = integerRange(dtype);
    const numbers = [...new Set([min, min + 1n, -2n, -1n, 0n, 1n, 2n, 3n, max])].filter((value) => value >= min && value <= max);
    const values: Values = (operand) => {
      const left = [...numbers];
      return filled(dtype, operand === 0 ? [numbers.length, 1] : [numbers.length], () => left.shift() ?? 0n);
    };
    return { shapes: [[numbers.length, 1], [numbers.length]], dtypes: [dtype, dtype], values };
  });

export const integerBinary: CasesOf = both(corners, onPairs(anyInteger), onPairs(fewIntegers));

/** Bases of any size to small powers, some of them negative. */
export const integerPower: CasesOf = onPairs((operand, dtype, shape, random) =>
  operand === 0
    ? anyInteger(operand, dtype, shape, random)
    : filled(dtype, shape, () => BigInt(random.int(dtype.startsWith("u") ? 0 : -3, 70))),
);

export const integerUnary: CasesOf = (row) =>
  dtypesOf(row).flatMap((dtype): readonly RowCase[] => [
    { shapes: [["N", 19]], dtypes: [dtype], values: anyInteger },
    { shapes: [[]], dtypes: [dtype] },
  ]);

export const integerReduction: CasesOf = (row) =>
  eachDtype(row, [
    { shapes: [["N", 5, 3]], attrs: { axes: [1] }, values: anyInteger },
    { shapes: [["N", 7]], attrs: { axes: [-1], keepdims: true }, values: anyInteger },
    { shapes: [[2, 4, 3, 5]], attrs: { axes: [0, 2] }, values: anyInteger },
    { shapes: [["N", 4]], attrs: { axes: [] }, values: anyInteger },
  ]).concat(dtypesOf(row).map((dtype) => ({ shapes: [[3, 0]], attrs: { axes: [1] }, dtypes: [dtype] })));
