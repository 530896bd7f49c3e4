/** @file One row per form of an op that is exported: the op, its operands, and what the exported model needs to be compared. */
import type { AttrInput, DType, HostTensor } from "../../ir-spec/index.ts";
import { hostTensor } from "../../ir-spec/index.ts";
import type { CaseDim, OperandCase } from "../support/op-module.ts";
import { seeded } from "../support/seeded.ts";

export interface ExportCase {
  readonly op: string;
  readonly attrs?: AttrInput;
  readonly operands: readonly (OperandCase | null)[];
  readonly opset?: number;
  /** Largest relative error; default 1e-5, for f16 what its 11 bits allow. */
  readonly tolerance?: number;
}

/** What stands for the symbol `N` in these cases. */
const batch = 3;
const random = seeded(20_26);

const sizesOf = (shape: readonly CaseDim[]): readonly number[] => shape.map((size) => (size === "N" ? batch : size));

export const value = (shape: readonly CaseDim[], dtype: DType = "f32", scale = 2): OperandCase => ({
  tensor: random.tensor(dtype, sizesOf(shape), scale),
  shape,
});
export const constant = (shape: readonly number[], dtype: DType = "f32", scale = 1): OperandCase => ({
  tensor: random.tensor(dtype, shape, scale),
  shape,
  constant: true,
});
const given = (dtype: DType, shape: readonly CaseDim[], numbers: readonly number[], isConstant = false): OperandCase => {
  const tensor: HostTensor = hostTensor(dtype, sizesOf(shape));
  numbers.forEach((number, i) => {
    tensor.data[i] = tensor.data instanceof BigInt64Array || tensor.data instanceof BigUint64Array ? BigInt(number) : number;
  });
  return { tensor, shape, ...(isConstant ? { constant: true } : {}) };
};
const fixed = (dtype: DType, shape: readonly number[], numbers: readonly number[]): OperandCase => given(dtype, shape, numbers, true);

const positive = (shape: readonly CaseDim[]): OperandCase => {
  const operand = value(shape);
  return { ...operand, tensor: { ...operand.tensor, data: (operand.tensor.data as Float32Array).map((v) => Math.abs(v) + 0.1) } };
};

const unary: readonly ExportCase[] = ["neg", "abs", "sign", "exp", "sigmoid", "tanh", "erf", "floor", "ceil", "round", "relu", "step"].map(
  (f) => ({
    op: `math.${f}`,
    operands: [value(["N", 5])],
  }),
);

const integers: readonly ExportCase[] = (["i8", "u8"] as const).flatMap((a) =>
  (["i8", "u8"] as const).flatMap((b): ExportCase[] => [
    { op: "int.matmul", operands: [value(["N", 2, 9], a), constant([9, 4], b), null, null] },
    { op: "int.matmul", operands: [value(["N", 9], a), value([9, 4], b), value([], a), constant([4], b)] },
    {
      op: "int.conv_sums",
      operands: [value(["N", 2, 5, 6], a), constant([3, 2, 3, 2], b), null, null],
      attrs: { pad: [1, 0, 1, 2] },
    },
    {
      op: "int.conv_sums",
      operands: [value(["N", 2, 9], a), constant([4, 1, 3], b), value([], a), constant([], b)],
      attrs: { groups: 2, stride: [2] },
    },
    { op: "int.conv_sums", operands: [value(["N", 2, 9], a), constant([4, 2, 3], b), value([], a), constant([4], b)] },
    { op: "int.matmul", operands: [value(["N", 2, 9], a), value(["N", 9, 4], b), value([], a), constant([4], b)] },
  ]),
);

/** About what the random bytes need: a factor of 1/128, and one per output. */
const scales = (outputs: number): readonly OperandCase[] =>
  outputs === 0
    ? [fixed("i32", [], [2 ** 30 + 12345]), fixed("i32", [], [37])]
    : [
        fixed(
          "i32",
          [outputs],
          Array.from({ length: outputs }, (_, i) => (i === 1 ? 0 : 2 ** 30 + 1e8 * i + 7)),
        ),
        fixed(
          "i32",
          [outputs],
          Array.from({ length: outputs }, (_, i) => 36 + i),
        ),
      ];

const integerLayers: readonly ExportCase[] = (["i8", "u8"] as const).flatMap((dtype): ExportCase[] => [
  {
    op: "int.conv",
    operands: [value(["N", 4, 5, 6], dtype), constant([6, 2, 3, 2], "i8"), fixed("i32", [6], [0, 5000, -5000, 1, 2, 3]), ...scales(6)],
    attrs: { groups: 2, stride: [1, 2], pad: [1, 0, 1, 1], dilation: [1, 2], x_zero: 3, y_zero: -4, min: -4 },
  },
  {
    op: "int.conv",
    operands: [value(["N", 2, 9], dtype), constant([3, 2, 3], "i8"), null, ...scales(0)],
    attrs: { to: "u8", y_zero: 100 },
  },
  { op: "int.linear", operands: [value(["N", 2, 9], dtype), constant([5, 9], "i8"), null, ...scales(5)], attrs: { x_zero: 10, max: 90 } },
  { op: "int.linear", operands: [value(["N", 9], dtype), constant([5, 9], "i8"), fixed("i32", [5], [1, -2, 999, 0, 7]), ...scales(0)] },
  {
    op: "int.add",
    operands: [value(["N", 1, 4], dtype), value([5, 4], "i8")],
    attrs: { a_zero: 7, b_zero: -9, a_multiplier: 700001, b_multiplier: 1234567, shift: 20, y_zero: 2 },
  },
  {
    op: "int.requantize",
    operands: [value(["N", 50], dtype)],
    attrs: { x_zero: 9, multiplier: 1300000, shift: 20, to: "u8", y_zero: 128 },
  },
  { op: "int.requantize", operands: [value(["N", 50], dtype)], attrs: { multiplier: 1, shift: 0 } },
  {
    op: "int.avg_pool",
    operands: [value(["N", 3, 5, 6], dtype)],
    attrs: { kernel: [2, 3], stride: [2, 2], pad: [0, 1, 1, 0], ceil: true, x_zero: 5, multiplier: 2 ** 30 + 99, shift: 33 },
  },
  { op: "int.avg_pool", operands: [value(["N", 3, 8], dtype)], attrs: { kernel: [3], stride: [2], multiplier: 2 ** 31 - 1, shift: 32 } },
  { op: "int.mean", operands: [value(["N", 3, 4], dtype)], attrs: { axes: [1, 2], x_zero: 3, multiplier: 2 ** 30 + 5, shift: 33 } },
  { op: "int.mean", operands: [value(["N", 7], dtype)], attrs: { axes: [1], keepdims: true, multiplier: 2 ** 30, shift: 31 } },
  { op: "int.lookup", operands: [value(["N", 40], dtype), constant([256], "i8")] },
]);

const gradients: readonly ExportCase[] = [
  { op: "nn.conv_weight_grad", operands: [value(["N", 2, 6]), value(["N", 3, 4])], attrs: { kernel: [3] } },
  {
    op: "nn.conv_weight_grad",
    operands: [value(["N", 4, 7, 6]), value(["N", 6, 3, 4])],
    attrs: { kernel: [3, 2], groups: 2, stride: [2, 1], pad: [0, 0, 0, 1], dilation: [1, 3] },
  },
  { op: "nn.conv_weight_grad", operands: [value(["N", 3, 8]), value(["N", 3, 3])], attrs: { kernel: [2], groups: 3, stride: [3] } },
  {
    op: "nn.max_pool_grad",
    operands: [value(["N", 2, 5, 6]), value(["N", 2, 3, 3])],
    attrs: { kernel: [3, 2], stride: [2, 2], pad: [1, 0, 1, 0] },
  },
  { op: "nn.max_pool_grad", operands: [given("f32", [1, 1, 4], [1, 1, 0, 0]), value([1, 1, 3])], attrs: { kernel: [2] } },
  {
    op: "nn.avg_pool_grad",
    operands: [value(["N", 2, 3, 3])],
    attrs: { spatial: [5, 7], kernel: [3, 2], stride: [2, 2], pad: [1, 0, 1, 0] },
  },
  {
    op: "nn.avg_pool_grad",
    operands: [value(["N", 2, 3, 3])],
    attrs: { spatial: [5, 6], kernel: [3, 2], stride: [2, 2], pad: [1, 0, 1, 0], count_pad: true },
  },
  { op: "nn.avg_pool_grad", operands: [value(["N", 2, 3])], attrs: { spatial: [5], kernel: [2], stride: [2] } },
  {
    op: "nn.avg_pool_grad",
    operands: [value(["N", 2, 4])],
    attrs: { spatial: [6], kernel: [2], stride: [2], pad: [1, 0], count_pad: true },
  },
  { op: "nn.avg_pool_grad", operands: [value(["N", 2, 4])], attrs: { spatial: [8], kernel: [3], stride: [2] } },
];

const bitcasts: readonly ExportCase[] = (
  [
    ["f32", "i32"],
    ["i64", "f64"],
    ["i8", "u8"],
  ] as const
).map(([from, to]) => ({ op: "type.bitcast", attrs: { to }, operands: [value(["N", 3], from)], opset: 26 }));

/** Of arguments in the domain of every function. */
const angles: readonly ExportCase[] = ["sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "asinh", "atanh", "softplus"].map(
  (f) => ({
    op: `math.${f}`,
    operands: [value(["N", 5], "f32", 0.9)],
  }),
);

const truths = [given("bool", [4], [0, 0, 1, 1]), given("bool", [4], [0, 1, 0, 1])];

const logic: readonly ExportCase[] = [
  ...["and", "or", "xor"].flatMap((f): ExportCase[] => [
    { op: `math.${f}`, operands: truths },
    { op: `math.${f}`, operands: [value(["N", 1, 4], "i32"), value([5, 4], "i32")], opset: 18 },
  ]),
  { op: "math.not", operands: truths.slice(0, 1) },
  { op: "math.not", operands: [value(["N", 4], "u8")], opset: 18 },
  { op: "math.mod", operands: [given("i32", [6], [7, -7, 7, -7, 6, 0]), fixed("i32", [6], [3, 3, -3, -3, 3, 5])] },
  { op: "math.mod", operands: [given("f32", [4], [5.5, -5.5, 5.5, -4]), fixed("f32", [4], [2, 2, -2, 2])] },
  { op: "math.fmod", operands: [given("f32", [4], [5.5, -5.5, 5.5, -4]), fixed("f32", [4], [2, 2, -2, 2])] },
  { op: "math.fmod", operands: [given("i8", [4], [7, -7, 7, -7]), fixed("i8", [4], [3, 3, -3, -3])] },
];

const arithmetic: readonly ExportCase[] = ["add", "sub", "mul", "div", "min", "max", "equal", "less", "greater"].flatMap(
  (f): ExportCase[] => [
    { op: `math.${f}`, operands: [value(["N", 1, 4]), value([5, 4])] },
    { op: `math.${f}`, operands: [given("i32", [5], [7, -7, 3, 0, 2]), fixed("i32", [5], [2, 2, 3, -4, 5])] },
  ],
);

const math: readonly ExportCase[] = [
  ...unary,
  ...angles,
  ...logic,
  { op: "math.acosh", operands: [given("f32", [3], [1, 1.25, 9])] },
  ...arithmetic,
  { op: "math.log", operands: [positive(["N", 3])] },
  { op: "math.sqrt", operands: [positive(["N", 3])] },
  { op: "math.reciprocal", operands: [positive(["N", 3])] },
  { op: "math.neg", operands: [value([6], "i8")] },
  { op: "math.abs", operands: [value([6], "i64")] },
  { op: "math.sign", operands: [value([6], "i32")] },
  { op: "math.relu", operands: [given("f32", [4], [Number.NaN, -1, Number.POSITIVE_INFINITY, -0])] },
  { op: "math.pow", operands: [positive(["N", 4]), value([4])] },
  { op: "math.pow", operands: [given("i16", [4], [3, -2, 5, 1]), fixed("i16", [4], [3, 2, 0, 4])] },
  { op: "math.clip", attrs: { min: -0.5, max: 1.25 }, operands: [value(["N", 6])] },
  { op: "math.clip", attrs: { max: 0.5 }, operands: [value([6], "f64")] },
  { op: "math.clip", operands: [value([6])] },
  { op: "math.clip", attrs: { min: -3.5, max: 300 }, operands: [value([6], "i8")] },
  { op: "math.leaky_relu", attrs: { alpha: 0.2 }, operands: [value(["N", 6])] },
  { op: "math.where", operands: [value(["N", 4], "bool"), value([4]), value([1])] },
  { op: "math.softmax", attrs: { axis: 1 }, operands: [value(["N", 4, 3])] },
  { op: "math.softmax", operands: [value(["N", 4, 3])] },
  { op: "math.log_softmax", attrs: { axis: -2 }, operands: [value(["N", 4, 3])] },
  { op: "loss.softmax_cross_entropy", operands: [value(["N", 5]), given("i64", ["N"], [4, 0, 2])] },
];

const layers: readonly ExportCase[] = [
  {
    op: "nn.conv",
    attrs: { stride: [2, 1], pad: [1, 0, 2, 1], dilation: [1, 2] },
    operands: [value(["N", 3, 9, 8]), constant([4, 3, 3, 2]), constant([4])],
  },
  { op: "nn.conv", attrs: { groups: 2, activation: "relu" }, operands: [value(["N", 4, 6, 6]), constant([6, 2, 3, 3]), null] },
  {
    op: "nn.conv",
    attrs: { groups: 4, activation: "relu6" },
    operands: [value(["N", 4, 5, 5], "f32", 9), constant([4, 1, 1, 1], "f32", 5), constant([4])],
  },
  { op: "nn.conv", attrs: { stride: [2] }, operands: [value(["N", 2, 11]), constant([3, 2, 4])] },
  { op: "nn.conv", attrs: { pad: [1, 1, 1, 1, 1, 1] }, operands: [value([1, 2, 3, 4, 3]), constant([2, 2, 3, 3, 3])] },
  {
    op: "nn.conv_input_grad",
    attrs: { spatial: [9, 8], stride: [2, 2], pad: [1, 1, 1, 1] },
    operands: [value(["N", 3, 5, 4]), constant([3, 2, 3, 3])],
  },
  { op: "nn.conv_input_grad", attrs: { spatial: [6], groups: 2, dilation: [2] }, operands: [value(["N", 4, 4]), constant([4, 3, 2])] },
  { op: "nn.linear", operands: [value(["N", 5]), constant([4, 5]), constant([4])] },
  { op: "nn.linear", attrs: { activation: "relu" }, operands: [value(["N", 5]), constant([4, 5])] },
  { op: "nn.linear", attrs: { activation: "relu6" }, operands: [value(["N", 2, 5], "f32", 9), constant([4, 5], "f32", 3), constant([4])] },
  { op: "nn.linear", operands: [value([5]), constant([4, 5]), constant([4])] },
  { op: "nn.linear", operands: [value(["N", 5]), value([4, 5])] },
  { op: "nn.matmul", operands: [value(["N", 2, 4]), constant([4, 3])] },
  { op: "nn.matmul", operands: [value([2, 3, 4]), value([4])] },
  {
    op: "nn.batch_norm",
    attrs: { epsilon: 0.001 },
    operands: [value(["N", 3, 4]), constant([3]), constant([3]), constant([3]), fixed("f32", [3], [0.5, 1, 2])],
  },
  { op: "nn.max_pool", attrs: { kernel: [3, 2], stride: [2, 2], pad: [1, 0, 1, 1] }, operands: [value(["N", 2, 7, 6])] },
  { op: "nn.max_pool", attrs: { kernel: [2, 2], stride: [2, 2], dilation: [2, 1], ceil: true }, operands: [value(["N", 2, 8, 7])] },
  { op: "nn.max_pool", attrs: { kernel: [2, 2], stride: [2, 2] }, operands: [value(["N", 2, 4, 4], "i8")] },
  { op: "nn.max_pool", attrs: { kernel: [3] }, operands: [value(["N", 2, 7])] },
  { op: "nn.avg_pool", attrs: { kernel: [3, 3], stride: [2, 2], pad: [1, 1, 1, 1] }, operands: [value(["N", 2, 7, 6])] },
  { op: "nn.avg_pool", attrs: { kernel: [3, 3], stride: [2, 2], pad: [1, 1, 0, 1], count_pad: true }, operands: [value(["N", 2, 7, 6])] },
  { op: "nn.avg_pool", attrs: { kernel: [2, 2], stride: [2, 2], ceil: true }, operands: [value(["N", 2, 5, 5])] },
];

/** Adjoints: symbolic batches, groups, elements that no window reaches. */
const adjoints: readonly ExportCase[] = [
  {
    op: "nn.conv_weight_grad",
    attrs: { kernel: [2, 3], groups: 2, stride: [3, 1], pad: [1, 0, 0, 1], dilation: [1, 2] },
    operands: [value(["N", 4, 9, 8]), value(["N", 6, 3, 5])],
  },
  { op: "nn.max_pool_grad", attrs: { kernel: [3], stride: [2], pad: [1, 1] }, operands: [value(["N", 2, 8]), value(["N", 2, 4])] },
  {
    op: "nn.max_pool_grad",
    attrs: { kernel: [3], stride: [1] },
    operands: [value(["N", 2, 8], "f16"), value(["N", 2, 6], "f16")],
    tolerance: 2e-3,
  },
  {
    op: "nn.avg_pool_grad",
    attrs: { kernel: [3, 2], stride: [3, 2], spatial: [8, 5], pad: [1, 0, 0, 1] },
    operands: [value(["N", 2, 3, 3])],
  },
  { op: "nn.avg_pool_grad", attrs: { kernel: [2], stride: [4], spatial: [9], count_pad: true }, operands: [value(["N", 2, 2])] },
];

const scale = (shape: readonly number[], seed: number): readonly OperandCase[] => {
  const count = shape[0] ?? 1;
  return [
    fixed(
      "i32",
      shape,
      Array.from({ length: count }, (_, i) => 2 ** 30 + (i + seed) * 12_345_678),
    ),
    fixed(
      "i32",
      shape,
      Array.from({ length: count }, (_, i) => 36 + ((i + seed) % 3)),
    ),
  ];
};

/** Layers after `legalize`: constants for the scales, as they are there. */
const legalized: readonly ExportCase[] = [
  {
    op: "int.conv",
    attrs: { stride: [2, 1], pad: [1, 0, 2, 1], x_zero: -3, y_zero: 4, min: 4 },
    operands: [value(["N", 3, 9, 8], "i8"), constant([4, 3, 3, 2], "i8"), constant([4], "i32"), ...scale([4], 1)],
  },
  {
    op: "int.conv",
    attrs: { groups: 4, to: "u8" },
    operands: [value(["N", 4, 6], "u8"), constant([4, 1, 2], "i8"), null, ...scale([], 2)],
  },
  {
    op: "int.linear",
    attrs: { x_zero: 7 },
    operands: [value(["N", 2, 5], "i8"), constant([4, 5], "i8"), constant([4], "i32"), ...scale([4], 3)],
  },
  { op: "int.linear", operands: [value(["N", 5], "u8"), constant([4, 5], "i8"), null, ...scale([], 4)] },
  {
    op: "int.avg_pool",
    attrs: { kernel: [3, 2], stride: [2, 2], pad: [1, 0, 1, 0], ceil: true, multiplier: 2 ** 30 + 77, shift: 33, x_zero: 5 },
    operands: [value(["N", 2, 6, 5], "i8")],
  },
  { op: "int.mean", attrs: { axes: [2, 3], multiplier: 2 ** 30 + 7, shift: 34, y_zero: -9 }, operands: [value(["N", 3, 4, 4], "u8")] },
  { op: "int.lookup", operands: [value(["N", 5], "i8"), constant([256], "u8")] },
];

const reductions: readonly ExportCase[] = [13, 17, 21].flatMap((opset): ExportCase[] => [
  { op: "reduce.sum", attrs: { axes: [1] }, operands: [value(["N", 3, 4])], opset },
  { op: "reduce.mean", attrs: { axes: [2, 3], keepdims: true }, operands: [value(["N", 2, 3, 4])], opset },
  { op: "reduce.max", attrs: { axes: [0, -1] }, operands: [value(["N", 3, 4])], opset },
  { op: "reduce.max", attrs: { axes: [1] }, operands: [value(["N", 3], "i8")], opset },
  { op: "reduce.max", attrs: { axes: [1] }, operands: [value(["N", 2], "bool")], opset },
  { op: "reduce.min", attrs: { axes: [0, -1] }, operands: [value(["N", 3, 4])], opset },
  { op: "reduce.min", attrs: { axes: [1], keepdims: true }, operands: [value(["N", 3], "u16")], opset },
  { op: "reduce.prod", attrs: { axes: [1] }, operands: [value(["N", 3, 4])], opset },
  { op: "reduce.prod", attrs: { axes: [0] }, operands: [value(["N", 4], "i8")], opset },
  { op: "reduce.cumsum", attrs: { axis: 1 }, operands: [value(["N", 3, 4])], opset },
  { op: "reduce.cumsum", attrs: { axis: -1, exclusive: true, reverse: true }, operands: [value(["N", 5], "u8")], opset },
  { op: "reduce.argmax", attrs: { axis: 1, last: true }, operands: [given("f32", ["N", 3], [1, 1, 0, 2, 2, 2, 3, 5, 4])], opset },
  { op: "reduce.sum", attrs: { axes: [] }, operands: [value(["N", 3])], opset },
  { op: "reduce.argmax", attrs: { axis: 1, keepdims: true }, operands: [value(["N", 5])], opset },
  { op: "reduce.argmax", attrs: { axis: -1 }, operands: [given("f32", ["N", 2], [1, 1, 2, 3, 5, 4])], opset },
  { op: "reduce.sum", attrs: { axes: [1] }, operands: [value(["N", 4], "i8")], opset },
  { op: "reduce.max", attrs: { axes: [0] }, operands: [value(["N", 4], "i16")], opset },
]);

const products: readonly ExportCase[] = [
  { op: "reduce.cumprod", attrs: { axis: 1 }, operands: [value(["N", 3, 4])], opset: 26 },
  { op: "reduce.cumprod", attrs: { axis: 0, exclusive: true }, operands: [value([6, 2], "i32", 1)], opset: 26 },
];

const movements: readonly ExportCase[] = [
  { op: "shape.reshape", attrs: { shape: [0, -1] }, operands: [value(["N", 2, 3])] },
  { op: "shape.reshape", attrs: { shape: [2, 6] }, operands: [value([3, 4])] },
  { op: "shape.reshape", attrs: { shape: [-1] }, operands: [value(["N", 4])] },
  { op: "shape.reshape", attrs: { shape: [] }, operands: [value([1, 1])] },
  { op: "shape.reshape", attrs: { shape: [3, -1] }, operands: [value([0, 3])] },
  { op: "shape.transpose", attrs: { perm: [2, 0, 1] }, operands: [value(["N", 2, 5])] },
  { op: "shape.broadcast", attrs: { shape: [2, 3, 4] }, operands: [value([3, 1])] },
  { op: "shape.concat", attrs: { axis: 1 }, operands: [value(["N", 2]), value(["N", 3]), constant([3, 1])].slice(0, 2) },
  { op: "shape.concat", attrs: { axis: -1 }, operands: [value([2, 2]), constant([2, 3]), value([2, 1])] },
  { op: "shape.slice", attrs: { starts: [1], ends: [Number.MAX_SAFE_INTEGER], axes: [1] }, operands: [value(["N", 5])] },
  {
    op: "shape.slice",
    attrs: { starts: [-1, 0], ends: [-Number.MAX_SAFE_INTEGER, 2], axes: [1, 2], steps: [-2, 1] },
    operands: [value(["N", 5, 3])],
  },
  { op: "shape.slice", attrs: { starts: [0, 1], ends: [2, 3] }, operands: [value([4, 4])] },
  { op: "shape.pad", attrs: { before: [0, 1], after: [0, 2], value: 1.5 }, operands: [value(["N", 3])] },
  { op: "shape.pad", attrs: { before: [1], after: [0], value: -3.7 }, operands: [value([3], "i32")] },
  { op: "shape.pad", attrs: { before: [1], after: [1] }, operands: [value([3], "u8")] },
  { op: "shape.gather", attrs: { axis: 1 }, operands: [value(["N", 4, 2]), given("i64", [2, 2], [3, -1, 0, 2])] },
  { op: "shape.gather", operands: [constant([5, 2]), given("u8", ["N"], [4, 0, 2])] },
  { op: "shape.gather", attrs: { axis: -1 }, operands: [value(["N", 4]), fixed("i32", [], [2])] },
  { op: "shape.scatter_add", attrs: { size: 4 }, operands: [given("i64", ["N"], [1, 3, 1]), value(["N", 2])] },
  {
    op: "shape.scatter_add",
    attrs: { size: 3, axis: 1 },
    operands: [given("i32", [2, 2], [0, -1, 2, 0]), value(["N", 2, 2, 4])],
  },
  { op: "tensor.one_hot", attrs: { depth: 4 }, operands: [given("i64", ["N"], [3, -1, 9])] },
  { op: "tensor.one_hot", attrs: { depth: 3, to: "bool" }, operands: [given("u8", ["N", 2], [0, 1, 2, 0, 7, 1])] },
  { op: "shape.gather_elements", attrs: { axis: 1 }, operands: [value(["N", 3]), given("i32", ["N", 2], [0, -1, 2, 1, 1, -3])] },
  { op: "shape.gather_nd", operands: [value([4, 3, 2]), given("i64", ["N", 2], [0, -1, 3, 1, -4, 2])] },
  { op: "shape.gather_nd", attrs: { batch: 1 }, operands: [value(["N", 3, 2]), given("i64", ["N", 1], [0, -1, 2])] },
  ...(["none", "add", "mul", "min", "max"] as const).flatMap((reduction): ExportCase[] => [
    {
      op: "shape.scatter_elements",
      attrs: { axis: 1, reduction },
      operands: [value(["N", 4]), given("i64", ["N", 2], [0, -1, 2, 1, 1, -4]), value(["N", 2])],
    },
    { op: "shape.scatter_nd", attrs: { reduction }, operands: [value([5, 2]), given("i64", ["N", 1], [0, -1, 2]), value(["N", 2])] },
  ]),
  { op: "reduce.top_k", attrs: { k: 2, axis: 1 }, operands: [value(["N", 5, 2])] },
  { op: "reduce.top_k", attrs: { k: 3, largest: false }, operands: [value(["N", 5], "i64")] },
];

const roi = { size: [2, 3], scale: 0.5 };
const rois = given("f32", ["N", 4], [1, 2, 9, 8, -3, 0, 4, 12, 5, 5, 7, 6]);

const vision: readonly ExportCase[] = [
  { op: "nn.max_pool_index", attrs: { kernel: [2, 3], stride: [2, 2], pad: [1, 1, 0, 1], ceil: true }, operands: [value(["N", 2, 5, 6])] },
  { op: "nn.max_pool_index", attrs: { kernel: [2], dilation: [2] }, operands: [value([2, 3, 7])] },
  { op: "nn.roi_align", attrs: roi, operands: [value([2, 3, 7, 8]), rois, given("i64", ["N"], [0, 1, 1])] },
  { op: "nn.roi_align", attrs: { ...roi, sampling: 2 }, operands: [value([2, 3, 7, 8]), rois, given("i32", ["N"], [0, 1, 1])] },
  { op: "nn.roi_align", attrs: { ...roi, sampling: 1, half_pixel: false, mode: "max" }, opset: 13, operands: [value([2, 3, 7, 8]), rois, given("i64", ["N"], [0, 1, 1])] }, // biome-ignore format: one case a line
  { op: "math.det", operands: [value(["N", 3, 3])] },
];

const conversions: readonly ExportCase[] = [
  { op: "type.cast", attrs: { to: "i32" }, operands: [given("f32", [4], [-1.9, 1.9, 0.2, 100.5])] },
  { op: "type.cast", attrs: { to: "f16" }, operands: [value(["N", 4])] },
  { op: "type.cast", attrs: { to: "bool" }, operands: [given("f32", [3], [0, -2, 0.5])] },
  { op: "type.cast", attrs: { to: "f32" }, operands: [given("bool", [3], [0, 1, 1])] },
  { op: "type.cast", attrs: { to: "f32" }, operands: [constant([4, 3], "bf16")] },
  { op: "type.cast", attrs: { to: "u8" }, operands: [constant([5], "u1")] },
  { op: "type.cast", attrs: { to: "i32" }, operands: [constant([5], "i2")] },
  { op: "type.cast", attrs: { to: "i16" }, operands: [constant([5], "i4")] },
  ...(["u1", "u2", "i2", "u4", "i4"] as const).map((dtype): ExportCase => ({ op: "type.unpack", operands: [constant([3, 5], dtype)] })),
  { op: "type.unpack", operands: [constant([5], "i4")], opset: 17 },
];

const scaled = (shape: readonly number[]): OperandCase => {
  const operand = constant(shape);
  return { ...operand, tensor: { ...operand.tensor, data: (operand.tensor.data as Float32Array).map((v) => Math.abs(v) / 50 + 0.01) } };
};

const quantization: readonly ExportCase[] = [
  { op: "quant.quantize", operands: [value(["N", 6]), scaled([])] },
  { op: "quant.quantize", operands: [value(["N", 6]), scaled([]), fixed("i8", [], [-3])] },
  { op: "quant.quantize", attrs: { to: "u8" }, operands: [value(["N", 6]), scaled([]), fixed("u8", [], [128])] },
  { op: "quant.quantize", attrs: { axis: 1 }, operands: [value(["N", 3, 2]), scaled([3]), fixed("i8", [3], [1, 2, -3])] },
  { op: "quant.quantize", attrs: { axis: -2 }, operands: [value(["N", 3, 2]), scaled([3])] },
  { op: "quant.quantize", operands: [value(["N", 6]), scaled([])], opset: 13 },
  { op: "quant.quantize", attrs: { to: "i16" }, operands: [value(["N", 6]), scaled([])] },
  {
    op: "quant.quantize",
    attrs: { to: "i16", axis: 1 },
    operands: [value(["N", 3]), scaled([3]), fixed("i16", [3], [5, -6, 7])],
    opset: 17,
  },
  {
    op: "quant.quantize",
    attrs: { axis: 1, block: 2 },
    operands: [value(["N", 4]), scaled([3, 2])].map((o, i) => (i === 0 ? { ...o, shape: [3, 4] } : o)),
  },
  { op: "quant.dequantize", operands: [value(["N", 6], "i8"), scaled([]), fixed("i8", [], [-3])] },
  { op: "quant.dequantize", operands: [value(["N", 6], "u8"), scaled([])] },
  { op: "quant.dequantize", attrs: { axis: 0 }, operands: [constant([3, 4], "i4"), scaled([3])] },
  { op: "quant.dequantize", attrs: { axis: 1, block: 2 }, operands: [constant([3, 4], "u4"), scaled([3, 2]), constant([3, 2], "u4")] },
  { op: "quant.dequantize", attrs: { axis: 0 }, operands: [constant([3, 4], "i2"), scaled([3])] },
  { op: "quant.dequantize", operands: [constant([3, 4], "u1"), scaled([])] },
  { op: "quant.dequantize", operands: [constant([3, 4], "i32"), scaled([]), fixed("i32", [], [-7])] },
  { op: "quant.dequantize", operands: [constant([3, 4], "i16"), scaled([]), fixed("i16", [], [-7])], opset: 17 },
  { op: "quant.dequantize", operands: [constant([3, 4], "i8"), { ...scaled([]), tensor: hostTensor("f64", [], Float64Array.of(0.01)) }] },
  { op: "quant.fake", attrs: { axis: 1 }, operands: [value(["N", 3, 2]), scaled([3]), fixed("i8", [3], [1, 2, -3])] },
  { op: "quant.fake", attrs: { to: "i2" }, operands: [value(["N", 3, 2]), scaled([])] },
  { op: "quant.fake", attrs: { to: "u4" }, operands: [value(["N", 3, 2]), scaled([]), fixed("u4", [], [8])] },
  { op: "quant.fake", attrs: { to: "u4" }, operands: [value(["N", 3, 2]), scaled([]), fixed("u4", [], [8])], opset: 17 },
];

const tables: readonly ExportCase[] = [
  { op: "codebook.lookup", operands: [constant([16]), constant([3, 5], "u4")] },
  { op: "codebook.lookup", operands: [constant([4]), constant([7], "u2")] },
  { op: "codebook.lookup", operands: [constant([4, 3]), constant([2, 7], "u2")] },
  { op: "codebook.lookup", operands: [constant([256]), value(["N", 2], "u8")] },
  { op: "sparse.expand", attrs: { shape: [2, 4] }, operands: [value([3]), fixed("u1", [8], [0, 1, 0, 0, 1, 0, 0, 1])] },
  {
    op: "sparse.expand",
    attrs: { shape: [2, 4], format: "nm", n: 1, m: 2, axis: 1 },
    operands: [constant([4]), fixed("u2", [4], [1, 0, 0, 1])],
  },
  { op: "sparse.compress", attrs: { count: 3 }, operands: [value([2, 4]), fixed("u1", [8], [0, 1, 0, 0, 1, 0, 0, 1])] },
];

const halves: readonly ExportCase[] = [
  { op: "nn.conv", operands: [value(["N", 2, 5, 5], "f16"), constant([3, 2, 3, 3], "f16")], tolerance: 2e-3 },
  {
    op: "nn.linear",
    attrs: { activation: "relu" },
    operands: [value(["N", 4], "f16"), constant([3, 4], "f16"), constant([3], "f16")],
    tolerance: 2e-3,
  },
  { op: "math.add", operands: [value(["N", 4], "f16"), constant([4], "f16")], tolerance: 1e-3 },
  { op: "quant.dequantize", operands: [constant([4], "i8"), constant([], "f16")], tolerance: 1e-3 },
];

/** x, weight and recurrence of 5 units on 4 features, and both biases; states. */
const recurrent = (gates: number): readonly OperandCase[] => [
  value([6, "N", 4]),
  constant([gates * 5, 4]),
  constant([gates * 5, 5]),
  constant([2 * gates * 5]),
];
const recurrentState = (): OperandCase => value(["N", 5], "f32", 1);
const stepCounts = (dtype: DType): OperandCase => given(dtype, ["N"], [6, 2, 4]);

const sequences: readonly ExportCase[] = [
  { op: "nn.rnn", operands: recurrent(1) },
  { op: "nn.rnn", attrs: { activation: "affine", alpha: [0.3], beta: [0.2] }, operands: [...recurrent(1), recurrentState()], opset: 13 },
  { op: "nn.gru", attrs: { linear_before_reset: true }, operands: [...recurrent(3), recurrentState()] },
  { op: "nn.gru", attrs: { reverse: true, clip: 0.5 }, operands: [...recurrent(3), null, stepCounts("i64")] },
  { op: "nn.lstm", operands: [...recurrent(4).slice(0, 3), null, recurrentState(), recurrentState()] },
  {
    op: "nn.lstm",
    attrs: { gate: "hard_sigmoid", cell: "softsign", out: "elu", alpha: [0.2, 0, 0.7], beta: [0.5, 0, 0], input_forget: true },
    operands: [...recurrent(4), recurrentState(), recurrentState(), constant([15]), stepCounts("i32")],
    opset: 14,
  },
];

export const exportCases: readonly ExportCase[] = [
  ...math,
  ...layers,
  ...reductions,
  ...products,
  ...movements,
  ...conversions,
  ...vision,
  ...quantization,
  ...tables,
  ...halves,
  ...sequences,
  ...integers,
  ...integerLayers,
  ...gradients,
  ...bitcasts,
  ...adjoints,
  ...legalized,
];
