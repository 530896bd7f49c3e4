/** @file Rows of ops over volumes, and of transposed convolutions. Their cost terms are those of the planar kernels, whose loops they use. */
import type { CostTerms, KernelRow, OperandRule } from "../../manifest.ts";

const f32: OperandRule = { dtypes: ["f32"] };
const volume: OperandRule = { dtypes: ["f32"], ranks: [5] };
const spatial: OperandRule = { dtypes: ["f32"], ranks: [3, 4, 5] };

const product: CostTerms = { launch: 1, macNs: 0.05, byteNs: 0.2, opNs: 0 };
const windowed: CostTerms = { launch: 0.2, macNs: 0, byteNs: 0.05, opNs: 1.2 };

export const vision: readonly KernelRow[] = [
  { id: "f32_conv3d", op: "nn.conv", operands: [volume, volume, f32], results: ["f32"], cost: product },
  {
    id: "f32_conv_input_grad",
    op: "nn.conv_input_grad",
    operands: [spatial, spatial],
    results: ["f32"],
    cost: { ...product, macNs: 0.06 },
  },
  { id: "f32_max_pool3d", op: "nn.max_pool", operands: [volume], results: ["f32"], cost: windowed },
  { id: "f32_avg_pool3d", op: "nn.avg_pool", operands: [volume], results: ["f32"], cost: windowed },
];
