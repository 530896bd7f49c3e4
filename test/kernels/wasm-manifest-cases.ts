/**
 * @file Inputs for every row of the wasm manifest, by op: shapes (with the batch symbol N), attributes, and values where random ones would not do. Dtypes come from the row. An op
 * without an entry here has no test, and fails wasm-manifest.test.ts.
 */
import { type AttrInput, type DType, type HostTensor, hostTensor, isFloat } from "../../ir-spec/index.ts";
import type { KernelRow } from "../../runtime/manifest.ts";
import type { CaseDim } from "../support/op-module.ts";
import type { Seeded } from "../support/seeded.ts";

export interface RowCase {
  readonly attrs?: AttrInput;
  /** Per operand; null: absent. */
  readonly shapes: readonly (readonly CaseDim[] | null)[];
  /** Instead of the row's first dtype. */
  readonly dtypes?: readonly (DType | undefined)[];
  /** Values of an operand; null: random. */
  readonly values?: (operand: number, dtype: DType, shape: readonly number[], random: Seeded) => HostTensor | null;
  /** Sizes below which errors count as absolute: sums cancel. Default 0: relative errors only. */
  readonly floor?: number;
  /** The op's own inputs allow no definition from constants (an index that must fit the batch). */
  readonly skipDerived?: true;
}

type CasesOf = (row: KernelRow) => readonly RowCase[];

const dtypesOf = (row: KernelRow, operand = 0): readonly DType[] => row.operands[operand]?.dtypes ?? [];
/** Each case once for every dtype of an operand. */
const eachDtype = (row: KernelRow, cases: readonly RowCase[]): readonly RowCase[] =>
  dtypesOf(row).flatMap((dtype) => cases.map((one) => ({ ...one, dtypes: [dtype] })));

const special = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  100,
  -100,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
] as const;

function floats(values: readonly number[]): HostTensor {
  return hostTensor("f32", [values.length], Float32Array.from(values));
}

const unary: CasesOf = () => [
  { shapes: [["N", 5, 3]] },
  { shapes: [[]] },
  { shapes: [[special.length]], values: () => floats(special) },
  { shapes: [["N", 37]], values: (_, dtype, shape, random) => random.tensor(dtype, shape, 20) },
];

/** Of the logarithm and the square root: no negative values, where both give NaN. */
const positive: CasesOf = () => [
  { shapes: [["N", 37]], values: (_, __, shape, random) => scaled(random, shape, (u) => 0.001 + u * 100) },
  { shapes: [[special.length]], values: () => floats(special) },
];

function scaled(random: Seeded, shape: readonly number[], f: (unit: number) => number): HostTensor {
  const count = shape.reduce((n, size) => n * size, 1);
  return hostTensor(
    "f32",
    shape,
    Float32Array.from({ length: count }, () => f(random.unit())),
  );
}

const broadcasts: readonly (readonly [readonly CaseDim[], readonly CaseDim[]])[] = [
  [
    ["N", 5, 3],
    ["N", 5, 3],
  ],
  [["N", 5, 3], []],
  [[], ["N", 7]],
  [["N", 5, 3], [3]],
  [
    ["N", 5, 1],
    ["N", 1, 3],
  ],
  [
    [4, 1, 3, 1],
    ["N", 1, 1, 2],
  ].map((shape) => shape as readonly CaseDim[]) as [readonly CaseDim[], readonly CaseDim[]],
  [
    ["N", 6, 4, 4],
    [6, 1, 1],
  ],
].filter((pair): pair is [readonly CaseDim[], readonly CaseDim[]] => pair[0]?.[0] !== 4);

const binary: CasesOf = () => [
  ...broadcasts.map(([a, b]) => ({ shapes: [a, b], values: awayFromZero })),
  {
    shapes: [[special.length, 1], [special.length]],
    values: (operand) => hostTensor("f32", operand === 0 ? [special.length, 1] : [special.length], Float32Array.from(special)),
  },
];

/** Divisors and bases that lose no digits; pow takes positive bases. */
function awayFromZero(_: number, __: DType, shape: readonly number[], random: Seeded): HostTensor {
  return scaled(random, shape, (u) => 0.25 + 2 * u);
}

const cancelling: CasesOf = () => broadcasts.map(([a, b]) => ({ shapes: [a, b], floor: 1 }));

/** Few different values, so that many are equal. */
const coarse: RowCase["values"] = (_, dtype, shape, random) =>
  dtype === "f32" ? scaled(random, shape, (u) => Math.floor(u * 4) - 2) : null;

const comparison: CasesOf = () => [
  ...broadcasts.map(([a, b]) => ({ shapes: [a, b], values: coarse })),
  ...binary({ id: "", op: "", operands: [], cost: { launch: 0, macNs: 0, byteNs: 0, opNs: 0 } }).slice(-1),
];

const softmax: CasesOf = () => [
  { shapes: [["N", 10]] },
  { shapes: [["N", 5, 3]], attrs: { axis: 1 } },
  { shapes: [[3, 17]], attrs: { axis: -1 }, values: (_, dtype, shape, random) => random.tensor(dtype, shape, 80), floor: 1 },
  { shapes: [["N", 4]], attrs: { axis: 0 }, floor: 1 },
];

const reduction: CasesOf = () =>
  [
    { shapes: [["N", 5, 3]], attrs: { axes: [2] } },
    { shapes: [["N", 5, 3]], attrs: { axes: [1], keepdims: true } },
    { shapes: [["N", 4, 3, 33]], attrs: { axes: [-1, -2] } },
    { shapes: [["N", 4, 3, 5]], attrs: { axes: [1, 3] } },
    { shapes: [[2, 4, 3, 5]], attrs: { axes: [0, 2], keepdims: true } },
    { shapes: [["N", 1, 5]], attrs: { axes: [] } },
    { shapes: [[3, 1, 5]], attrs: { axes: [0, 2] } },
    { shapes: [[]], attrs: { axes: [] } },
    { shapes: [[3, 4, 2]], attrs: { axes: [0, 1, 2] } },
  ].map((one) => ({ ...one, floor: 1 })) as readonly RowCase[];

const image = [["N", 3, 9, 8] as const, ["N", 2, 17] as const];

const convs: readonly RowCase[] = [
  { shapes: [["N", 3, 9, 8], [4, 3, 3, 3], [4]], attrs: {} },
  { shapes: [["N", 3, 9, 8], [5, 3, 3, 2], null], attrs: { stride: [2, 1], pad: [1, 0, 2, 1], dilation: [1, 2], activation: "relu" } },
  { shapes: [["N", 4, 7, 7], [6, 2, 1, 1], [6]], attrs: { groups: 2, activation: "relu6" } },
  { shapes: [["N", 4, 7, 7], [4, 1, 3, 3], [4]], attrs: { groups: 4, pad: [1, 1, 1, 1] } },
  { shapes: [["N", 4, 7, 9], [8, 1, 3, 3], null], attrs: { groups: 4, pad: [0, 2, 1, 0], stride: [2, 2], activation: "relu" } },
  { shapes: [["N", 1, 7, 7], [3, 1, 5, 5], [3]], attrs: {} },
  { shapes: [["N", 2, 17], [3, 2, 4], [3]], attrs: { stride: [3], pad: [2, 1], dilation: [2] } },
  { shapes: [["N", 3, 11], [3, 1, 3], null], attrs: { groups: 3, pad: [1, 1] } },
];

const linear: CasesOf = () =>
  ["none", "relu", "relu6"].flatMap((activation) => [
    { shapes: [["N", 7], [5, 7], [5]] as const, attrs: { activation }, floor: 1 },
    { shapes: [[2, "N", 20], [33, 20], null] as const, attrs: { activation }, floor: 1 },
    { shapes: [[16], [16, 16], [16]] as const, attrs: { activation }, floor: 1 },
  ]);

/** A plain matrix on the right in every case: rows that pack it take no other. */
const matmulByMatrix: readonly RowCase[] = [
  {
    shapes: [
      ["N", 7],
      [7, 5],
    ],
    floor: 1,
  },
  {
    shapes: [
      ["N", 2, 20],
      [20, 33],
    ],
    floor: 1,
  },
  {
    shapes: [
      [2, "N", 3, 4],
      [4, 16],
    ],
    floor: 1,
  },
];

const matmul: CasesOf = (row) => [
  ...matmulByMatrix,
  ...(row.operands[1]?.pack
    ? []
    : ([
        { shapes: [[7], ["N", 7, 5]], floor: 1 },
        { shapes: [["N", 3, 7], [7]], floor: 1 },
        { shapes: [[7], [7]], floor: 1 },
        {
          shapes: [
            ["N", 3, 7],
            ["N", 7, 5],
          ],
          floor: 1,
        },
        {
          shapes: [
            ["N", 1, 3, 7],
            [4, 7, 5],
          ],
          floor: 1,
        },
        {
          shapes: [
            [1, 4, 3, 7],
            ["N", 1, 7, 2],
          ],
          floor: 1,
        },
        {
          shapes: [
            [3, 7],
            ["N", 2, 7, 5],
          ],
          floor: 1,
        },
      ] satisfies readonly RowCase[])),
];

const maxPools: CasesOf = () => [
  { shapes: [image[0] as readonly CaseDim[]], attrs: { kernel: [2, 2], stride: [2, 2] } },
  { shapes: [image[0] as readonly CaseDim[]], attrs: { kernel: [3, 2], pad: [1, 0, 1, 1], ceil: true, stride: [2, 3] } },
  { shapes: [image[0] as readonly CaseDim[]], attrs: { kernel: [2, 3], dilation: [2, 2] } },
  { shapes: [image[1] as readonly CaseDim[]], attrs: { kernel: [4], stride: [3], pad: [1, 2] } },
];

const avgPools: CasesOf = () => [
  { shapes: [image[0] as readonly CaseDim[]], attrs: { kernel: [2, 2], stride: [2, 2] }, floor: 1 },
  { shapes: [image[0] as readonly CaseDim[]], attrs: { kernel: [3, 3], pad: [1, 1, 1, 1], stride: [2, 3] }, floor: 1 },
  {
    shapes: [image[0] as readonly CaseDim[]],
    attrs: { kernel: [3, 3], pad: [1, 2, 0, 1], count_pad: true, ceil: true, stride: [2, 2] },
    floor: 1,
  },
  { shapes: [image[1] as readonly CaseDim[]], attrs: { kernel: [4], stride: [3], pad: [1, 2], ceil: true }, floor: 1 },
];

const transposes: CasesOf = (row) =>
  eachDtype(row, [
    { shapes: [["N", 5, 3]], attrs: { perm: [0, 2, 1] } },
    { shapes: [["N", 2, 3, 4]], attrs: { perm: [0, 2, 3, 1] } },
    { shapes: [[2, 1, 3, 2, 2, 3]], attrs: { perm: [5, 3, 1, 4, 2, 0] } },
    { shapes: [[]], attrs: { perm: [] } },
  ]);

const slices: CasesOf = (row) =>
  eachDtype(row, [
    { shapes: [["N", 7, 4]], attrs: { starts: [1, -3], ends: [6, Number.MAX_SAFE_INTEGER], axes: [1, 2] } },
    { shapes: [["N", 7, 4]], attrs: { starts: [-1, 3], ends: [-Number.MAX_SAFE_INTEGER, 0], axes: [1, -1], steps: [-2, -1] } },
    { shapes: [[5, 3]], attrs: { starts: [4, 1], ends: [0, 1], steps: [-1, 1] } },
    { shapes: [["N", 6]], attrs: { starts: [0], ends: [Number.MAX_SAFE_INTEGER], steps: [2] } },
  ]);

const concats: CasesOf = (row) =>
  eachDtype(row, [
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
    {
      shapes: [
        [2, 3, 4],
        [2, 1, 4],
      ],
      attrs: { axis: -2 },
    },
    { shapes: [[4]], attrs: { axis: 0 } },
  ]).map((one) => ({ ...one, dtypes: one.shapes.map(() => one.dtypes?.[0]) }));

const pads: CasesOf = (row) =>
  eachDtype(row, [
    { shapes: [["N", 3, 2]], attrs: { before: [0, 1, 2], after: [0, 0, 1] } },
    { shapes: [["N", 3]], attrs: { before: [2, 0], after: [1, 3], value: 1 } },
    { shapes: [[]], attrs: { before: [], after: [], value: 1 } },
  ]);

const gathers: CasesOf = (row) =>
  eachDtype(row, [
    {
      shapes: [
        [6, 3],
        ["N", 2],
      ],
      attrs: { axis: 0 },
    },
    { shapes: [["N", 6, 3], [4]], attrs: { axis: 1 } },
    { shapes: [[2, 6], []], attrs: { axis: -1 } },
  ]).map((one) => ({ ...one, values: indices }));

const indices: RowCase["values"] = (operand, dtype, shape, random) => {
  if (operand !== 1) return null;
  const chosen = random.tensor("i32", shape).data;
  const places = Array.from(chosen as Int32Array, (n) => (((n % 6) + 6) % 6) - (n % 2 === 0 ? 6 : 0));
  return dtype === "i64" ? hostTensor(dtype, shape, BigInt64Array.from(places, BigInt)) : hostTensor(dtype, shape, Int32Array.from(places));
};

const scaleValues: RowCase["values"] = (operand, _, shape, random) => (operand === 1 ? scaled(random, shape, (u) => 0.01 + u) : null);

/** Scalar, per axis (with and without zero point), and blocked scales. */
function quantized(row: KernelRow, x: DType): readonly RowCase[] {
  const code = dtypesOf(row, 2)[0];
  const shapes: readonly (readonly [readonly CaseDim[], readonly number[], AttrInput])[] = [
    [["N", 7, 3], [], {}],
    [["N", 7, 3], [7], { axis: 1 }],
    [["N", 7, 3], [3], { axis: -1 }],
    [[2, 7, 3], [2, 4, 3], { axis: 1, block: 2 }],
    [[3, 34], [3, 3], { axis: 1, block: 16 }],
  ];
  const to = row.op === "quant.quantize" ? { to: row.results?.[0] } : {};
  return shapes.flatMap(([shape, scale, attrs]) =>
    [null, scale].map(
      (zero): RowCase => ({
        shapes: [shape, scale, zero],
        attrs: { ...attrs, ...to },
        dtypes: [x, "f32", code],
        values: (operand, dtype, sizes, random) =>
          scaleValues(operand, dtype, sizes, random) ?? quantizeInput(operand, dtype, sizes, random),
      }),
    ),
  );
}

/** 32-bit codes stay where f32 holds their differences; inputs of quantize spread over the range and beyond. */
function quantizeInput(operand: number, dtype: DType, shape: readonly number[], random: Seeded): HostTensor | null {
  if (dtype === "f32") return operand === 0 ? random.tensor("f32", shape, 300) : null;
  if (dtype !== "i32") return null;
  return hostTensor(
    "i32",
    shape,
    Int32Array.from({ length: shape.reduce((n, size) => n * size, 1) }, () => random.int(-4e6, 4e6)),
  );
}

const lookups: CasesOf = (row) =>
  dtypesOf(row).flatMap((table) =>
    dtypesOf(row, 1).flatMap((codes) =>
      [
        ["N", 5],
        [3, 3, 3],
      ].map(
        (shape): RowCase => ({
          shapes: [[codes === "u1" ? 2 : 4], shape as readonly CaseDim[]],
          dtypes: [table, codes],
          values: (operand, dtype, sizes, random) =>
            operand === 1 && !["u1", "u2"].includes(dtype) ? codesBelow(4, dtype, sizes, random) : null,
        }),
      ),
    ),
  );

function codesBelow(end: number, dtype: DType, shape: readonly number[], random: Seeded): HostTensor {
  const codes = hostTensor(dtype, shape);
  for (let i = 0; i < codes.data.length; i++) codes.data[i] = random.int(0, end - 1);
  return codes;
}

const masked = (shape: readonly number[], ones: number): RowCase => ({
  shapes: [[ones], [shape.reduce((n, size) => n * size, 1)]],
  attrs: { shape, format: "mask" },
  values: (operand, dtype, sizes) => (operand === 1 ? maskOf(dtype, sizes[0] ?? 0, ones) : null),
});

/** `ones` bits spread over n. */
function maskOf(dtype: DType, n: number, ones: number): HostTensor {
  const mask = hostTensor(dtype, [n]);
  for (let k = 0; k < ones; k++) mask.data[Math.floor((k * n) / ones)] = 1;
  return mask;
}

const grouped = (shape: readonly number[], n: number, m: number, axis: number): RowCase => ({
  shapes: [[(shape.reduce((p, size) => p * size, 1) / m) * n], [(shape.reduce((p, size) => p * size, 1) / m) * n]],
  attrs: { shape, format: "nm", n, m, axis },
  values: (operand, dtype, sizes, random) => (operand === 1 ? ascendingPlaces(dtype, sizes[0] ?? 0, shape, n, m, axis, random) : null),
});

function ascendingPlaces(
  dtype: DType,
  count: number,
  shape: readonly number[],
  n: number,
  m: number,
  axis: number,
  random: Seeded,
): HostTensor {
  const inner = shape.slice(axis + 1).reduce((p, size) => p * size, 1);
  const kept = ((shape[axis] ?? 0) / m) * n;
  const index = hostTensor(dtype, [count]);
  for (let i = 0; i < count; i++) {
    const k = (Math.floor(i / inner) % kept) % n;
    const least = k === 0 ? 0 : (index.data[i - inner] as number) + 1;
    index.data[i] = random.int(least, m - n + k);
  }
  return index;
}

const expansions: CasesOf = (row) => {
  const masks = dtypesOf(row, 1).includes("u1") ? [masked([3, 7], 8), masked([2, 3, 5], 30), masked([5], 1)] : [];
  const groups = dtypesOf(row, 1)
    .filter((dtype) => dtype !== "u1")
    .flatMap((dtype) => [grouped([3, 8], 2, 4, 1), grouped([8, 5], 1, 2, 0)].map((one) => ({ one, dtype })));
  const withIndex = [...masks.map((one) => ({ one, dtype: "u1" as DType })), ...groups];
  return dtypesOf(row).flatMap((values) => withIndex.map(({ one, dtype }): RowCase => ({ ...one, dtypes: [values, dtype] })));
};

const castValues: RowCase["values"] = (_, dtype, shape, random) => {
  if (dtype === "f32")
    return hostTensor(
      "f32",
      shape,
      Float32Array.from(
        { length: shape.reduce((n, size) => n * size, 1) },
        (_, i) => special[i] ?? (random.unit() - 0.5) * 2 ** random.int(1, 70),
      ),
    );
  if (dtype !== "i64") return null;
  return hostTensor(
    "i64",
    shape,
    BigInt64Array.from(
      { length: shape.reduce((n, size) => n * size, 1) },
      () => BigInt(random.int(-(2 ** 20), 2 ** 20)) * (1n << BigInt(random.int(0, 40))) + BigInt(random.int(-9, 9)),
    ),
  );
};

const casts: CasesOf = (row) =>
  eachDtype(row, [
    { shapes: [["N", 13]], attrs: { to: row.results?.[0] }, values: castValues },
    { shapes: [[]], attrs: { to: row.results?.[0] } },
  ]);

/** By op. */
export const casesOf: { readonly [op: string]: CasesOf | undefined } = {
  ...Object.fromEntries(
    ["abs", "ceil", "erf", "exp", "floor", "neg", "reciprocal", "relu", "round", "sigmoid", "tanh", "step", "sign"].map((name) => [
      `math.${name}`,
      unary,
    ]),
  ),
  "math.log": positive,
  "math.sqrt": positive,
  "math.clip": () =>
    [{}, { min: -0.25 }, { max: 0.5 }, { min: -1, max: 1 }].flatMap((attrs) =>
      unary({ id: "", op: "", operands: [], cost: { launch: 0, macNs: 0, byteNs: 0, opNs: 0 } }).map((one) => ({ ...one, attrs })),
    ),
  "math.leaky_relu": () =>
    [{}, { alpha: 0.25 }].flatMap((attrs) => [
      { shapes: [["N", 37]], attrs },
      { shapes: [[special.length]], attrs, values: () => floats(special) },
    ]),
  ...Object.fromEntries(["mul", "div", "min", "max", "pow"].map((name) => [`math.${name}`, binary])),
  "math.add": cancelling,
  "math.sub": cancelling,
  "math.equal": comparison,
  "math.less": comparison,
  "math.greater": comparison,
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
  "math.softmax": softmax,
  "math.log_softmax": softmax,
  "reduce.sum": reduction,
  "reduce.mean": reduction,
  "reduce.max": reduction,
  "reduce.argmax": () => [
    { shapes: [["N", 10]], attrs: { axis: 1 }, values: coarse },
    { shapes: [["N", 5, 3]], attrs: { axis: 1, keepdims: true } },
    { shapes: [[special.length]], attrs: { axis: -1 }, values: () => floats(special) },
  ],
  "nn.linear": linear,
  "nn.matmul": matmul,
  "nn.conv": () => convs.map((one) => ({ ...one, floor: 1 })),
  "nn.max_pool": maxPools,
  "nn.avg_pool": avgPools,
  "shape.reshape": (row) =>
    eachDtype(row, [
      { shapes: [["N", 2, 6]], attrs: { shape: [0, -1] } },
      { shapes: [[4, 2]], attrs: { shape: [2, 1, 4] } },
    ]),
  "shape.transpose": transposes,
  "shape.broadcast": (row) =>
    eachDtype(row, [
      { shapes: [[3, 1, 2]], attrs: { shape: [3, 4, 2] } },
      { shapes: [[2]], attrs: { shape: [3, 2] } },
      { shapes: [[]], attrs: { shape: [2, 3] } },
    ]),
  "shape.concat": concats,
  "shape.slice": slices,
  "shape.pad": pads,
  "shape.gather": gathers,
  "quant.dequantize": (row) => quantized(row, dtypesOf(row)[0] ?? "i8"),
  "quant.quantize": (row) => quantized(row, "f32"),
  "codebook.lookup": lookups,
  "sparse.expand": expansions,
  "type.unpack": () => [{ shapes: [["N", 7]] }, { shapes: [[]] }, { shapes: [[16]] }],
  "type.cast": casts,
};

/** Results that are compared bit for bit: what is moved, compared or rounded to integers. */
export function isExact(row: KernelRow, result: DType): boolean {
  return !isFloat(result) || row.op.startsWith("shape.") || row.op === "codebook.lookup" || row.op === "sparse.expand";
}
