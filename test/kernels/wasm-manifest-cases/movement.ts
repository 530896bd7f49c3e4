/** @file Cases of the dialects `shape` and `type`. */
import { type DType, hostTensor, isFloat, roundedTensor } from "../../../ir-spec/index.ts";
import { type CasesOf, countOf, dtypesOf, eachDtype, type RowCase, special, type Values } from "./row-case.ts";

const far = Number.MAX_SAFE_INTEGER;

/** From either end of an axis of 6. */
const indices: Values = (operand, dtype, shape, random) => {
  if (operand !== 1) return null;
  const places = Array.from({ length: countOf(shape) }, () => random.int(-6, 5));
  return dtype === "i64" ? hostTensor(dtype, shape, BigInt64Array.from(places, BigInt)) : hostTensor(dtype, shape, Int32Array.from(places));
};

/** Dtypes of the same width. */
const bitTwins: { readonly [D in DType]?: readonly DType[] } = {
  f32: ["i32", "u32"],
  i64: ["f64", "u64"],
  i8: ["u8"],
  f16: ["i16", "bf16"],
  bool: ["u8"],
  i4: ["u4"],
};

/** Floats with every special value, halves and far beyond any integer; integers of many sizes, those that no f32 holds among them. */
const castValues: Values = (_, dtype, shape, random) => {
  const length = countOf(shape);
  if (isFloat(dtype)) {
    const number = (_: unknown, i: number) => special[i] ?? (random.unit() - 0.5) * 2 ** random.int(-20, 70);
    return roundedTensor(dtype, shape, Float64Array.from({ length }, number));
  }
  const wide = () => BigInt(random.int(-(2 ** 20), 2 ** 20)) * (1n << BigInt(random.int(0, 43))) + BigInt(random.int(-9, 9));
  if (dtype === "i64") return hostTensor("i64", shape, BigInt64Array.from({ length }, wide));
  return dtype === "u64" ? hostTensor("u64", shape, BigUint64Array.from({ length }, wide)) : null;
};

const concats = (dtype: DType): readonly RowCase[] => {
  const cases: readonly RowCase[] = [
    {
      shapes: [
        ["N", 3],
        ["N", 1],
        ["N", 5],
      ],
      attrs: { axis: 1 },
    },
    {
      shapes: [
        ["N", 2, 3],
        [2, 2, 3],
      ],
      attrs: { axis: 0 },
    },
    { shapes: [[2, 3, 4], [2, 1, 4]], attrs: { axis: -2 } }, // biome-ignore format: one case a line
    { shapes: [[4]], attrs: { axis: 0 } },
  ];
  return cases.map((one) => ({ ...one, dtypes: one.shapes.map(() => dtype) }));
};

export const movementCases: { readonly [op: string]: CasesOf } = {
  "shape.reshape": (row) =>
    eachDtype(row, [
      { shapes: [["N", 2, 6]], attrs: { shape: [0, 3, 4] } },
      { shapes: [[4, 2]], attrs: { shape: [2, -1, 4] } },
    ]),
  "shape.transpose": (row) =>
    eachDtype(row, [
      { shapes: [["N", 5, 3]], attrs: { perm: [0, 2, 1] } },
      { shapes: [["N", 2, 3, 4]], attrs: { perm: [0, 2, 3, 1] } },
      { shapes: [[2, 1, 3, 2, 2, 3]], attrs: { perm: [5, 3, 1, 4, 2, 0] } },
      { shapes: [[2, 2, 3, 2, 2, 3, 2, 2]], attrs: { perm: [7, 5, 3, 1, 6, 4, 2, 0] } },
      { shapes: [[]], attrs: { perm: [] } },
    ]),
  "shape.broadcast": (row) =>
    eachDtype(row, [
      { shapes: [[3, 1, 2]], attrs: { shape: [3, 4, 2] } },
      { shapes: [[2]], attrs: { shape: [3, 2] } },
      { shapes: [[]], attrs: { shape: [2, 3] } },
    ]),
  "shape.concat": (row) =>
    (row.operands[0]?.dtypes ?? []).flatMap((dtype, i) =>
      i === 0
        ? concats(dtype)
        : concats(dtype)
            .slice(i % 4)
            .slice(0, 1),
    ),
  "shape.slice": (row) =>
    eachDtype(row, [
      { shapes: [["N", 7, 4]], attrs: { starts: [1, -3], ends: [6, far], axes: [1, 2] } },
      { shapes: [["N", 7, 4]], attrs: { starts: [-1, 3], ends: [-far, 0], axes: [1, -1], steps: [-2, -1] } },
      { shapes: [[5, 3]], attrs: { starts: [4, 1], ends: [0, 1], steps: [-1, 1] } },
      { shapes: [["N", 6]], attrs: { starts: [0], ends: [far], steps: [2] } },
      { shapes: [[5, 3]], attrs: { starts: [far, -far], ends: [-far, far], steps: [-1, 2] } },
    ]),
  "shape.pad": (row) =>
    eachDtype(row, [
      { shapes: [["N", 3, 2]], attrs: { before: [0, 1, 2], after: [0, 0, 1] } },
      { shapes: [["N", 3]], attrs: { before: [2, 0], after: [1, 3], value: 1 } },
      { shapes: [[]], attrs: { before: [], after: [], value: 1 } },
    ]),
  "shape.gather": (row) =>
    eachDtype(row, [
      {
        shapes: [
          [6, 3],
          ["N", 2],
        ],
        attrs: { axis: 0 },
        values: indices,
      },
      { shapes: [["N", 6, 3], [4]], attrs: { axis: 1 }, values: indices },
      { shapes: [[2, 6], []], attrs: { axis: -1 }, values: indices },
    ]),
  "type.unpack": () => [{ shapes: [["N", 7]] }, { shapes: [[]] }, { shapes: [[16]] }],
  "type.cast": (row) =>
    dtypesOf(row).flatMap((dtype, i): readonly RowCase[] => [
      { shapes: [["N", 13]], attrs: { to: row.results?.[0] }, dtypes: [dtype], values: castValues },
      ...(i === 0 ? [{ shapes: [[]], attrs: { to: row.results?.[0] }, dtypes: [dtype] }] : []),
    ]),
  "type.bitcast": (row) =>
    dtypesOf(row).flatMap((dtype) =>
      (bitTwins[dtype] ?? []).map((to): RowCase => ({ shapes: [["N", 7]], attrs: { to }, dtypes: [dtype] })),
    ),
};
