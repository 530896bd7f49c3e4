/** @file Several samples and channels for the adjoints of layers, so that `axes.test.ts` has axes to cut. */
import type { OpCase } from "../op-case.ts";
import { f32, spread } from "../tensors.ts";

export const cases: readonly OpCase[] = [
  {
    op: "nn.conv_input_grad",
    note: "samples and channels",
    inputs: [spread(2, 3, 2, 2), spread(3, 2, 2, 2)],
    attrs: { spatial: [3, 3] },
    gradient: [true, true],
  },
  {
    op: "nn.conv_weight_grad",
    note: "samples and channels",
    inputs: [spread(2, 2, 3, 3), spread(2, 3, 2, 2)],
    attrs: { kernel: [2, 2] },
    gradient: [true, true],
  },
  {
    op: "nn.max_pool_grad",
    note: "samples and channels",
    inputs: [f32([2, 2, 2], [1, 2, 4, 3, 6, 5, 7, 8]), f32([2, 2, 1], [10, 20, 30, 40])],
    attrs: { kernel: [2] },
    expect: [f32([2, 2, 2], [0, 10, 20, 0, 30, 0, 0, 40])],
  },
];
