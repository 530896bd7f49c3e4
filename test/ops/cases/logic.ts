/** @file Cases of bits, truth values and remainders. */
import type { HostTensor } from "../../../ir-spec/index.ts";
import type { OpCase } from "../op-case.ts";
import { bool, f32, f64, i8, i16, i32, i64, u8, u32, u64 } from "../tensors.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const of = (op: string, inputs: readonly HostTensor[], expect: HostTensor, note: string): OpCase => ({
  op,
  inputs,
  expect: [expect],
  note,
});

const [x, y] = [bool([2, 1], [0, 1]), bool([2], [0, 1])];

/** Away from the jumps, where x / y is whole. */
const away = [f64([2, 3], [5.3, -5.3, 7.9, -7.9, 0.4, -2.2]), f64([3], [2, -3, 1.5])] as const;

export const cases: readonly OpCase[] = [
  of("math.and", [x, y], bool([2, 2], [0, 0, 0, 1]), "truth table"),
  of("math.or", [x, y], bool([2, 2], [0, 1, 1, 1]), "truth table"),
  of("math.xor", [x, y], bool([2, 2], [0, 1, 1, 0]), "truth table"),
  of("math.not", [bool([2], [0, 1])], bool([2], [1, 0]), "truth table"),
  of("math.and", [i8([3], [-1, 12, -128]), i8([3], [5, 10, -1])], i8([3], [5, 8, -128]), "i8"),
  of("math.or", [u32([2], [0x80000000, 3]), u32([2], [1, 4])], u32([2], [0x80000001, 7]), "u32 above 2^31"),
  of("math.xor", [i64([2], [-1, 2n ** 62n]), i64([1], [2n ** 62n])], i64([2], [-1n - 2n ** 62n, 0]), "i64"),
  of("math.not", [i16([3], [0, -1, 32767])], i16([3], [-1, 0, -32768]), "i16"),
  of("math.not", [u8([2], [0, 200])], u8([2], [255, 55]), "u8"),
  of("math.not", [u64([1], [1])], u64([1], [2n ** 64n - 2n]), "u64"),
  of("math.mod", [i32([6], [7, -7, 7, -7, 6, 5]), i32([6], [3, 3, -3, -3, 3, 0])], i32([6], [1, 2, -2, -1, 0, 0]), "sign of the divisor"),
  of("math.fmod", [i32([6], [7, -7, 7, -7, 6, 5]), i32([6], [3, 3, -3, -3, 3, 0])], i32([6], [1, -1, 1, -1, 0, 0]), "sign of the dividend"),
  of("math.mod", [i64([3], [-(2n ** 62n) - 1n, 5, -5]), i64([3], [4, -3, 0])], i64([3], [3, -1, 0]), "i64"),
  of("math.fmod", [i64([3], [-(2n ** 62n) - 1n, 5, -5]), i64([3], [4, -3, 0])], i64([3], [-1, 2, 0]), "i64"),
  of("math.mod", [i8([1], [100]), i8([1], [-128])], i8([1], [-28]), "the sum with the divisor does not wrap"),
  of("math.mod", [u32([1], [2 ** 32 - 1]), u32([1], [10])], u32([1], [5]), "u32"),
  of("math.mod", [f64([4], [5.5, -5.5, 5.5, 3]), f64([4], [2, 2, -2, inf])], f64([4], [1.5, 0.5, -0.5, 3]), "floats"),
  of("math.fmod", [f32([5], [5.5, -5.5, 5.5, inf, 1]), f32([5], [2, 2, -2, 2, 0])], f32([5], [1.5, -1.5, 1.5, nan, nan]), "floats"),
  ...["math.mod", "math.fmod"].map((op): OpCase => ({ op, note: "gradient", inputs: [...away], gradient: [true, true] })),
];
