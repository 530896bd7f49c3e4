/** @file One way to test a row of the wasm manifest, and values that several ops share. */
import { type AttrInput, type DType, type HostTensor, hostTensor } from "../../../ir-spec/index.ts";
import type { KernelRow } from "../../../runtime/manifest.ts";
import type { CaseDim } from "../../support/op-module.ts";
import type { Seeded } from "../../support/seeded.ts";

export interface RowCase {
  readonly attrs?: AttrInput;
  /** Per operand, with the batch symbol N; null: absent. */
  readonly shapes: readonly (readonly CaseDim[] | null)[];
  /** Instead of the row's first dtype. */
  readonly dtypes?: readonly (DType | undefined)[];
  /** Values of an operand; null: random. */
  readonly values?: Values;
  /** Size below which errors count as absolute: sums cancel. Default 0: relative errors only. */
  readonly floor?: number;
}

export type Values = (operand: number, dtype: DType, shape: readonly number[], random: Seeded) => HostTensor | null;
export type CasesOf = (row: KernelRow) => readonly RowCase[];

export const dtypesOf = (row: KernelRow, operand = 0): readonly DType[] => row.operands[operand]?.dtypes ?? [];

/** Every case for the first dtype of the row, and one, in turn, for each of the others. */
export const eachDtype = (row: KernelRow, cases: readonly RowCase[]): readonly RowCase[] =>
  dtypesOf(row).flatMap((dtype, i) =>
    (i === 0 ? cases : cases.slice(i % cases.length).slice(0, 1)).map((one) => ({ ...one, dtypes: [dtype] })),
  );

export const special: readonly number[] = [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 100, -100, Infinity, -Infinity, Number.NaN];

export const floats = (values: readonly number[], shape: readonly number[] = [values.length]): HostTensor =>
  hostTensor("f32", shape, Float32Array.from(values));

/** f of uniform numbers in [0, 1). */
export function scaled(random: Seeded, shape: readonly number[], f: (unit: number) => number): HostTensor {
  const count = countOf(shape);
  return hostTensor(
    "f32",
    shape,
    Float32Array.from({ length: count }, () => f(random.unit())),
  );
}

export const countOf = (shape: readonly number[]): number => shape.reduce((n, size) => n * size, 1);

/** f32 of few different values, so that many are equal. */
export const coarse: Values = (_, dtype, shape, random) => (dtype === "f32" ? scaled(random, shape, (u) => Math.floor(u * 4) - 2) : null);
