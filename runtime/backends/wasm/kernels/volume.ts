/** @file Windows over volumes: convolution over three spatial axes, transposed convolution over one to three, and pools over three as pools over planes, then over depth. */
import { span } from "../../../limits.ts";
import { activationCode, boolAttr, demand, intAttr, intsAttr, operand, result } from "../../../step/step.ts";
import { elementCount } from "../../../tensor.ts";
import type { KernelCall, StepShapes, TensorShape, WasmKernel } from "../kernel.ts";
import { optionalPtr } from "./optional-ptr.ts";

/** Depth, height, width. */
type Triple = readonly [number, number, number];

/** Exports compute positions in 32 bits: see step/window.ts. */
const widest = 2 ** 24;

/** Fewer axes are those of a volume that is flat in the others. */
function triple(values: readonly number[], flat: number): Triple {
  const [z = flat, y = flat, x = flat] = [...new Array<number>(3 - values.length).fill(flat), ...values];
  return [z, y, x];
}

interface Steps {
  readonly stride: Triple;
  readonly dilation: Triple;
  readonly begin: Triple;
  readonly end: Triple;
}

function stepsOf(step: StepShapes, axes: number): Steps {
  const [stride, dilation, pad] = [
    intsAttr(step, "stride", axes, 1),
    intsAttr(step, "dilation", axes, 1),
    intsAttr(step, "pad", 2 * axes, 0),
  ];
  const within = (values: readonly number[], least: number) => values.every((n) => Number.isInteger(n) && n >= least && n < widest);
  demand(
    step,
    within([...stride, ...dilation], 1) && within(pad, 0),
    `stride and dilation must be at least 1, and with padding below ${widest}`,
  );
  return {
    stride: triple(stride, 1),
    dilation: triple(dilation, 1),
    begin: triple(pad.slice(0, axes), 0),
    end: triple(pad.slice(axes), 0),
  };
}

function spatial(step: StepShapes, { shape }: TensorShape): Triple {
  demand(step, shape.length >= 3 && shape.length <= 5, `rank ${shape.length}, expected [batch, channels, 1 to 3 spatial axes]`);
  return triple(shape.slice(2), 1);
}

const product = (sizes: readonly number[]): number => sizes.reduce((n, size) => n * size, 1);

interface Convolution extends Steps {
  readonly batch: number;
  readonly ins: number;
  readonly outs: number;
  readonly groups: number;
  readonly input: Triple;
  readonly kernel: Triple;
  readonly output: Triple;
}

/** `x` and `y` of a convolution, whichever of them is the operand. */
function convolution(step: StepShapes, x: TensorShape, weight: TensorShape, y: TensorShape): Convolution {
  const [batch = 0, ins = 0] = x.shape;
  const outs = y.shape[1] ?? 0;
  const groups = intAttr(step, "groups", 1);
  const kernel = spatial(step, weight);
  const ranks = x.shape.length === y.shape.length && x.shape.length === weight.shape.length && batch === y.shape[0];
  const sound =
    ranks && groups >= 1 && ins % groups === 0 && outs % groups === 0 && weight.shape[0] === outs && weight.shape[1] === ins / groups;
  demand(step, sound, `weight [${weight.shape.join(", ")}] does not fit [${x.shape.join(", ")}] and [${y.shape.join(", ")}]`);
  const rest = stepsOf(step, x.shape.length - 2);
  return { batch, ins, outs, groups, kernel, input: spatial(step, x), output: spatial(step, y), ...rest };
}

const forward = (step: StepShapes): Convolution => convolution(step, operand(step, 0, "f32"), operand(step, 1, "f32"), result(step, "f32"));

const conv3d: WasmKernel = {
  id: "f32_conv3d",
  scratch(step) {
    const { ins, groups, kernel, output } = forward(step);
    return step.kernels.f32_conv3d_scratch(ins, product(kernel), output[1], output[2], groups);
  },
  work(step) {
    const { ins, groups, kernel } = forward(step);
    return span(result(step).shape) * Math.max(1, (ins / groups) * product(kernel));
  },
  bind(call) {
    const { batch, ins, outs, groups, input, kernel, output, stride, begin, dilation } = forward(call);
    const [x, weight, y] = [operand(call, 0).ptr, operand(call, 1).ptr, result(call).ptr];
    const [bias, act, { kernels, scratch }] = [optionalPtr(call, 2, "f32", outs), activationCode(call), call];
    if (elementCount(result(call).shape) === 0) return () => {};
    return () =>
      kernels.f32_conv3d(
        x,
        weight,
        bias,
        y,
        scratch,
        batch,
        ins,
        ...input,
        outs,
        ...kernel,
        ...output,
        ...stride,
        ...begin,
        ...dilation,
        groups,
        act,
      );
  },
};

const backward = (step: StepShapes): Convolution =>
  convolution(step, result(step, "f32"), operand(step, 1, "f32"), operand(step, 0, "f32"));

const convInputGrad: WasmKernel = {
  id: "f32_conv_input_grad",
  scratch(step) {
    const { ins, outs, groups, kernel } = backward(step);
    return step.kernels.f32_conv_input_grad_scratch(outs, ins, product(kernel), groups);
  },
  work(step) {
    const { ins, groups, kernel } = backward(step);
    return span(operand(step, 0).shape) * Math.max(1, (ins / groups) * product(kernel));
  },
  bind(call) {
    const { batch, ins, outs, groups, input, kernel, output, stride, begin, dilation } = backward(call);
    const [dy, weight, dx] = [operand(call, 0).ptr, operand(call, 1).ptr, result(call).ptr];
    const { kernels, scratch } = call;
    if (elementCount(result(call).shape) === 0) return () => {};
    return () =>
      kernels.f32_conv_input_grad(
        dy,
        weight,
        dx,
        scratch,
        batch,
        ins,
        ...input,
        outs,
        ...kernel,
        ...output,
        ...stride,
        ...begin,
        ...dilation,
        groups,
      );
  },
};

interface Pool extends Steps {
  readonly planes: number;
  readonly input: Triple;
  readonly kernel: Triple;
  readonly output: Triple;
}

function pool(step: StepShapes): Pool {
  const [x, y] = [operand(step, 0, "f32"), result(step, "f32")];
  const kernel = intsAttr(step, "kernel", 3, 1);
  const sound = x.shape.length === 5 && y.shape.length === 5 && x.shape[0] === y.shape[0] && x.shape[1] === y.shape[1];
  demand(step, sound, `[${x.shape.join(", ")}] is not pooled to [${y.shape.join(", ")}]`);
  demand(
    step,
    kernel.every((n) => Number.isInteger(n) && n >= 1 && n < widest),
    `kernel must be at least 1 and below ${widest}`,
  );
  const planes = (x.shape[0] ?? 0) * (x.shape[1] ?? 0);
  return { planes, input: spatial(step, x), kernel: triple(kernel, 1), output: spatial(step, y), ...stepsOf(step, 3) };
}

/** Pools `planes` images [h, w] at an address to another. */
type PlanePool = (from: number, to: number, planes: number, axes: readonly [PoolAxis, PoolAxis]) => void;

interface PoolAxis {
  readonly size: number;
  readonly kernel: number;
  readonly output: number;
  readonly stride: number;
  readonly begin: number;
  readonly end: number;
  readonly dilation: number;
}

const whole = (size: number): PoolAxis => ({ size, kernel: 1, output: size, stride: 1, begin: 0, end: 0, dilation: 1 });

const maxPlanes = ({ kernels }: KernelCall): PlanePool => {
  return (from, to, planes, [v, u]) =>
    // biome-ignore format: the order of the export's parameters
    kernels.f32_max_pool(from, to, planes, v.size, u.size, v.kernel, u.kernel, v.output, u.output, v.stride, u.stride, v.begin, u.begin, v.dilation, u.dilation);
};

/** All windows of a plane at one place count as many elements, so a mean of means is the mean. */
const meanPlanes = (call: KernelCall): PlanePool => {
  const { kernels } = call;
  const counted = boolAttr(call, "count_pad") ? 1 : 0;
  return (from, to, planes, [v, u]) =>
    // biome-ignore format: the order of the export's parameters
    kernels.f32_avg_pool(from, to, planes, v.size, u.size, v.kernel, u.kernel, v.output, u.output, v.stride, u.stride, v.begin, u.begin, v.end, u.end, v.dilation, u.dilation, counted);
};

/** Each volume's planes to scratch, then those over depth: planes are the rows of an image as wide as a plane has elements. */
function volumePool(id: string, planePool: (call: KernelCall) => PlanePool): WasmKernel {
  return {
    id,
    scratch(step) {
      const { input, output } = pool(step);
      return 4 * input[0] * output[1] * output[2];
    },
    work: (step) => span(result(step).shape) * product(intsAttr(step, "kernel", 3, 1)),
    bind(call) {
      const { planes, input, kernel, output, stride, begin, end, dilation } = pool(call);
      const axis = (i: 0 | 1 | 2): PoolAxis => {
        return {
          size: input[i],
          kernel: kernel[i],
          output: output[i],
          stride: stride[i],
          begin: begin[i],
          end: end[i],
          dilation: dilation[i],
        };
      };
      const [x, y, { scratch }] = [operand(call, 0).ptr, result(call).ptr, call];
      const run = planePool(call);
      const [depth, across] = [axis(0), [axis(1), axis(2)] as const];
      const along = [depth, whole(output[1] * output[2])] as const;
      const [read, written] = [4 * product(input), 4 * product(output)];
      return () => {
        for (let p = 0; p < planes; p++) {
          run(x + p * read, scratch, depth.size, across);
          run(scratch, y + p * written, 1, along);
        }
      };
    },
  };
}

export const volumeKernels: readonly WasmKernel[] = [
  conv3d,
  convInputGrad,
  volumePool("f32_max_pool3d", maxPlanes),
  volumePool("f32_avg_pool3d", meanPlanes),
];
