/** @file Cases of what rebuilds weights: quantization, codebooks, sparsity. */
import { type AttrInput, type DType, type HostTensor, hostTensor } from "../../../ir-spec/index.ts";
import type { KernelRow } from "../../../runtime/manifest.ts";
import type { CaseDim } from "../../support/op-module.ts";
import type { Seeded } from "../../support/seeded.ts";
import { type CasesOf, countOf, dtypesOf, type RowCase, scaled, type Values } from "./row-case.ts";

/** Shape, scale's shape, attributes: scalar, per axis, blocked. */
const scalings: readonly (readonly [readonly CaseDim[], readonly number[], AttrInput])[] = [
  [["N", 7, 3], [], {}],
  [["N", 7, 3], [7], { axis: 1 }],
  [["N", 7, 3], [3], { axis: -1 }],
  [[2, 7, 3], [2, 4, 3], { axis: 1, block: 2 }],
  [[3, 34], [3, 3], { axis: 1, block: 16 }],
];

/** Positive scales; inputs of `quantize` in and beyond the range; 32-bit codes where f32 holds their differences. */
const affineValues: Values = (operand, dtype, shape, random) => {
  if (operand === 1) return scaled(random, shape, (u) => 0.01 + u);
  if (dtype === "f32") return random.tensor("f32", shape, 300);
  if (dtype !== "i32") return null;
  return hostTensor(
    "i32",
    shape,
    Int32Array.from({ length: countOf(shape) }, () => random.int(-4e6, 4e6)),
  );
};

/** Each scaling without and with a zero point. */
function affine(row: KernelRow, to: AttrInput): readonly RowCase[] {
  const [x, code] = [dtypesOf(row)[0], dtypesOf(row, 2)[0]];
  return scalings.flatMap(([shape, scale, attrs]) =>
    [null, scale].map(
      (zero): RowCase => ({ shapes: [shape, scale, zero], attrs: { ...attrs, ...to }, dtypes: [x, "f32", code], values: affineValues }),
    ),
  );
}

function lookup(table: DType, codes: DType, shape: readonly CaseDim[], entry: readonly number[] = []): RowCase {
  const entries = codes === "u1" ? 2 : codes === "u2" ? 4 : 7;
  const values: Values = (operand, dtype, sizes, random) => (operand === 1 ? below(entries, dtype, sizes, random) : null);
  return { shapes: [[entries, ...entry], shape], dtypes: [table, codes], values };
}

function below(end: number, dtype: DType, shape: readonly number[], random: Seeded): HostTensor {
  const codes = hostTensor(dtype, shape);
  for (let i = 0; i < codes.data.length; i++) codes.data[i] = random.int(0, end - 1);
  return codes;
}

function masked(shape: readonly number[], ones: number, values: DType): RowCase {
  const index: Values = (operand, dtype, [n = 0]) => (operand === 1 ? maskOf(dtype, n, ones) : null);
  return { shapes: [[ones], [countOf(shape)]], attrs: { shape, format: "mask" }, dtypes: [values, "u1"], values: index };
}

/** `ones` bits spread over n. */
function maskOf(dtype: DType, n: number, ones: number): HostTensor {
  const mask = hostTensor(dtype, [n]);
  for (let k = 0; k < ones; k++) mask.data[Math.floor((k * n) / ones)] = 1;
  return mask;
}

interface Groups {
  readonly shape: readonly number[];
  readonly n: number;
  readonly m: number;
  readonly axis: number;
}

function grouped(groups: Groups, values: DType, index: DType): RowCase {
  const stored = (countOf(groups.shape) / groups.m) * groups.n;
  const places: Values = (operand, dtype, _, random) => (operand === 1 ? ascendingPlaces(dtype, stored, groups, random) : null);
  return { shapes: [[stored], [stored]], attrs: { ...groups, format: "nm" }, dtypes: [values, index], values: places };
}

function ascendingPlaces(dtype: DType, count: number, { shape, n, m, axis }: Groups, random: Seeded): HostTensor {
  const inner = countOf(shape.slice(axis + 1));
  const kept = ((shape[axis] ?? 0) / m) * n;
  const index = hostTensor(dtype, [count]);
  for (let i = 0; i < count; i++) {
    const k = (Math.floor(i / inner) % kept) % n;
    const least = k === 0 ? 0 : (index.data[i - inner] as number) + 1;
    index.data[i] = random.int(least, m - n + k);
  }
  return index;
}

const expansions: CasesOf = (row) =>
  dtypesOf(row).flatMap((values, i) => {
    const masks = [masked([3, 7], 8, values), masked([2, 3, 5], 30, values), masked([5], 1, values)];
    const formats = dtypesOf(row, 1).filter((dtype) => dtype !== "u1");
    const groups = formats.map((dtype, k) =>
      grouped((i + k) % 2 === 0 ? { shape: [3, 8], n: 2, m: 4, axis: 1 } : { shape: [8, 5], n: 1, m: 2, axis: 0 }, values, dtype),
    );
    return i === 0 || formats.length === 0 ? [...masks, ...groups] : [masks[i % 3] as RowCase, groups[i % groups.length] as RowCase];
  });

export const weightCases: { readonly [op: string]: CasesOf } = {
  "quant.dequantize": (row) => affine(row, {}),
  "quant.quantize": (row) => affine(row, { to: row.results?.[0] }),
  "codebook.lookup": (row) =>
    dtypesOf(row).flatMap((table, i) =>
      dtypesOf(row, 1).flatMap((codes, k) => [
        lookup(table, codes, (i + k) % 2 === 0 ? ["N", 5] : [3, 3, 3]),
        lookup(table, codes, ["N", 5], (i + k) % 2 === 0 ? [4] : [1, 3]),
      ]),
    ),
  "sparse.expand": expansions,
};
