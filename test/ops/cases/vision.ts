/** @file Cases of pools' indices, regions of interest, determinants and the suppression of boxes, worked by hand. */
import type { AttrInput, HostTensor } from "../../../ir-spec/index.ts";
import type { OpCase } from "../op-case.ts";
import { f32, i8, i32, i64 } from "../tensors.ts";

const of = (op: string, note: string, attrs: AttrInput, inputs: readonly HostTensor[], ...expect: readonly HostTensor[]): OpCase => ({
  op,
  note,
  attrs,
  inputs,
  expect,
});

const nan = Number.NaN;

const indices: readonly OpCase[] = [
  of(
    "nn.max_pool_index",
    "counts on over channels; of equals the first",
    { kernel: [2, 2], stride: [2, 2] },
    [f32([1, 2, 2, 4], [1, 3, 4, 4, 2, 0, 4, 4, -1, -2, 0, 0, -3, -1, 0, 1])],
    i64([1, 2, 1, 2], [1, 2, 8, 15]),
  ),
  of(
    "nn.max_pool_index",
    "padding never wins; NaN does",
    { kernel: [2], stride: [2], pad: [1, 1] },
    [f32([1, 1, 4], [-3, -2, nan, -7])],
    i64([1, 1, 3], [0, 2, 3]),
  ),
  of(
    "nn.max_pool_index",
    "a last, partial window",
    { kernel: [2], stride: [2], ceil: true },
    [i8([2, 1, 3], [1, 2, 3, 6, 5, 4])],
    i64([2, 1, 2], [1, 2, 3, 5]),
  ),
  of("nn.max_pool_index", "dilation", { kernel: [2], dilation: [2] }, [f32([1, 1, 4], [9, 8, 10, 1])], i64([1, 1, 2], [2, 1])),
  of(
    "nn.max_pool_index",
    "a window of padding alone",
    { kernel: [2], dilation: [2], pad: [2, 2] },
    [f32([1, 1, 1], [5])],
    i64([1, 1, 3], [0, -1, 0]),
  ),
];

/** 0 .. 15, so that value = 4 * row + column. */
const ramp = f32(
  [1, 1, 4, 4],
  Array.from({ length: 16 }, (_, i) => i),
);

const regions: readonly OpCase[] = [
  // Without half pixels the bins of [0, 2] are [0, 1] and [1, 2]; one sample each, at 0.5 and 1.5.
  of(
    "nn.roi_align",
    "one sample a bin",
    { size: [2, 2], sampling: 1, half_pixel: false },
    [ramp, f32([1, 4], [0, 0, 2, 2]), i64([1], [0])],
    f32([1, 1, 2, 2], [2.5, 3.5, 6.5, 7.5]),
  ),
  of(
    "nn.roi_align",
    "half pixels: samples at 0 and 1",
    { size: [2, 2], sampling: 1 },
    [ramp, f32([1, 4], [0, 0, 2, 2]), i32([1], [0])],
    f32([1, 1, 2, 2], [0, 1, 4, 5]),
  ),
  // As many samples as pixels, 2 x 2 at 0.5 and 1.5: their mean is the middle of the ramp at (1, 1).
  of(
    "nn.roi_align",
    "samples by extent",
    { size: [1, 1], half_pixel: false },
    [ramp, f32([1, 4], [0, 0, 2, 2]), i64([1], [0])],
    f32([1, 1, 1, 1], [5]),
  ),
  // Two samples, at x = 2.5 and 5.5 with y = 0: the second is beyond 4 and counts as 0.
  of(
    "nn.roi_align",
    "outside is 0; scale",
    { size: [1, 1], sampling: 1, scale: 0.5, half_pixel: false },
    [ramp, f32([2, 4], [5, 0, 7, 0, 12, 0, 14, 0]), i64([2], [0, 0])],
    f32([2, 1, 1, 1], [5, 0]),
  ),
  // At (0.5, 0.5) the products of weight 1/4 and pixels 0, 1, 4, 5.
  of(
    "nn.roi_align",
    "the largest product; the second sample of x",
    { size: [1, 1], sampling: 1, half_pixel: false, mode: "max" },
    [f32([2, 1, 2, 2], [9, 9, 9, 9, 0, 1, 4, 5]), f32([1, 4], [0, 0, 1, 1]), i64([1], [1])],
    f32([1, 1, 1, 1], [1.25]),
  ),
];

const determinants: readonly OpCase[] = [
  of("math.det", "rows are exchanged", {}, [f32([3, 3], [0, 2, 1, 3, 0, 0, 1, 1, 4])], f32([], [-21])),
  of("math.det", "several; a singular one", {}, [f32([2, 2, 2], [1, 2, 3, 4, 2, 4, 1, 2])], f32([2], [-2, 0])),
  of("math.det", "without elements", {}, [f32([2, 0, 0], [])], f32([2], [1, 1])),
];

// Boxes [y1, x1, y2, x2]: the second overlaps the first by 8 of 12, the third lies apart.
const boxes = f32([1, 3, 4], [0, 0, 10, 1, 10, 1, 2, 0, 20, 0, 30, 1]);
const number = (value: number) => f32([], [value]);
const suppress = (
  note: string,
  scores: readonly number[],
  most: number,
  iou: number,
  least: number,
  rows: readonly number[],
  attrs: AttrInput = {},
  of_ = boxes,
) =>
  of(
    "dynamic.non_max_suppression",
    note,
    attrs,
    [of_, f32([1, scores.length / 3, 3], scores), i64([], [most]), number(iou), number(least)],
    i64([rows.length / 3, 3], rows),
  );

const suppression: readonly OpCase[] = [
  suppress("best first, less what overlaps", [0.5, 0.9, 0.6], 9, 0.5, 0, [0, 0, 1, 0, 0, 2]),
  suppress("a threshold above the overlap", [0.5, 0.9, 0.6], 9, 0.9, 0, [0, 0, 1, 0, 0, 2, 0, 0, 0]),
  suppress("classes by themselves, at most one, of equals the first", [0.5, 0.5, 0.5, 0, 0.2, 0.3], 1, 0.5, 0.1, [0, 0, 0, 0, 1, 2]),
  suppress("a score at the threshold is not above it", [0.5, 0.1, 0.1], 9, 0.5, 0.1, [0, 0, 0]),
  suppress("none", [0.5, 0.9, 0.6], 0, 0.5, 0, []),
  // Centres [x, y, width, height]: the first two are shifted by one of four: 3 x 4 of 20 shared.
  suppress("centres", [3, 2, 1], 9, 0.5, 0, [0, 0, 0, 0, 0, 2], { center: true }, f32([1, 3, 4], [0, 0, 4, 4, 1, 0, 4, 4, 9, 9, 2, 2])),
];

export const cases: readonly OpCase[] = [...indices, ...regions, ...determinants, ...suppression];
