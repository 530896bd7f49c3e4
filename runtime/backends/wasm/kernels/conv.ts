/** @file Convolution over one or two spatial axes; depthwise ones (one input channel per group) take their own loop. */
import { span } from "../../../limits.ts";
import { activationCode, demand, intAttr, operand, result } from "../../../step/step.ts";
import { type Pair, plane, type WindowSteps, windowSteps } from "../../../step/window.ts";
import { elementCount } from "../../../tensor.ts";
import type { StepShapes, WasmKernel } from "../kernel.ts";
import { optionalPtr } from "./optional-ptr.ts";

interface Geometry {
  readonly batch: number;
  readonly ins: number;
  readonly outs: number;
  readonly groups: number;
  readonly image: Pair;
  readonly kernel: Pair;
  readonly output: Pair;
  readonly steps: WindowSteps;
  readonly depthwise: boolean;
}

function geometry(step: StepShapes): Geometry {
  const [x, weight, y] = [operand(step, 0, "f32").shape, operand(step, 1, "f32").shape, result(step, "f32").shape];
  const [batch = 0, ins = 0] = x;
  const [, outs = 0] = y;
  const groups = intAttr(step, "groups", 1);
  const kernel = plane(step, weight);
  const sound =
    x.length === y.length && x.length === weight.length && batch === y[0] && groups >= 1 && ins % groups === 0 && outs % groups === 0;
  demand(
    step,
    sound && elementCount(weight) === outs * (ins / groups) * kernel.y * kernel.x,
    `weight [${weight.join(", ")}] does not fit x [${x.join(", ")}]`,
  );
  const depthwise = groups === ins && groups > 1;
  return {
    batch,
    ins,
    outs,
    groups,
    image: plane(step, x),
    kernel,
    output: plane(step, y),
    steps: windowSteps(step, x.length - 2),
    depthwise,
  };
}

const conv: WasmKernel = {
  id: "f32_conv",
  scratch(step) {
    const { ins, groups, kernel, output, depthwise } = geometry(step);
    return depthwise ? 0 : step.kernels.f32_conv2d_scratch(ins, kernel.y, kernel.x, output.y, output.x, groups);
  },
  work(step) {
    const { ins, groups, kernel } = geometry(step);
    return span(result(step).shape) * Math.max(1, (ins / groups) * kernel.y * kernel.x);
  },
  bind(call) {
    const { batch, ins, outs, groups, image, kernel, output, steps, depthwise } = geometry(call);
    const [x, weight, y] = [operand(call, 0).ptr, operand(call, 1).ptr, result(call).ptr];
    const bias = optionalPtr(call, 2, "f32", outs);
    const { stride, begin, dilation } = steps;
    const act = activationCode(call);
    const { kernels, scratch } = call;
    // biome-ignore format: the order of the export's parameters
    const tail = [kernel.y, kernel.x, output.y, output.x, stride.y, stride.x, begin.y, begin.x, dilation.y, dilation.x] as const;
    if (elementCount(result(call).shape) === 0) return () => {};
    if (depthwise) return () => kernels.f32_conv2d_depthwise(x, weight, bias, y, batch, ins, image.y, image.x, outs / ins, ...tail, act);
    return () => kernels.f32_conv2d(x, weight, bias, y, scratch, batch, ins, image.y, image.x, outs, ...tail, groups, act);
  },
};

export const convKernels: readonly WasmKernel[] = [conv];
