/** @file Kernels of the WebGPU backend. One row per op so far, so its cost terms, typical of an integrated GPU, decide nothing yet. */
import type { Manifest } from "../../manifest.ts";

export const manifest = {
  backend: "webgpu",
  abi: 1,
  kernels: [
    {
      id: "f32_matmul",
      op: "nn.matmul",
      operands: [
        { dtypes: ["f32"], ranks: [2] },
        { dtypes: ["f32"], ranks: [2] },
      ],
      results: ["f32"],
      cost: { launch: 20, macNs: 0.001, byteNs: 0.01, opNs: 0 },
    },
  ],
} as const satisfies Manifest;
