/** @file Cases of the dialect `int`, worked by hand. */
import type { OpCase } from "../op-case.ts";
import { i8, i32, u8 } from "../tensors.ts";

const half = 2 ** 30;
/** Multiplier and shift of the factor 1/2, 1 and 1/4. */
const [halves, ones, quarters] = [
  [half, 31],
  [half, 30],
  [half, 32],
] as const;
const scale = ([multiplier, shift]: readonly [number, number]) => [i32([], [multiplier]), i32([], [shift])] as const;

export const cases: readonly OpCase[] = [
  {
    op: "int.conv",
    note: "halves of sums round up, negative ones too",
    inputs: [i8([1, 1, 1, 6], [1, 3, -1, -3, 2, -2]), i8([1, 1, 1, 1], [1]), null, ...scale(halves)],
    expect: [i8([1, 1, 1, 6], [1, 2, 0, -1, 1, -1])],
  },
  {
    op: "int.conv",
    note: "padding is the zero point, bias and scale per channel",
    inputs: [
      i8([1, 1, 2, 2], [11, 12, 13, 14]),
      i8([2, 1, 3, 3], [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0]),
      i32([2], [0, 100]),
      i32([2], [half, half]),
      i32([2], [30, 31]),
    ],
    attrs: { pad: [1, 1, 1, 1], x_zero: 10, y_zero: -5 },
    // Sums: all four centred values (10) everywhere; 1..4 plus 100, halved with halves up.
    expect: [i8([1, 2, 2, 2], [5, 5, 5, 5, 46, 46, 47, 47])],
  },
  {
    op: "int.conv",
    note: "saturates at both ends of u8, and a fused relu",
    inputs: [u8([1, 1, 4], [0, 100, 200, 255]), i8([2, 1, 1], [4, -4]), null, ...scale(ones)],
    attrs: { x_zero: 100, y_zero: 7, to: "u8", min: 7 },
    expect: [u8([1, 2, 4], [7, 7, 255, 255, 255, 7, 7, 7])],
  },
  {
    op: "int.conv",
    note: "groups, stride, dilation",
    inputs: [i8([1, 2, 5], [1, 2, 3, 4, 5, 10, 20, 30, 40, 50]), i8([2, 1, 2], [1, 1, 1, -1]), null, ...scale(ones)],
    attrs: { groups: 2, stride: [2], dilation: [2] },
    expect: [i8([1, 2, 2], [4, 8, -20, -20])],
  },
  {
    op: "int.conv",
    note: "a sum beyond i32 wraps",
    inputs: [i8([1, 1, 1], [1]), i8([1, 1, 1], [1]), i32([1], [2 ** 31 - 1]), i32([], [half]), i32([], [54])],
    // -2^31 * 2^30 / 2^54 = -128.
    expect: [i8([1, 1, 1], [-128])],
  },
  {
    op: "int.linear",
    note: "zero point, bias, quarter",
    inputs: [i8([2, 3], [1, 2, 3, -1, -2, -3]), i8([2, 3], [1, 1, 1, 1, 0, -1]), i32([2], [3, 0]), ...scale(quarters)],
    attrs: { x_zero: 1, y_zero: 1 },
    // Sums [6, -2], [-6, 2]: 1.5 -> 2, -0.5 -> 0, -1.5 -> -1, 0.5 -> 1.
    expect: [i8([2, 2], [3, 1, 0, 2])],
  },
  {
    op: "int.linear",
    note: "multiplier 0 gives the zero point; shift 62 the largest there is",
    inputs: [i8([1], [100]), i8([2, 1], [100, 100]), i32([2], [0, 2 ** 31 - 10001]), i32([2], [0, 2 ** 31 - 1]), i32([2], [0, 62])],
    attrs: { y_zero: 9 },
    // (2^31 - 1)^2 / 2^62 is a little below 1.
    expect: [i8([2], [9, 10])],
  },
  {
    op: "int.add",
    note: "two steps, rounding of both signs",
    inputs: [i8([4], [3, -3, 127, -128]), i8([4], [1, 0, 127, -128])],
    attrs: { a_multiplier: 2, b_multiplier: 4, shift: 2 },
    // 10/4 -> 3 (up), -6/4 = -1.5 -> -1, 190.5 and -192 saturate.
    expect: [i8([4], [3, -1, 127, -128])],
  },
  {
    op: "int.add",
    note: "broadcasts, zero points, u8 and i8 to u8, no shift",
    inputs: [u8([2, 2], [130, 128, 0, 255]), i8([2], [1, -1])],
    attrs: { a_zero: 128, b_zero: 1, y_zero: 100, a_multiplier: 1, b_multiplier: 3, shift: 0, to: "u8", max: 200 },
    expect: [u8([2, 2], [102, 94, 0, 200])],
  },
  {
    op: "int.add",
    note: "the largest multipliers still fit",
    inputs: [u8([2], [255, 0]), u8([2], [255, 0])],
    attrs: { a_zero: 0, b_zero: 0, a_multiplier: 2 ** 21, b_multiplier: 2 ** 21, shift: 29, to: "u8" },
    // 510 * 2^21 / 2^29 = 1.99.
    expect: [u8([2], [2, 0])],
  },
  {
    op: "int.requantize",
    note: "u8 to i8, halves up",
    inputs: [u8([5], [0, 127, 128, 129, 255])],
    attrs: { x_zero: 128, multiplier: 3, shift: 1, y_zero: 1 },
    // -192, -1.5 -> -1, 0, 1.5 -> 2, 190.5.
    expect: [i8([5], [-128, 0, 1, 3, 127])],
  },
  {
    op: "int.avg_pool",
    note: "mean of four as a factor of 1/4; padding adds 0",
    inputs: [i8([1, 2, 2, 2], [1, 2, 3, 4, -1, -2, -3, -4])],
    attrs: { kernel: [2, 2], stride: [2, 2], multiplier: half, shift: 32 },
    // 10/4 -> 3, -10/4 -> -2.
    expect: [i8([1, 2, 1, 1], [3, -2])],
  },
  {
    op: "int.avg_pool",
    note: "one spatial axis, zero points, padding",
    inputs: [u8([1, 1, 3], [14, 12, 10])],
    attrs: { kernel: [2], pad: [1, 1], multiplier: half, shift: 31, x_zero: 10, y_zero: -2, to: "i8" },
    expect: [i8([1, 1, 4], [0, 1, -1, -2])],
  },
  {
    op: "int.mean",
    note: "over the last axes, kept",
    inputs: [i8([1, 2, 2, 2], [1, 2, 3, 4, -1, -2, -3, -4])],
    attrs: { axes: [-1, -2], keepdims: true, multiplier: half, shift: 32 },
    expect: [i8([1, 2, 1, 1], [3, -2])],
  },
  {
    op: "int.mean",
    note: "over the first axis, to u8",
    inputs: [i8([2, 2], [10, 20, 30, 40])],
    attrs: { axes: [0], multiplier: half, shift: 31, x_zero: 10, y_zero: 5, to: "u8" },
    expect: [u8([2], [15, 25])],
  },
  {
    op: "int.lookup",
    note: "i8 starts at -128",
    inputs: [
      i8([3], [-128, 0, 127]),
      u8(
        [256],
        Array.from({ length: 256 }, (_, i) => i),
      ),
    ],
    expect: [u8([3], [0, 128, 255])],
  },
  {
    op: "int.lookup",
    note: "u8 starts at 0",
    inputs: [
      u8([2, 1], [255, 1]),
      i8(
        [256],
        Array.from({ length: 256 }, (_, i) => 127 - i),
      ),
    ],
    expect: [i8([2, 1], [-128, 126])],
  },
  {
    op: "nn.max_pool",
    note: "i8 as it is",
    inputs: [i8([1, 1, 4], [-128, -5, 127, 3])],
    attrs: { kernel: [2], stride: [2] },
    expect: [i8([1, 1, 2], [-5, 127])],
  },
];
