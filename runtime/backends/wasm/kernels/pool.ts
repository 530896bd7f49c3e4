/** @file Max and average pooling over one or two spatial axes. */
import { span } from "../../../limits.ts";
import { boolAttr, demand, operand, result } from "../../../step/step.ts";
import { kernelSize, type Pair, plane, type WindowSteps, windowSteps } from "../../../step/window.ts";
import type { RuntimeDType } from "../../../tensor.ts";
import type { StepShapes, WasmKernel } from "../kernel.ts";

export interface Pool {
  readonly planes: number;
  readonly image: Pair;
  readonly kernel: Pair;
  readonly output: Pair;
  readonly steps: WindowSteps;
}

export function pool(call: StepShapes, dtypes: readonly RuntimeDType[] = ["f32"]): Pool {
  const [x, y] = [operand(call, 0, ...dtypes).shape, result(call, ...dtypes).shape];
  const spatial = x.length - 2;
  const [batch = 0, channels = 0] = x;
  demand(call, x.length === y.length && batch === y[0] && channels === y[1], `[${x.join(", ")}] is not pooled to [${y.join(", ")}]`);
  return {
    planes: batch * channels,
    image: plane(call, x),
    kernel: kernelSize(call, spatial),
    output: plane(call, y),
    steps: windowSteps(call, spatial),
  };
}

function poolWork(step: StepShapes): number {
  const { kernel } = pool(step);
  return span(result(step).shape) * kernel.y * kernel.x;
}

const maxPool: WasmKernel = {
  id: "f32_max_pool",
  work: poolWork,
  bind(call) {
    const { planes, image, kernel, output, steps } = pool(call);
    const [x, y] = [operand(call, 0).ptr, result(call).ptr];
    const { stride, begin, dilation } = steps;
    const { kernels } = call;
    // biome-ignore format: the order of the export's parameters
    const sizes = [planes, image.y, image.x, kernel.y, kernel.x, output.y, output.x, stride.y, stride.x, begin.y, begin.x, dilation.y, dilation.x] as const;
    return () => kernels.f32_max_pool(x, y, ...sizes);
  },
};

const avgPool: WasmKernel = {
  id: "f32_avg_pool",
  work: poolWork,
  bind(call) {
    const { planes, image, kernel, output, steps } = pool(call);
    const [x, y] = [operand(call, 0).ptr, result(call).ptr];
    const { stride, begin, end, dilation } = steps;
    const countPad = boolAttr(call, "count_pad") ? 1 : 0;
    const { kernels } = call;
    // biome-ignore format: the order of the export's parameters
    const sizes = [planes, image.y, image.x, kernel.y, kernel.x, output.y, output.x, stride.y, stride.x, begin.y, begin.x, end.y, end.x, dilation.y, dilation.x] as const;
    return () => kernels.f32_avg_pool(x, y, ...sizes, countPad);
  },
};

export const poolKernels: readonly WasmKernel[] = [maxPool, avgPool];
