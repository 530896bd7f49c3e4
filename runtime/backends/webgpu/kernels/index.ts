/** @file All kernels of the WebGPU backend. */
import type { WebGpuKernel } from "../kernel.ts";
import { convKernels } from "./conv.ts";
import { elementwiseKernels } from "./elementwise.ts";
import { integerKernels } from "./integers.ts";
import { moveKernels } from "./move.ts";
import { productKernels } from "./product.ts";
import { reduceKernels } from "./reduce.ts";
import { weightKernels } from "./weights.ts";
import { windowKernels } from "./window.ts";

export const builtinKernels: readonly WebGpuKernel[] = [
  ...productKernels,
  ...convKernels,
  ...windowKernels,
  ...reduceKernels,
  ...elementwiseKernels,
  ...moveKernels,
  ...weightKernels,
  ...integerKernels,
];
