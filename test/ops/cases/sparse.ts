/** @file Cases of the dialect `sparse`. */
import { type HostTensor, hostTensor } from "../../../ir-spec/index.ts";
import type { OpCase } from "../op-case.ts";

const f64 = (shape: readonly number[], values: readonly number[]): HostTensor => hostTensor("f64", shape, Float64Array.from(values));
const bits = (values: readonly number[]): HostTensor => hostTensor("u1", [values.length], Uint8Array.from(values));
const u2 = (values: readonly number[]): HostTensor => hostTensor("u2", [values.length], Uint8Array.from(values));

const mask = bits([0, 1, 1, 0, 0, 1]);
const twoOfFour = { format: "nm", n: 2, m: 4 };

export const cases: readonly OpCase[] = [
  {
    op: "sparse.expand",
    note: "mask, row-major",
    inputs: [f64([3], [7, 8, 9]), mask],
    attrs: { shape: [2, 3] },
    expect: [f64([2, 3], [0, 7, 8, 0, 0, 9])],
  },
  {
    op: "sparse.expand",
    note: "2:4 along the last axis",
    inputs: [f64([4], [1, 2, 3, 4]), u2([0, 3, 1, 2])],
    attrs: { shape: [2, 4], ...twoOfFour },
    expect: [f64([2, 4], [1, 0, 0, 2, 0, 3, 4, 0])],
  },
  {
    op: "sparse.expand",
    note: "2:4 along the first axis: values row-major in [2, 2]",
    inputs: [f64([4], [1, 2, 3, 4]), u2([0, 1, 2, 3])],
    attrs: { shape: [4, 2], ...twoOfFour, axis: 0 },
    expect: [f64([4, 2], [1, 0, 0, 2, 3, 0, 0, 4])],
  },
  {
    op: "sparse.expand",
    note: "i8",
    inputs: [hostTensor("i8", [1], Int8Array.of(-5)), bits([0, 1])],
    attrs: { shape: [2] },
    expect: [hostTensor("i8", [2], Int8Array.of(0, -5))],
  },
  { op: "sparse.expand", note: "gradient, mask", inputs: [f64([3], [7, 8, 9]), mask], attrs: { shape: [2, 3] }, gradient: [true, false] },
  {
    op: "sparse.expand",
    note: "gradient, 2:4",
    inputs: [f64([4], [1, 2, 3, 4]), u2([0, 1, 3, 2])],
    attrs: { shape: [4, 2], ...twoOfFour, axis: 0 },
    gradient: [true, false],
  },
  {
    op: "sparse.compress",
    note: "mask",
    inputs: [f64([2, 3], [1, 2, 3, 4, 5, 6]), mask],
    attrs: { count: 3 },
    expect: [f64([3], [2, 3, 6])],
  },
  {
    op: "sparse.compress",
    note: "gradient, 2:4",
    inputs: [f64([2, 4], [1, 2, 3, 4, 5, 6, 7, 8]), u2([0, 3, 1, 2])],
    attrs: { count: 4, ...twoOfFour },
    gradient: [true, false],
  },
];
