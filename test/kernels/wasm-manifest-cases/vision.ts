/** @file Cases of pools' indices, regions of interest and determinants. */
import { hostTensor } from "../../../ir-spec/index.ts";
import { type CasesOf, coarse, dtypesOf, floats, type RowCase, scaled, special, type Values } from "./row-case.ts";

const indexPools: readonly RowCase[] = [
  { shapes: [["N", 3, 5, 7]], attrs: { kernel: [2, 2], stride: [2, 2] }, values: coarse },
  { shapes: [["N", 2, 9, 8]], attrs: { kernel: [3, 2], pad: [1, 0, 1, 1], ceil: true, stride: [2, 3] }, values: coarse },
  { shapes: [["N", 2, 9]], attrs: { kernel: [3], dilation: [2], pad: [2, 1] } },
  { shapes: [["N", 2, 4, 5, 6]], attrs: { kernel: [2, 3, 2], stride: [2, 1, 3], pad: [1, 1, 0, 0, 1, 1] } },
  { shapes: [["N", 1, 1]], attrs: { kernel: [2], dilation: [2], pad: [2, 2] } },
];

/** Corners, some of them outside of x or turned around; samples of x by turns. */
const regions =
  (samples: number): Values =>
  (operand, dtype, shape, random) => {
    if (operand === 1) return scaled(random, shape, (unit) => 24 * unit - 4);
    if (operand !== 2) return null;
    const values = Array.from({ length: shape[0] ?? 0 }, (_, i) => i % samples);
    return dtype === "i64"
      ? hostTensor(dtype, shape, BigInt64Array.from(values, BigInt))
      : hostTensor(dtype, shape, Int32Array.from(values));
  };

const region = (attrs: RowCase["attrs"], wide: boolean): RowCase => ({
  shapes: [[2, 3, 9, 11], ["N", 4], ["N"]],
  attrs: { scale: 0.5, ...attrs },
  values: regions(2),
  dtypes: [undefined, undefined, wide ? "i64" : "i32"],
  floor: 1,
});

export const visionCases: { readonly [op: string]: CasesOf } = {
  "nn.max_pool_index": (row) => [
    ...dtypesOf(row).flatMap((dtype) => indexPools.map((one) => ({ ...one, dtypes: [dtype] }))),
    { shapes: [[1, 1, special.length]], attrs: { kernel: [3], pad: [1, 1] }, values: () => floats(special, [1, 1, special.length]) },
  ],
  "nn.roi_align": () =>
    ["avg", "max"].flatMap((mode) => [
      region({ size: [3, 2], mode }, true),
      region({ size: [2, 4], sampling: 2, mode, half_pixel: false }, false),
      region({ size: [1, 1], half_pixel: false, mode, scale: 1 }, true),
    ]),
  "math.det": () => [
    { shapes: [["N", 4, 4]], floor: 1 },
    { shapes: [[2, "N", 1, 1]] },
    { shapes: [[7, 7]], floor: 1 },
    { shapes: [["N", 0, 0]] },
  ],
};
