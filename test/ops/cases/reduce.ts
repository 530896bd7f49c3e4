/** @file Cases of the dialect `reduce`. */
import type { AttrInput, HostTensor } from "../../../ir-spec/index.ts";
import type { OpCase } from "../op-case.ts";
import { bool, f16, f32, f64, i8, i32, i64, spread, u8, u64 } from "../tensors.ts";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const of = (op: string, note: string, attrs: AttrInput, x: HostTensor, expect: HostTensor): OpCase => ({
  op,
  note,
  attrs,
  inputs: [x],
  expect: [expect],
});

const cube = f32([2, 2, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);

const values: readonly OpCase[] = [
  of("reduce.sum", "first axis", { axes: [0] }, cube, f32([2, 3], [8, 10, 12, 14, 16, 18])),
  of("reduce.sum", "middle axis, kept", { axes: [1], keepdims: true }, cube, f32([2, 1, 3], [5, 7, 9, 17, 19, 21])),
  of("reduce.sum", "last axis, counted from the end", { axes: [-1] }, cube, f32([2, 2], [6, 15, 24, 33])),
  of("reduce.sum", "outer axes", { axes: [0, 2] }, cube, f32([2], [30, 48])),
  of("reduce.sum", "all axes", { axes: [2, 1, 0] }, cube, f32([], [78])),
  of("reduce.sum", "no axes", { axes: [] }, f32([2], [1, 2]), f32([2], [1, 2])),
  of("reduce.sum", "no elements", { axes: [1] }, f32([2, 0], []), f32([2], [0, 0])),
  of("reduce.sum", "i8 wraps", { axes: [0] }, i8([3], [100, 100, 100]), i8([], [44])),
  of("reduce.sum", "i64 wraps", { axes: [0] }, i64([2], [2n ** 62n, 2n ** 62n]), i64([], [-(2n ** 63n)])),
  // 2048 + 1 + 1 is 2050 when summed in f64, 2048 when every step is rounded to f16.
  of("reduce.sum", "f16 rounds once", { axes: [0] }, f16([3], [2048, 1, 1]), f16([], [2050])),
  of("reduce.mean", "two axes", { axes: [1, 2] }, cube, f32([2], [3.5, 9.5])),
  of("reduce.mean", "kept", { axes: [0], keepdims: true }, f64([2, 2], [1, 2, 3, 5]), f64([1, 2], [2, 3.5])),
  of("reduce.mean", "no elements", { axes: [0] }, f64([0], []), f64([], [nan])),
  of("reduce.max", "last axis", { axes: [2] }, f32([1, 2, 3], [1, 7, 3, -4, -5, -6]), f32([1, 2], [7, -4])),
  of("reduce.max", "outer axes, kept", { axes: [0, 2], keepdims: true }, cube, f32([1, 2, 1], [9, 12])),
  of("reduce.max", "NaN wins", { axes: [0] }, f32([3], [1, nan, inf]), f32([], [nan])),
  of("reduce.max", "u8", { axes: [0] }, u8([3], [1, 200, 3]), u8([], [200])),
  of("reduce.max", "i64 below 0", { axes: [0] }, i64([2], [-(2n ** 62n), -(2n ** 62n) - 1n]), i64([], [-(2n ** 62n)])),
  of("reduce.max", "u64", { axes: [0] }, u64([2], [0, 0]), u64([], [0])),
  of("reduce.max", "no elements", { axes: [1] }, f32([2, 0], []), f32([2], [-inf, -inf])),
  of("reduce.max", "no elements of i8", { axes: [0] }, i8([0], []), i8([], [-128])),
  of("reduce.max", "bool", { axes: [1] }, bool([2, 2], [0, 0, 0, 1]), bool([2], [0, 1])),
  of("reduce.min", "last axis", { axes: [2] }, f32([1, 2, 3], [1, 7, 3, -4, -5, -6]), f32([1, 2], [1, -6])),
  of("reduce.min", "NaN wins", { axes: [0] }, f32([3], [1, nan, -inf]), f32([], [nan])),
  of("reduce.min", "no elements", { axes: [0], keepdims: true }, f64([0], []), f64([1], [inf])),
  of("reduce.min", "u64", { axes: [0] }, u64([2], [2n ** 63n, 2n ** 64n - 1n]), u64([], [2n ** 63n])),
  of("reduce.min", "no elements of u64", { axes: [0] }, u64([0], []), u64([], [2n ** 64n - 1n])),
  of("reduce.min", "bool", { axes: [0] }, bool([2, 2], [0, 1, 1, 1]), bool([2], [0, 1])),
  of("reduce.prod", "middle axis, kept", { axes: [1], keepdims: true }, cube, f32([2, 1, 3], [4, 10, 18, 70, 88, 108])),
  of("reduce.prod", "no elements", { axes: [1] }, f32([2, 0], []), f32([2], [1, 1])),
  // 3^25 = 847288609443 = 197 * 2^32 + 1180052131.
  of("reduce.prod", "i32 wraps", { axes: [0] }, i32([5], [243, 243, 243, 243, 243]), i32([], [1180052131])),
  of("reduce.prod", "i64 wraps", { axes: [0] }, i64([2], [2n ** 40n + 1n, 2n ** 30n]), i64([], [2n ** 30n])),
  of("reduce.cumsum", "last axis", { axis: 1 }, f32([2, 3], [1, 2, 3, 4, 5, 6]), f32([2, 3], [1, 3, 6, 4, 9, 15])),
  of(
    "reduce.cumsum",
    "first axis, exclusive",
    { axis: 0, exclusive: true },
    f32([3, 2], [1, 2, 3, 4, 5, 6]),
    f32([3, 2], [0, 0, 1, 2, 4, 6]),
  ),
  of("reduce.cumsum", "reverse", { axis: -1, reverse: true }, f64([4], [1, 2, 3, 4]), f64([4], [10, 9, 7, 4])),
  of("reduce.cumsum", "both", { axis: 0, reverse: true, exclusive: true }, f64([4], [1, 2, 3, 4]), f64([4], [9, 7, 4, 0])),
  of("reduce.cumsum", "i8 wraps", { axis: 0 }, i8([3], [100, 100, -100]), i8([3], [100, -56, 100])),
  of("reduce.cumsum", "f16 rounds once", { axis: 0 }, f16([3], [2048, 1, 1]), f16([3], [2048, 2048, 2050])),
  of("reduce.cumprod", "middle axis", { axis: 1 }, f32([1, 3, 2], [1, 2, 3, 4, 5, 6]), f32([1, 3, 2], [1, 2, 3, 8, 15, 48])),
  of("reduce.cumprod", "exclusive, reverse", { axis: 0, exclusive: true, reverse: true }, f64([3], [2, 3, 5]), f64([3], [15, 5, 1])),
  of("reduce.cumprod", "i64 wraps", { axis: 0 }, i64([3], [3, 2n ** 62n, 2]), i64([3], [3, -(2n ** 62n), 2n ** 63n])),
  of("reduce.argmax", "last of equals", { axis: 1, last: true }, f32([2, 3], [3, 5, 5, 9, 9, 1]), i64([2], [2, 1])),
  of("reduce.argmax", "last NaN", { axis: 0, last: true }, f32([4], [1, nan, nan, inf]), i64([], [2])),
  of("reduce.argmax", "first of equals", { axis: 1 }, f32([2, 3], [3, 5, 5, 9, 9, 1]), i64([2], [1, 0])),
  of(
    "reduce.argmax",
    "middle axis, kept",
    { axis: 1, keepdims: true },
    f32([2, 2, 2], [1, 9, 2, 8, 5, 6, 7, 6]),
    i64([2, 1, 2], [1, 0, 1, 0]),
  ),
  of("reduce.argmax", "first NaN", { axis: -1 }, f32([4], [1, nan, inf, nan]), i64([], [1])),
  of("reduce.argmax", "i64 beyond 2^53", { axis: 0 }, i64([2], [2n ** 53n, 2n ** 53n + 1n]), i64([], [1])),
];

const gradients: readonly OpCase[] = ["reduce.sum", "reduce.mean", "reduce.max", "reduce.min", "reduce.prod"].flatMap((op) =>
  [{ axes: [1] }, { axes: [0, 2], keepdims: true }, { axes: [-1, 0] }, { axes: [0, 1, 2] }, { axes: [] }].map((attrs) => ({
    op,
    note: `gradient, axes [${attrs.axes.join(", ")}]`,
    attrs,
    inputs: [spread(2, 3, 2)],
    gradient: [true],
  })),
);

const ties: readonly OpCase[] = [
  // The difference through a kink that two elements share is half the slope, which is the even share.
  {
    op: "reduce.max",
    note: "gradient, two equal maxima",
    attrs: { axes: [1] },
    inputs: [f64([2, 3], [3, 3, 1, 0, 5, 2])],
    gradient: [true],
  },
];

const scans: readonly OpCase[] = ["reduce.cumsum", "reduce.cumprod"].flatMap((op) =>
  [{ axis: 1 }, { axis: 0, exclusive: true }, { axis: -1, reverse: true }, { axis: 1, exclusive: true, reverse: true }].map((attrs) => ({
    op,
    note: `gradient, ${JSON.stringify(attrs)}`,
    attrs,
    inputs: [spread(2, 3, 2)],
    gradient: [true],
  })),
);

const zeros: OpCase = {
  op: "reduce.prod",
  note: "gradient of products with zeros",
  attrs: { axes: [1] },
  inputs: [f64([3, 3], [0, 2, 3, 0, 0, 4, 1, 2, 5])],
  gradient: [true],
};

export const cases: readonly OpCase[] = [...values, ...gradients, ...ties, ...scans, zeros];
