/** @file Cases of the dialect `nn`: small numbers worked by hand, and gradients against central differences. */
import { type DType, type HostTensor, hostTensor } from "../../../ir-spec/index.ts";
import { seeded } from "../../support/seeded.ts";
import type { OpCase } from "../op-case.ts";

const random = seeded(11);
const f64 = (shape: readonly number[], values: readonly number[]): HostTensor => hostTensor("f64", shape, Float64Array.from(values));
const f32 = (shape: readonly number[], values: readonly number[], dtype: DType = "f32"): HostTensor =>
  hostTensor(dtype, shape, Float32Array.from(values));
const noise = (...shape: readonly number[]): HostTensor => random.tensor("f64", shape);

/** Distinct values well apart, so that a central difference never crosses a maximum. */
function apart(...shape: readonly number[]): HostTensor {
  const count = shape.reduce((n, d) => n * d, 1);
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.int(0, i);
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return f64(
    shape,
    order.map((v) => v / 4 - 2),
  );
}

const linear: readonly OpCase[] = [
  {
    op: "nn.linear",
    note: "by hand, with bias",
    inputs: [f32([2, 3], [1, 2, 3, -1, 0, 4]), f32([2, 3], [1, 0, -1, 2, 1, 0.5]), f32([2], [10, 20])],
    expect: [f32([2, 2], [8, 25.5, 5, 20])],
  },
  {
    op: "nn.linear",
    note: "relu6, rank-1 x",
    inputs: [f32([2], [1, 2]), f32([3, 2], [1, 1, -1, 0, 4, 4]), null],
    attrs: { activation: "relu6" },
    expect: [f32([3], [3, 0, 6])],
  },
  {
    op: "nn.linear",
    note: "f16: sums in f64 and rounds once",
    inputs: [f32([1, 3], [2048, 1, 1], "f16"), f32([1, 3], [1, 1, 1], "f16"), null],
    expect: [f32([1, 1], [2050], "f16")],
  },
  { op: "nn.linear", note: "gradient", inputs: [noise(2, 3, 4), noise(5, 4), noise(5)], gradient: [true, true, true] },
  { op: "nn.linear", note: "gradient, rank-1 x", inputs: [noise(4), noise(3, 4), noise(3)], gradient: [true, true, true] },
  {
    op: "nn.linear",
    note: "gradient, relu",
    inputs: [noise(6, 4), noise(5, 4), noise(5)],
    attrs: { activation: "relu" },
    gradient: [true, true, true],
  },
  {
    op: "nn.linear",
    note: "gradient, relu6 with both ends reached",
    inputs: [random.tensor("f64", [6, 4], 4), random.tensor("f64", [5, 4], 2), noise(5)],
    attrs: { activation: "relu6" },
    gradient: [true, true, true],
  },
];

const matmul: readonly OpCase[] = [
  {
    op: "nn.matmul",
    note: "by hand",
    inputs: [f32([2, 2], [1, 2, 3, 4]), f32([2, 3], [1, 0, 2, 0, 1, -1])],
    expect: [f32([2, 3], [1, 2, 0, 3, 4, 2])],
  },
  { op: "nn.matmul", note: "vectors", inputs: [f32([3], [1, 2, 3]), f32([3], [4, 5, 6])], expect: [f32([], [32])] },
  { op: "nn.matmul", note: "gradient", inputs: [noise(3, 4), noise(4, 5)], gradient: [true, true] },
  { op: "nn.matmul", note: "gradient, vectors", inputs: [noise(4), noise(4)], gradient: [true, true] },
  { op: "nn.matmul", note: "gradient, row times matrices", inputs: [noise(4), noise(2, 4, 3)], gradient: [true, true] },
  { op: "nn.matmul", note: "gradient, matrices times column", inputs: [noise(2, 3, 4), noise(4)], gradient: [true, true] },
  { op: "nn.matmul", note: "gradient, broadcast", inputs: [noise(2, 1, 3, 4), noise(3, 4, 2)], gradient: [true, true] },
];

const image = f32([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);

const conv: readonly OpCase[] = [
  {
    op: "nn.conv",
    note: "by hand",
    inputs: [image, f32([1, 1, 2, 2], [1, 0, 0, -1]), f32([1], [0.5])],
    expect: [f32([1, 1, 2, 2], [-3.5, -3.5, -3.5, -3.5])],
  },
  {
    op: "nn.conv",
    note: "stride, asymmetric pad, relu",
    inputs: [image, f32([1, 1, 2, 2], [1, 0, 0, -1]), null],
    attrs: { stride: [2, 2], pad: [1, 1, 0, 0], activation: "relu" },
    expect: [f32([1, 1, 2, 2], [0, 0, 0, 0])],
  },
  {
    op: "nn.conv",
    note: "depthwise, 1-D, dilation",
    inputs: [f32([1, 2, 4], [1, 2, 3, 4, 10, 20, 30, 40]), f32([2, 1, 2], [1, 1, 1, -1]), null],
    attrs: { groups: 2, dilation: [2] },
    expect: [f32([1, 2, 2], [4, 6, -20, -20])],
  },
  {
    op: "nn.conv",
    note: "gradient: stride, pad, dilation",
    inputs: [noise(2, 2, 6, 5), noise(3, 2, 3, 2), noise(3)],
    attrs: { stride: [2, 1], pad: [1, 0, 0, 1], dilation: [1, 2] },
    gradient: [true, true, true],
  },
  {
    op: "nn.conv",
    note: "gradient: groups, relu",
    inputs: [noise(2, 4, 4, 4), noise(6, 2, 3, 3), noise(6)],
    attrs: { groups: 2, pad: [1, 1, 1, 1], activation: "relu" },
    gradient: [true, true, true],
  },
  {
    op: "nn.conv",
    note: "gradient: rows that no window reaches",
    inputs: [noise(1, 1, 6), noise(1, 1, 2), null],
    attrs: { stride: [3] },
    gradient: [true, true, false],
  },
  {
    op: "nn.conv",
    note: "gradient: depthwise, 1-D",
    inputs: [noise(1, 3, 7), noise(3, 1, 3), null],
    attrs: { groups: 3 },
    gradient: [true, true, false],
  },
  { op: "nn.conv", note: "gradient: 3-D", inputs: [noise(1, 2, 3, 3, 3), noise(2, 2, 2, 2, 2), null], gradient: [true, true, false] },
  {
    op: "nn.conv_input_grad",
    note: "by hand",
    inputs: [f32([1, 1, 2, 2], [1, 2, 3, 4]), f32([1, 1, 2, 2], [1, 10, 100, 1000])],
    attrs: { spatial: [3, 3] },
    expect: [f32([1, 1, 3, 3], [1, 12, 20, 103, 1234, 2040, 300, 3400, 4000])],
  },
  {
    op: "nn.conv_input_grad",
    note: "gradient",
    inputs: [noise(1, 4, 3, 3), noise(4, 1, 2, 2)],
    attrs: { spatial: [5, 5], stride: [2, 2], pad: [1, 1, 0, 0], groups: 2 },
    gradient: [true, true],
  },
  {
    op: "nn.conv_weight_grad",
    note: "by hand",
    inputs: [image, f32([1, 1, 2, 2], [1, 0, 0, 2])],
    attrs: { kernel: [2, 2] },
    expect: [f32([1, 1, 2, 2], [11, 14, 20, 23])],
  },
  {
    op: "nn.conv_weight_grad",
    note: "gradient",
    inputs: [noise(2, 4, 5, 5), noise(2, 4, 3, 3)],
    attrs: { kernel: [2, 2], stride: [2, 2], pad: [1, 1, 0, 0], groups: 2 },
    gradient: [true, true],
  },
];

const pool: readonly OpCase[] = [
  {
    op: "nn.max_pool",
    note: "by hand",
    inputs: [image],
    attrs: { kernel: [2, 2], stride: [2, 2], ceil: true },
    expect: [f32([1, 1, 2, 2], [5, 6, 8, 9])],
  },
  {
    op: "nn.max_pool",
    note: "negative values beat padding; NaN beats all",
    inputs: [f32([1, 1, 4], [-3, -2, Number.NaN, 7])],
    attrs: { kernel: [2], stride: [2], pad: [1, 1] },
    expect: [f32([1, 1, 3], [-3, Number.NaN, 7])],
  },
  {
    op: "nn.max_pool",
    note: "i8",
    inputs: [hostTensor("i8", [1, 1, 4], Int8Array.of(-128, -5, 3, 100))],
    attrs: { kernel: [3] },
    expect: [hostTensor("i8", [1, 1, 2], Int8Array.of(3, 100))],
  },
  {
    op: "nn.max_pool",
    note: "gradient",
    inputs: [apart(2, 2, 5, 4)],
    attrs: { kernel: [3, 2], stride: [2, 1], pad: [1, 0, 1, 1], dilation: [1, 2] },
    gradient: [true],
  },
  {
    op: "nn.max_pool_grad",
    note: "the first of equal maxima gets it",
    inputs: [f32([1, 1, 4], [7, 7, 1, 7]), f32([1, 1, 3], [1, 10, 100])],
    attrs: { kernel: [2] },
    expect: [f32([1, 1, 4], [1, 10, 0, 100])],
  },
  {
    op: "nn.avg_pool",
    note: "padding not counted, a ceil window cut off",
    inputs: [image],
    attrs: { kernel: [2, 2], stride: [2, 2], pad: [1, 1, 0, 0] },
    expect: [f32([1, 1, 2, 2], [1, 2.5, 5.5, 7])],
  },
  {
    op: "nn.avg_pool",
    note: "padding counted",
    inputs: [image],
    attrs: { kernel: [2, 2], stride: [2, 2], pad: [1, 1, 0, 0], count_pad: true },
    expect: [f32([1, 1, 2, 2], [0.25, 1.25, 2.75, 7])],
  },
  {
    op: "nn.avg_pool",
    note: "gradient",
    inputs: [noise(2, 2, 5, 5)],
    attrs: { kernel: [3, 2], stride: [2, 2], pad: [1, 0, 0, 1] },
    gradient: [true],
  },
  {
    op: "nn.avg_pool",
    note: "gradient: ceil, padding counted",
    inputs: [noise(1, 2, 6)],
    attrs: { kernel: [3], stride: [2], pad: [1, 1], ceil: true, count_pad: true },
    gradient: [true],
  },
  {
    op: "nn.avg_pool_grad",
    note: "by hand",
    inputs: [f32([1, 1, 2], [6, 4])],
    attrs: { spatial: [3], kernel: [2] },
    expect: [f32([1, 1, 3], [3, 5, 2])],
  },
  {
    op: "nn.avg_pool_grad",
    note: "gradient",
    inputs: [noise(1, 2, 3)],
    attrs: { spatial: [6], kernel: [3], stride: [2], pad: [1, 0] },
    gradient: [true],
  },
  {
    op: "nn.avg_pool_grad",
    note: "gradient: ceil",
    inputs: [noise(1, 2, 3)],
    attrs: { spatial: [6], kernel: [3], stride: [2] },
    gradient: [true],
  },
];

const batchNorm: readonly OpCase[] = [
  {
    op: "nn.batch_norm",
    note: "by hand",
    inputs: [f32([1, 2, 2], [1, 3, 0, 4]), f32([2], [2, 1]), f32([2], [0, 10]), f32([2], [1, 2]), f32([2], [3, 0])],
    attrs: { epsilon: 1 },
    expect: [f32([1, 2, 2], [0, 2, 8, 12])],
  },
  {
    op: "nn.batch_norm",
    note: "gradient",
    inputs: [noise(2, 3, 2, 2), noise(3), noise(3), noise(3), f64([3], [0.5, 1, 2])],
    gradient: [true, true, true, true, true],
  },
];

export const cases: readonly OpCase[] = [...linear, ...matmul, ...conv, ...pool, ...batchNorm];
