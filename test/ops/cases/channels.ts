/** @file Several samples and channels for the gradients of layers, so that `axes.test.ts` has axes to cut. */
import type { OpCase } from "../op-case.ts";
import { spread } from "../tensors.ts";

export const cases: readonly OpCase[] = [
  { op: "nn.conv_input_grad", note: "samples and channels", inputs: [spread(2, 3, 2, 2), spread(3, 2, 2, 2)], attrs: { spatial: [3, 3] }, gradient: [true, true] },
  { op: "nn.conv_weight_grad", note: "samples and channels", inputs: [spread(2, 2, 3, 3), spread(2, 3, 2, 2)], attrs: { kernel: [2, 2] }, gradient: [true, true] },
  { op: "nn.max_pool_grad", note: "samples and channels", inputs: [spread(2, 3, 4), spread(2, 3, 3)], attrs: { kernel: [2] }, gradient: [false, true] },
];
