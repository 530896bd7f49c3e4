/** @file Cases of element-wise functions of one operand, and of softmax. */
import type { AttrInput, HostTensor } from "../../../ir-spec/index.ts";
import type { OpCase } from "../op-case.ts";
import { bf16, f16, f32, f64, i8, i64, positive, spread, u8 } from "../tensors.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Argument and value pairs; expected values to the digits given, from tables. */
const points = (op: string, tolerance: number, ...table: readonly (readonly [x: number, y: number])[]): OpCase => ({
  op,
  inputs: [
    f64(
      [table.length],
      table.map(([x]) => x),
    ),
  ],
  expect: [
    f64(
      [table.length],
      table.map(([, y]) => y),
    ),
  ],
  ...(tolerance > 0 ? { tolerance } : {}),
});

const gradient = (op: string, x: HostTensor, attrs?: AttrInput): OpCase => ({
  op,
  note: "gradient",
  inputs: [x],
  gradient: [true],
  ...(attrs ? { attrs } : {}),
});

const of = (op: string, x: HostTensor, expect: HostTensor, note: string, attrs?: AttrInput): OpCase => ({
  op,
  note,
  inputs: [x],
  expect: [expect],
  ...(attrs ? { attrs } : {}),
});

const functions: readonly OpCase[] = [
  points("math.neg", 0, [1.5, -1.5], [-2, 2], [0, -0]),
  of("math.neg", i8([3], [-128, 1, 0]), i8([3], [-128, -1, 0]), "i8 wraps"),
  of("math.neg", i64([2], [2n ** 53n + 1n, -(2n ** 63n)]), i64([2], [-(2n ** 53n) - 1n, -(2n ** 63n)]), "i64 wraps"),
  of("math.neg", u8([2], [1, 0]), u8([2], [255, 0]), "u8 wraps"),
  points("math.abs", 0, [1.5, 1.5], [-2, 2], [-0, 0], [-inf, inf], [nan, nan]),
  of("math.abs", i8([2], [-128, -127]), i8([2], [-128, 127]), "i8 wraps"),
  of("math.abs", i64([2], [-(2n ** 60n), 3]), i64([2], [2n ** 60n, 3]), "i64"),
  points("math.sign", 0, [1.5, 1], [-2, -1], [0, 0], [-0, 0], [nan, nan]),
  of("math.sign", i64([3], [-(2n ** 60n), 0, 3]), i64([3], [-1, 0, 1]), "i64"),
  points("math.exp", 1e-14, [0, 1], [1, Math.E], [-1, 0.36787944117144233], [-inf, 0]),
  points("math.log", 1e-15, [1, 0], [Math.E, 1], [10, Math.LN10], [0, -inf], [-1, nan]),
  points("math.sqrt", 0, [4, 2], [2, Math.SQRT2], [-1, nan], [-0, -0]),
  points("math.reciprocal", 0, [4, 0.25], [-8, -0.125], [0, inf], [-0, -inf]),
  // 1 / (1 + e^-1) = 0.731058578630005, and the rest of it to 1.
  points("math.sigmoid", 1e-15, [0, 0.5], [1, 0.7310585786300049], [-1, 0.2689414213699951], [1000, 1], [-1000, 0], [nan, nan]),
  points("math.tanh", 1e-15, [0, 0], [1, 0.7615941559557649], [-1, -0.7615941559557649], [inf, 1]),
  points(
    "math.erf",
    1e-15,
    [0, 0],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [-1, -0.8427007929497149],
    [2, 0.9953222650189527],
    [2.5, 0.999593047982555],
    [3, 0.9999779095030014],
    [4, 0.9999999845827421],
    [7, 1],
    [-inf, -1],
    [nan, nan],
  ),
  points("math.floor", 0, [1.5, 1], [-1.5, -2], [-0.5, -1], [3, 3]),
  points("math.ceil", 0, [1.5, 2], [-1.5, -1], [-0.5, -0], [3, 3]),
  points(
    "math.round",
    0,
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, -0],
    [-1.5, -2],
    [-2.5, -2],
    [-0.2, -0],
    [2.6, 3],
    [inf, inf],
    [nan, nan],
    [2 ** 52 + 1, 2 ** 52 + 1],
  ),
  points("math.relu", 0, [1.5, 1.5], [-2, 0], [-0, 0], [nan, nan], [-inf, 0]),
  points("math.step", 0, [1.5, 1], [-2, 0], [0, 0], [nan, 0], [1e-300, 1]),
  of("math.clip", f32([5], [-1, 0, 3, 7, nan]), f32([5], [0, 0, 3, 6, nan]), "to 0 .. 6", { min: 0, max: 6 }),
  of("math.clip", f32([3], [-1, 0, 7]), f32([3], [-1, 0, 6]), "no lower end", { max: 6 }),
  of("math.clip", i64([3], [-(2n ** 60n) - 1n, 5, 2n ** 60n + 1n]), i64([3], [0, 5, 2n ** 60n + 1n]), "i64 beyond 2^53", { min: 0 }),
  of("math.clip", i8([3], [-9, 5, 90]), i8([3], [-1, 5, 6]), "integers truncate the ends", { min: -1.9, max: 6.7 }),
  of("math.leaky_relu", f64([4], [2, -2, 0, nan]), f64([4], [2, -0.2, 0, nan]), "alpha", { alpha: 0.1 }),
  of("math.leaky_relu", f64([1], [-100]), f64([1], [-1]), "default alpha is 0.01"),
  // e^0.5 = 1.6487213: f16 neighbours are 1.6484375 and 1.6494141, bf16's 1.6484375 and 1.65625.
  of("math.exp", f16([1], [0.5]), f16([1], [1.6484375]), "f16 rounds once"),
  of("math.exp", bf16([1], [0.5]), bf16([1], [1.6484375]), "bf16 rounds once"),
];

const functionGradients: readonly OpCase[] = [
  gradient("math.neg", spread(5)),
  gradient("math.abs", spread(2, 3)),
  gradient("math.exp", f64([4], [-2, -0.5, 0, 1])),
  gradient("math.log", positive(4)),
  gradient("math.sqrt", positive(4)),
  gradient("math.reciprocal", spread(4)),
  gradient("math.sigmoid", spread(6)),
  gradient("math.tanh", spread(6)),
  gradient("math.erf", spread(6)),
  gradient("math.relu", spread(2, 3)),
  gradient("math.clip", f64([6], [-1, -0.4, 0.1, 0.7, 1.1, 2]), { min: -0.5, max: 1 }),
  { ...gradient("math.clip", f64([3], [-1, 0.1, 2]), { max: 1 }), note: "gradient, no lower end" },
  gradient("math.leaky_relu", spread(2, 3), { alpha: 0.2 }),
];

/** By the definition, from the exponentials themselves. */
function softmaxOf(row: readonly number[]): readonly number[] {
  const powers = row.map(Math.exp);
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((p) => p / sum);
}

const rows = [softmaxOf([1, 2, 3]), softmaxOf([-1, 0, 4])] as const;
const [[a, b, c] = [], [d, e, f] = []] = rows as readonly (readonly number[])[];
const columns = [a, d, b, e, c, f].map(Number);

const softmax: readonly OpCase[] = [
  {
    op: "math.softmax",
    note: "last axis",
    inputs: [f64([2, 3], [1, 2, 3, -1, 0, 4])],
    expect: [f64([2, 3], rows.flat())],
    tolerance: 1e-15,
  },
  {
    op: "math.softmax",
    note: "axis 0",
    attrs: { axis: 0 },
    inputs: [f64([3, 2], [1, -1, 2, 0, 3, 4])],
    expect: [f64([3, 2], columns)],
    tolerance: 1e-15,
  },
  { op: "math.softmax", note: "large values do not overflow", inputs: [f32([2], [1000, 1000])], expect: [f32([2], [0.5, 0.5])] },
  {
    op: "math.softmax",
    note: "middle axis",
    attrs: { axis: -2 },
    inputs: [f64([1, 2, 2], [0, 0, Math.log(3), 0])],
    expect: [f64([1, 2, 2], [0.25, 0.5, 0.75, 0.5])],
    tolerance: 1e-15,
  },
  {
    op: "math.log_softmax",
    note: "last axis",
    inputs: [f64([2, 3], [1, 2, 3, -1, 0, 4])],
    expect: [f64([2, 3], rows.flat().map(Math.log))],
    tolerance: 1e-14,
  },
  { op: "math.log_softmax", note: "large values do not overflow", inputs: [f64([2], [1000, 0])], expect: [f64([2], [0, -1000])] },
  { ...gradient("math.softmax", f64([2, 3], [1, 2, 3, -1, 0, 0.5])) },
  {
    ...gradient(
      "math.softmax",
      f64(
        [2, 3, 2],
        Array.from({ length: 12 }, (_, k) => Math.sin(k)),
      ),
      { axis: 1 },
    ),
    note: "gradient, middle axis",
  },
  { ...gradient("math.log_softmax", f64([2, 3], [1, 2, 3, -1, 0, 0.5])) },
  { ...gradient("math.log_softmax", f64([3, 2], [1, 2, 3, -1, 0, 0.5]), { axis: 0 }), note: "gradient, axis 0" },
];

export const cases: readonly OpCase[] = [...functions, ...functionGradients, ...softmax];
