/** @file Cases of the dialect `nn`. Sums cancel, so errors count against 1 where the result is smaller. */
import { type CasesOf, dtypesOf, type RowCase } from "./row-case.ts";
import { countedVolumePools, dilatedVolumePools, takesVolumes, volumeConvs, volumePools } from "./volume.ts";

const convs: readonly RowCase[] = [
  { shapes: [["N", 3, 9, 8], [4, 3, 3, 3], [4]], attrs: {} },
  {
    shapes: [["N", 3, 9, 8], [5, 3, 3, 2], null],
    attrs: { stride: [2, 1], pad: [1, 0, 2, 1], dilation: [1, 2], activation: "relu" },
  },
  { shapes: [["N", 4, 7, 7], [6, 2, 1, 1], [6]], attrs: { groups: 2, activation: "relu6" } },
  { shapes: [["N", 4, 7, 7], [4, 1, 3, 3], [4]], attrs: { groups: 4, pad: [1, 1, 1, 1] } },
  { shapes: [["N", 4, 7, 9], [8, 1, 3, 3], null], attrs: { groups: 4, pad: [0, 2, 1, 0], stride: [2, 2], activation: "relu" } },
  { shapes: [["N", 1, 7, 7], [3, 1, 5, 5], [3]], attrs: {} },
  { shapes: [["N", 2, 17], [3, 2, 4], [3]], attrs: { stride: [3], pad: [2, 1], dilation: [2] } },
  { shapes: [["N", 3, 11], [3, 1, 3], null], attrs: { groups: 3, pad: [1, 1] } },
];

const linear: CasesOf = () =>
  ["none", "relu", "relu6"].flatMap((activation): readonly RowCase[] => [
    { shapes: [["N", 7], [5, 7], [5]], attrs: { activation }, floor: 1 },
    { shapes: [[2, "N", 20], [33, 20], null], attrs: { activation }, floor: 1 },
    { shapes: [[16], [16, 16], [16]], attrs: { activation }, floor: 1 },
  ]);

/** A plain matrix on the right: rows that pack it take nothing else. */
const byMatrix: readonly RowCase[] = [
  {
    shapes: [
      ["N", 7],
      [7, 5],
    ],
    floor: 1,
  },
  {
    shapes: [
      ["N", 2, 20],
      [20, 33],
    ],
    floor: 1,
  },
  {
    shapes: [
      [2, "N", 3, 4],
      [4, 16],
    ],
    floor: 1,
  },
];

// biome-ignore format: one pair a line
const byAny: readonly RowCase[] = [
  { shapes: [[7], ["N", 7, 5]], floor: 1 },
  { shapes: [["N", 3, 7], [7]], floor: 1 },
  { shapes: [[7], [7]], floor: 1 },
  { shapes: [["N", 3, 7], ["N", 7, 5]], floor: 1 },
  { shapes: [["N", 1, 3, 7], [4, 7, 5]], floor: 1 },
  { shapes: [[1, 4, 3, 7], ["N", 1, 7, 2]], floor: 1 },
  { shapes: [[3, 7], ["N", 2, 7, 5]], floor: 1 },
];

const pools: readonly RowCase[] = [
  { shapes: [["N", 3, 5, 37]], attrs: { kernel: [2, 2], stride: [2, 2] } },
  { shapes: [["N", 3, 9, 8]], attrs: { kernel: [2, 2], stride: [2, 2] } },
  { shapes: [["N", 3, 9, 37]], attrs: { kernel: [3, 2], pad: [1, 0, 1, 1], ceil: true, stride: [2, 3] } },
  { shapes: [["N", 3, 9, 8]], attrs: { kernel: [2, 3], dilation: [2, 2] } },
  { shapes: [["N", 2, 17]], attrs: { kernel: [4], stride: [3], pad: [1, 2] } },
  { shapes: [["N", 1, 1, 2]], attrs: { kernel: [2, 2], dilation: [3, 3], pad: [3, 3, 3, 3] } },
];

const averages: readonly RowCase[] = [
  { shapes: [["N", 3, 9, 8]], attrs: { kernel: [2, 2], stride: [2, 2] }, floor: 1 },
  { shapes: [["N", 3, 9, 8]], attrs: { kernel: [3, 3], pad: [1, 1, 1, 1], stride: [2, 3] }, floor: 1 },
  { shapes: [["N", 3, 9, 8]], attrs: { kernel: [3, 3], pad: [1, 2, 0, 1], count_pad: true, ceil: true, stride: [2, 2] }, floor: 1 },
  { shapes: [["N", 2, 17]], attrs: { kernel: [4], stride: [3], pad: [1, 2], ceil: true }, floor: 1 },
];

export const networkCases: { readonly [op: string]: CasesOf } = {
  "nn.linear": linear,
  "nn.matmul": (row) => (row.operands[1]?.pack ? byMatrix : [...byMatrix, ...byAny]),
  "nn.conv": (row) => (takesVolumes(row) ? volumeConvs : convs.map((one) => ({ ...one, floor: 1 }))),
  "nn.max_pool": (row) =>
    dtypesOf(row).flatMap((dtype) =>
      (takesVolumes(row) ? [...volumePools, ...dilatedVolumePools] : pools).map((one) => ({ ...one, dtypes: [dtype] })),
    ),
  "nn.avg_pool": (row) => (takesVolumes(row) ? [...volumePools.map((one) => ({ ...one, floor: 1 })), ...countedVolumePools] : averages),
};
