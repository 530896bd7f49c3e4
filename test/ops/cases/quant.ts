/** @file Cases of the dialect `quant`. */
import { type HostTensor, hostTensor } from "../../../ir-spec/index.ts";
import type { OpCase } from "../op-case.ts";

const f32 = (shape: readonly number[], values: readonly number[]): HostTensor => hostTensor("f32", shape, Float32Array.from(values));
const f64 = (shape: readonly number[], values: readonly number[]): HostTensor => hostTensor("f64", shape, Float64Array.from(values));
const i8 = (shape: readonly number[], values: readonly number[]): HostTensor => hostTensor("i8", shape, Int8Array.from(values));
const u8 = (shape: readonly number[], values: readonly number[]): HostTensor => hostTensor("u8", shape, Uint8Array.from(values));
const i4 = (shape: readonly number[], values: readonly number[]): HostTensor => hostTensor("i4", shape, Int8Array.from(values));

export const cases: readonly OpCase[] = [
  {
    op: "quant.quantize",
    note: "half to even, saturation, infinities; NaN is the zero point",
    inputs: [
      f32([9], [0.25, 0.75, -0.25, -1.25, 63.6, -1000, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]),
      f32([], [0.5]),
      i8([], [3]),
    ],
    expect: [i8([9], [3, 5, 3, 1, 127, -128, 127, -128, 3])],
  },
  {
    op: "quant.quantize",
    note: "per axis, u8",
    inputs: [f32([2, 2], [1, 2, 1, 2]), f32([2], [1, 0.25]), u8([2], [10, 250])],
    attrs: { axis: 1, to: "u8" },
    expect: [u8([2, 2], [11, 255, 11, 255])],
  },
  {
    op: "quant.quantize",
    note: "blocked with a short last block, i4",
    inputs: [f32([1, 5], [1, 2, 3, 4, 5]), f32([1, 3], [1, 2, 0.5]), null],
    attrs: { axis: -1, block: 2, to: "i4" },
    expect: [i4([1, 5], [1, 2, 2, 2, 7])],
  },
  {
    op: "quant.dequantize",
    note: "per tensor, zero point",
    inputs: [u8([3], [0, 128, 255]), f32([], [0.5]), u8([], [128])],
    expect: [f32([3], [-64, 0, 63.5])],
  },
  {
    op: "quant.dequantize",
    note: "blocked along the first axis",
    inputs: [i4([3, 2], [1, 2, 3, 4, 5, 6]), f32([2, 2], [1, 10, 100, 1000]), null],
    attrs: { axis: 0, block: 2 },
    expect: [f32([3, 2], [1, 20, 3, 40, 500, 6000])],
  },
  {
    op: "quant.dequantize",
    note: "gradient, per tensor",
    inputs: [i8([3], [-3, 0, 100]), f64([], [0.5]), i8([], [7])],
    gradient: [false, true, false],
  },
  {
    op: "quant.dequantize",
    note: "gradient, per axis",
    inputs: [u8([2, 3, 2], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), f64([3], [0.5, 0.25, 2]), u8([3], [1, 2, 3])],
    attrs: { axis: 1 },
    gradient: [false, true, false],
  },
  {
    op: "quant.dequantize",
    note: "gradient, blocked with a short last block",
    inputs: [i4([2, 5], [1, -2, 3, -4, 5, 6, 7, -8, 0, 1]), f64([2, 3], [0.5, 0.25, 2, 1, 3, 0.125]), i4([2, 3], [1, 0, -1, 2, 3, -4])],
    attrs: { axis: 1, block: 2 },
    gradient: [false, true, false],
  },
  {
    op: "quant.fake",
    note: "rounds and saturates in float",
    inputs: [f32([5], [0.3, -0.3, 0.75, 100, -100]), f32([], [0.5]), null],
    expect: [f32([5], [0.5, -0.5, 1, 63.5, -64])],
  },
  {
    op: "quant.fake",
    note: "per axis with zero points, u8",
    inputs: [f32([2, 2], [-1, -1, 1, 300]), f32([2], [0.5, 1]), u8([2], [1, 100])],
    attrs: { axis: 0, to: "u8" },
    expect: [f32([2, 2], [-0.5, -0.5, 1, 155])],
  },
];
