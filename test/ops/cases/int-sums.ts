/** @file Cases of integer products whose sums stay i32, worked by hand. */
import type { OpCase } from "../op-case.ts";
import { i8, i32, u8 } from "../tensors.ts";

const many = (value: number, count: number) => new Array<number>(count).fill(value);

export const cases: readonly OpCase[] = [
  {
    op: "int.matmul",
    note: "no zero points, different dtypes",
    inputs: [u8([2, 3], [1, 2, 255, 0, 4, 5]), i8([3, 2], [1, -1, 2, -2, 3, -128]), null, null],
    expect: [i32([2, 2], [770, -32645, 23, -648])],
  },
  {
    op: "int.matmul",
    note: "a zero point of a, one per column of b, a stack by one matrix",
    inputs: [i8([2, 1, 2], [1, 2, 3, 4]), u8([2, 2], [10, 20, 30, 40]), i8([], [1]), u8([2], [10, 0])],
    // a: [0 1], [2 3]; b: [[0 20], [20 40]].
    expect: [i32([2, 1, 2], [20, 40, 60, 160])],
  },
  {
    op: "int.matmul",
    note: "sums that f32 does not hold, and that wrap",
    inputs: [u8([1, 33026], many(255, 33026)), u8([33026, 1], many(255, 33026)), null, null],
    // 33026 * 255^2 = 2147515650 = 2^31 + 32002.
    expect: [i32([1, 1], [-(2 ** 31) + 32002])],
  },
  {
    op: "int.conv_sums",
    note: "padding contributes 0, whatever the zero point",
    inputs: [u8([1, 1, 2, 2], [11, 12, 13, 14]), u8([1, 1, 3, 3], many(1, 9)), u8([], [10]), null],
    attrs: { pad: [1, 1, 1, 1] },
    expect: [i32([1, 1, 2, 2], [10, 10, 10, 10])],
  },
  {
    op: "int.conv_sums",
    note: "groups, stride, dilation, a zero point per output channel",
    inputs: [i8([1, 2, 5], [1, 2, 3, 4, 5, 10, 20, 30, 40, 50]), i8([2, 1, 2], [1, 1, 1, -1]), null, i8([2], [0, 1])],
    attrs: { groups: 2, stride: [2], dilation: [2] },
    // Weights less their zero points: [1 1], [0 -2].
    expect: [i32([1, 2, 2], [4, 8, -60, -100])],
  },
];
