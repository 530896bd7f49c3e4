/** @file Cases of the ops that read and write by index. */
import { type DType, type HostTensor, hostTensor } from "../../../ir-spec/index.ts";
import type { KernelRow } from "../../../runtime/manifest.ts";
import { type CasesOf, coarse, countOf, dtypesOf, eachDtype, floats, type RowCase, special, type Values } from "./row-case.ts";

/** Whole numbers, of a dtype that an index may have. */
const integers = (dtype: DType, shape: readonly number[], values: readonly number[]): HostTensor =>
  dtype === "i64" ? hostTensor(dtype, shape, BigInt64Array.from(values, BigInt)) : hostTensor(dtype, shape, Int32Array.from(values));

/** Of operand `at` from either end of axes of these sizes, in turn; data of few different values, so that sums are exact. */
const places =
  (at: number, ...sizes: readonly number[]): Values =>
  (operand, dtype, shape, random) => {
    if (operand !== at) return coarse(operand, dtype, shape, random);
    const draw = (_: unknown, i: number) => {
      const size = sizes[i % sizes.length] as number;
      return random.int(-size, size - 1);
    };
    return integers(dtype, shape, Array.from({ length: countOf(shape) }, draw));
  };

/** Every case with the first dtype of the data, one in turn with the others; indices of both widths. */
function spreadDtypes(row: KernelRow, cases: readonly RowCase[], index = 1): readonly RowCase[] {
  const data = index === 0 ? 1 : 0;
  const indexTypes = dtypesOf(row, index);
  return dtypesOf(row, data).flatMap((dtype, i) =>
    (i === 0 ? cases : cases.slice(i % cases.length).slice(0, 1)).map((one, j) => ({
      ...one,
      dtypes: one.shapes.map((_, operand) => (operand === index ? indexTypes[(i + j) % indexTypes.length] : dtype)),
    })),
  );
}

const reductionsOf = (row: KernelRow): readonly string[] => (row.when?.[0]?.oneOf ?? []).map(String);

export const indexingCases: { readonly [op: string]: CasesOf } = {
  "shape.gather_elements": (row) =>
    spreadDtypes(row, [
      { shapes: [["N", 5, 3], ["N", 4, 3]], attrs: { axis: 1 }, values: places(1, 5) }, // biome-ignore format: one case a line
      { shapes: [[6, 3, 2], [9, 2, 1]], attrs: { axis: 0 }, values: places(1, 6) }, // biome-ignore format: one case a line
      { shapes: [["N", 7], ["N", 4]], attrs: { axis: -1 }, values: places(1, 7) }, // biome-ignore format: one case a line
      { shapes: [[4], [0]], attrs: { axis: 0 }, values: places(1, 4) },
    ]),
  "shape.gather_nd": (row) =>
    spreadDtypes(row, [
      {
        shapes: [
          [4, 3, 2],
          ["N", 3],
        ],
        values: places(1, 4, 3, 2),
      },
      { shapes: [[4, 3, 5], ["N", 2, 1]], values: places(1, 4) }, // biome-ignore format: one case a line
      { shapes: [["N", 3, 4], ["N", 2, 1]], attrs: { batch: 1 }, values: places(1, 3) }, // biome-ignore format: one case a line
      { shapes: [["N", 2, 3, 4], ["N", 2, 2]], attrs: { batch: 2 }, values: places(1, 3, 4) }, // biome-ignore format: one case a line
      {
        shapes: [
          [3, 2],
          [2, 0],
        ],
      },
    ]),
  "shape.scatter_elements": (row) =>
    reductionsOf(row).flatMap((reduction) =>
      spreadDtypes(row, [
        { shapes: [["N", 5, 3], ["N", 4, 3], ["N", 4, 3]], attrs: { axis: 1, reduction }, values: places(1, 5) }, // biome-ignore format: one case a line
        { shapes: [[6, 3, 2], [9, 2, 1], [9, 2, 1]], attrs: { axis: 0, reduction }, values: places(1, 6) }, // biome-ignore format: one case a line
      ]),
    ),
  "shape.scatter_nd": (row) =>
    reductionsOf(row).flatMap((reduction) =>
      spreadDtypes(row, [
        { shapes: [[4, 3, 5], ["N", 2, 1], ["N", 2, 3, 5]], attrs: { reduction }, values: places(1, 4) }, // biome-ignore format: one case a line
        { shapes: [[4, 3, 2], ["N", 2], ["N", 2]], attrs: { reduction }, values: places(1, 4, 3) }, // biome-ignore format: one case a line
      ]),
    ),
  "reduce.top_k": (row) =>
    eachDtype(row, [
      { shapes: [["N", 40, 3]], attrs: { k: 7, axis: 1 }, values: coarse },
      { shapes: [[2, 33]], attrs: { k: 33, axis: -1, largest: false }, values: coarse },
      { shapes: [["N", 2, 5]], attrs: { k: 1, axis: 2 } },
      { shapes: [[special.length]], attrs: { k: 9 }, values: () => floats(special) },
      { shapes: [[special.length]], attrs: { k: 9, largest: false }, values: () => floats(special) },
    ]).filter(({ dtypes, attrs }) => dtypes?.[0] === "f32" || attrs?.k !== 9),
  "shape.scatter_add": (row) =>
    spreadDtypes(
      row,
      [
        { shapes: [["N"], ["N", 3]], attrs: { size: 4 }, values: places(0, 4) }, // biome-ignore format: one case a line
        { shapes: [[2, 3], ["N", 2, 3, 2]], attrs: { size: 5, axis: 1 }, values: places(0, 5) }, // biome-ignore format: one case a line
        { shapes: [[], [4]], attrs: { size: 2, axis: 0 }, values: places(0, 2) },
      ],
      0,
    ),
};
