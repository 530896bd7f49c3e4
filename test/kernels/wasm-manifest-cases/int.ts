/** @file Cases of the dialect `int`: zero points at the ends, both dtypes, odd channel counts, results that saturate and that do not. */
import { type AttrInput, type DType, type HostTensor, hostTensor } from "../../../ir-spec/index.ts";
import type { KernelRow } from "../../../runtime/manifest.ts";
import type { CaseDim } from "../../support/op-module.ts";
import type { Seeded } from "../../support/seeded.ts";
import { type CasesOf, countOf, dtypesOf, type RowCase, type Values } from "./row-case.ts";

type Shape = readonly CaseDim[];

const integers = (shape: readonly number[], next: () => number): HostTensor =>
  hostTensor("i32", shape, Int32Array.from({ length: countOf(shape) }, next));

/** A multiplier of the contract: often 2^30, with which sums fall on ties, and sometimes 0. */
function multiplierOf(random: Seeded): number {
  const unit = random.unit();
  return unit < 0.05 ? 0 : unit < 0.5 ? 2 ** 30 : random.int(2 ** 30, 2 ** 31 - 1);
}

/** Bias, multipliers, and shifts about `middle`: sums of that many bits fill a byte. */
const layerValues =
  (middle: number): Values =>
  (operand, _, shape, random: Seeded) => {
    if (operand === 2) return integers(shape, () => random.int(-20000, 20000));
    if (operand === 3) return integers(shape, () => multiplierOf(random));
    return operand === 4 ? integers(shape, () => random.int(middle - 2, middle + 2)) : null;
  };

/** Zero points by case number: the middle, the ends, anything. */
function zeros(dtype: DType, i: number): number {
  const least = dtype === "u8" ? 0 : -128;
  return least + ([128, 0, 255, 113, 131][i % 5] as number);
}

const resultOf = (row: KernelRow): DType => row.results?.[0] ?? "i8";

function output(row: KernelRow, i: number): AttrInput {
  const to = resultOf(row);
  const zero = zeros(to, i + 3);
  const clamp = [{}, { min: zero }, { min: zeros(to, 0) - 20, max: zeros(to, 0) + 30 }][i % 3] ?? {};
  return { to, y_zero: zero, ...clamp };
}

interface Layer {
  readonly shapes: readonly [x: Shape, weight: Shape, bias: Shape | null, scale: Shape];
  readonly attrs?: AttrInput;
  /** Bits of the shift for sums that mostly fit; default by the number of products. */
  readonly shift?: number;
}

function layers(row: KernelRow, cases: readonly Layer[]): readonly RowCase[] {
  return dtypesOf(row).flatMap((dtype, d) =>
    cases.map(({ shapes: [x, weight, bias, scale], attrs, shift }, i): RowCase => {
      const products = countOf(weight.slice(1) as readonly number[]);
      return {
        shapes: [x, weight, bias, scale, scale],
        attrs: { ...attrs, x_zero: zeros(dtype, i + d), ...output(row, i + d) },
        dtypes: [dtype, "i8", "i32", "i32", "i32"],
        values: layerValues(shift ?? 38 + Math.round(Math.log2(products) / 2)),
      };
    }),
  );
}

// biome-ignore format: one case a line
const planes: readonly Layer[] = [
  { shapes: [["N", 3, 9, 8], [4, 3, 3, 3], [4], [4]] },
  { shapes: [["N", 4, 17, 16], [9, 4, 3, 3], [9], [9]], attrs: { pad: [1, 1, 1, 1] } },
  { shapes: [["N", 5, 9, 13], [5, 5, 3, 2], null, []], attrs: { stride: [2, 1], pad: [1, 0, 2, 1], dilation: [1, 2] } },
  { shapes: [["N", 7, 5, 19], [3, 7, 1, 1], [3], []] },
  { shapes: [["N", 6, 8, 20], [6, 6, 1, 1], [6], [6]], attrs: { stride: [2, 2] } },
  { shapes: [["N", 2, 11, 37], [8, 2, 3, 3], [8], [8]], attrs: { stride: [2, 2], pad: [1, 1, 1, 1] } },
  { shapes: [["N", 3, 8, 23], [5, 3, 2, 4], null, [5]], attrs: { stride: [3, 3], pad: [2, 3, 1, 5], dilation: [2, 2] } },
  { shapes: [["N", 1, 12, 12], [6, 1, 5, 5], [6], [6]], attrs: { pad: [2, 2, 2, 2] } },
  { shapes: [["N", 1, 7, 9], [2, 1, 1, 1], [2], [2]] },
  { shapes: [[1, 64, 6, 6], [12, 64, 3, 3], [12], [12]], attrs: { pad: [1, 1, 1, 1] } },
  { shapes: [[1, 200, 40, 10], [4, 200, 1, 1], [4], [4]] },
  { shapes: [["N", 2, 4, 4], [3, 2, 3, 3], [3], [3]], shift: 29 },
];

// biome-ignore format: one case a line
const lines: readonly Layer[] = [
  { shapes: [["N", 2, 17], [3, 2, 4], [3], [3]], attrs: { stride: [3], pad: [2, 1], dilation: [2] } },
  { shapes: [["N", 5, 40], [6, 5, 3], null, []], attrs: { pad: [1, 1] } },
  { shapes: [["N", 1, 33], [5, 1, 7], [5], [5]], attrs: { stride: [2] } },
];

// biome-ignore format: one case a line
const grouped: readonly Layer[] = [
  { shapes: [["N", 4, 7, 7], [6, 2, 3, 3], [6], [6]], attrs: { groups: 2, pad: [1, 1, 1, 1] } },
  { shapes: [["N", 4, 7, 21], [4, 1, 3, 3], [4], [4]], attrs: { groups: 4, pad: [1, 1, 1, 1] } },
  { shapes: [["N", 3, 9, 34], [6, 1, 3, 4], null, [6]], attrs: { groups: 3, pad: [0, 2, 1, 0], stride: [2, 2] } },
  { shapes: [["N", 5, 9, 9], [5, 1, 5, 5], [5], []], attrs: { groups: 5, dilation: [2, 2], pad: [4, 4, 4, 4] } },
  { shapes: [["N", 3, 11], [3, 1, 3], null, [3]], attrs: { groups: 3, pad: [1, 1] } },
  { shapes: [["N", 6, 11], [9, 2, 3], [9], [9]], attrs: { groups: 3, stride: [2] } },
  { shapes: [["N", 3, 6, 6], [5, 3, 3, 3], [5], [5]], attrs: { pad: [1, 1, 1, 1] } },
];

// biome-ignore format: one case a line
const products: readonly Layer[] = [
  { shapes: [["N", 7], [5, 7], [5], [5]] },
  { shapes: [[2, "N", 20], [33, 20], null, []] },
  { shapes: [[16], [16, 16], [16], [16]] },
  { shapes: [[39, 65], [9, 65], [9], [9]] },
  { shapes: [["N", 1], [8, 1], [8], [8]] },
  { shapes: [["N", 130], [3, 130], [3], [3]], shift: 30 },
];

function convs(row: KernelRow): readonly RowCase[] {
  if (row.id === "i8_conv_grouped") return layers(row, grouped);
  return layers(row, row.operands[0]?.ranks?.[0] === 3 ? lines : planes);
}

/** Each case for both dtypes of x, with the attributes of its zero points and result. */
function unary(row: KernelRow, cases: readonly { readonly shape: Shape; readonly attrs: AttrInput }[]): readonly RowCase[] {
  return dtypesOf(row).flatMap((dtype, d) =>
    cases.map(({ shape, attrs }, i) => ({
      shapes: [shape],
      attrs: { ...attrs, x_zero: zeros(dtype, i + d), ...output(row, i + d) },
      dtypes: [dtype],
    })),
  );
}

/** About the factor 1 / count: exactly a power of two, which makes ties, where the count is one. */
function over(count: number): AttrInput {
  const exact = Number.isInteger(Math.log2(count));
  return { multiplier: exact ? 2 ** 30 : Math.floor(1.7 * 2 ** 30), shift: 30 + Math.round(Math.log2(count)) };
}

const additions: readonly (readonly [Shape, Shape])[] = [
  [["N", 35], ["N", 35]],
  [["N", 3, 20], [20]],
  [[3], ["N", 5, 3]],
  [["N", 4, 5], [4, 1]],
  [[], ["N", 33]],
  [[2, 3, 1, 4, 1], [2, 1, 3, 1, 17]],
]; // biome-ignore format: one pair a line

const adds: CasesOf = (row) =>
  dtypesOf(row).flatMap((a, d) =>
    dtypesOf(row, 1).flatMap((b, e) =>
      additions.map(([x, y], i) => {
        const shift = [0, 19, 20, 29][i % 4] as number;
        const [first, second] = [Math.min(2 ** 21, Math.floor(0.6 * 2 ** shift) + 1), Math.min(2 ** 21, Math.floor(1.3 * 2 ** shift))];
        const factors = { a_zero: zeros(a, i + d), b_zero: zeros(b, i + e + 1), a_multiplier: first, b_multiplier: second, shift };
        return { shapes: [x, y], dtypes: [a, b], attrs: { ...factors, ...output(row, i) } };
      }),
    ),
  );

export const intCases: { readonly [op: string]: CasesOf } = {
  "int.linear": (row) => layers(row, products),
  "int.conv": convs,
  "int.add": adds,
  "int.requantize": (row) =>
    unary(row, [
      { shape: ["N", 37], attrs: { multiplier: 2 ** 21, shift: 21 } },
      { shape: ["N", 3, 16], attrs: { multiplier: 700001, shift: 20 } },
      { shape: [5], attrs: { multiplier: 3, shift: 1 } },
      { shape: [], attrs: { multiplier: 2, shift: 0 } },
      { shape: [50], attrs: { multiplier: 2 ** 21, shift: 29 } },
    ]),
  "int.lookup": (row) =>
    dtypesOf(row).flatMap((dtype) =>
      ([["N", 21], [], [300]] as const).map((shape) => ({ shapes: [shape, [256]], dtypes: [dtype, resultOf(row)] })),
    ),
  "int.avg_pool": (row) =>
    unary(row, [
      { shape: ["N", 3, 9, 8], attrs: { kernel: [2, 2], stride: [2, 2], ...over(4) } },
      { shape: ["N", 3, 9, 21], attrs: { kernel: [3, 3], pad: [1, 2, 0, 1], ceil: true, stride: [2, 3], ...over(9) } },
      { shape: ["N", 2, 17], attrs: { kernel: [4], stride: [3], pad: [1, 2], ...over(4) } },
      { shape: [2, 3, 16, 16], attrs: { kernel: [16, 16], ...over(256) } },
    ]),
  "int.mean": (row) =>
    unary(row, [
      { shape: ["N", 3, 9, 8], attrs: { axes: [2, 3], ...over(72) } },
      { shape: ["N", 3, 5, 4], attrs: { axes: [1], keepdims: true, ...over(3) } },
      { shape: ["N", 7, 19], attrs: { axes: [-1], ...over(19) } },
      { shape: [6, "N", 5], attrs: { axes: [0, 2], ...over(30) } },
      { shape: [3, 4, 5, 6], attrs: { axes: [0, 2], ...over(15) } },
      { shape: [40], attrs: { axes: [], multiplier: 2 ** 30, shift: 31 } },
    ]),
};
