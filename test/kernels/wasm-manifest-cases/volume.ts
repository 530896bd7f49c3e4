/** @file Cases of windows over volumes, and of transposed convolutions. Sums cancel, so errors count against 1 where the result is smaller. */
import type { KernelRow } from "../../../runtime/manifest.ts";
import type { CasesOf, RowCase } from "./row-case.ts";

/** Whether the row takes three spatial axes and nothing else. */
export const takesVolumes = (row: KernelRow): boolean => row.operands[0]?.ranks?.join() === "5";

const floored = (cases: readonly RowCase[]): readonly RowCase[] => cases.map((one) => ({ ...one, floor: 1 }));

export const volumeConvs = floored([
  { shapes: [["N", 3, 4, 5, 6], [4, 3, 2, 3, 2], [4]] },
  { shapes: [["N", 2, 5, 12, 13], [3, 2, 3, 3, 3], null], attrs: { pad: [1, 1, 1, 1, 1, 1], activation: "relu" } },
  {
    shapes: [["N", 4, 6, 7, 5], [6, 2, 2, 2, 3], [6]],
    attrs: { groups: 2, stride: [2, 1, 3], pad: [2, 0, 1, 1, 2, 0], dilation: [2, 3, 1] },
  },
  { shapes: [["N", 3, 4, 4, 4], [3, 1, 3, 3, 3], null], attrs: { groups: 3, pad: [0, 1, 0, 1, 0, 1] } },
]);

export const volumePools: readonly RowCase[] = [
  { shapes: [["N", 3, 4, 6, 37]], attrs: { kernel: [2, 2, 2], stride: [2, 2, 2] } },
  { shapes: [["N", 2, 5, 7, 6]], attrs: { kernel: [3, 2, 3], stride: [2, 1, 2], pad: [1, 1, 2, 2, 0, 1], ceil: true } },
];

export const dilatedVolumePools: readonly RowCase[] = [
  { shapes: [["N", 2, 6, 7, 8]], attrs: { kernel: [2, 3, 2], dilation: [3, 2, 1], pad: [1, 0, 0, 0, 1, 1] } },
];

export const countedVolumePools: readonly RowCase[] = volumePools.map((one) => ({
  ...one,
  attrs: { ...one.attrs, count_pad: true },
  floor: 1,
}));

/** dy, weight [channels of dy, channels of the result / groups, kernel]. */
const transposed = floored([
  {
    shapes: [
      ["N", 2, 4, 5],
      [2, 3, 3, 3],
    ],
    attrs: { spatial: [6, 7] },
  },
  {
    shapes: [
      ["N", 3, 5, 4],
      [3, 2, 2, 2],
    ],
    attrs: { spatial: [10, 8], stride: [2, 2] },
  },
  {
    shapes: [
      ["N", 3, 4, 13],
      [3, 5, 4, 3],
    ],
    attrs: { spatial: [8, 26], stride: [2, 2], pad: [1, 1, 1, 0] },
  },
  {
    shapes: [
      ["N", 4, 4, 3],
      [4, 2, 3, 2],
    ],
    attrs: { spatial: [9, 7], groups: 2, stride: [2, 3], pad: [1, 2, 1, 2], dilation: [2, 3] },
  },
  {
    shapes: [
      ["N", 3, 6],
      [3, 1, 4],
    ],
    attrs: { spatial: [19], groups: 3, stride: [3], pad: [1, 0] },
  },
  {
    shapes: [
      ["N", 2, 19, 18],
      [2, 150, 2, 2],
    ],
    attrs: { spatial: [20, 19] },
  },
  {
    shapes: [
      ["N", 4, 2, 3, 4],
      [4, 3, 2, 3, 2],
    ],
    attrs: { spatial: [3, 5, 5] },
  },
  {
    shapes: [
      ["N", 4, 3, 2, 3],
      [4, 1, 2, 3, 3],
    ],
    attrs: { spatial: [6, 4, 4], groups: 2, stride: [2, 1, 1], pad: [0, 0, 1, 0, 0, 0] },
  },
]);

export const volumeCases: { readonly [op: string]: CasesOf } = { "nn.conv_input_grad": () => transposed };
