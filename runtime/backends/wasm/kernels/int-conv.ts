/** @file Integer convolution: weights packed at load where all channels are one group, packed group by group into scratch where not. */
import { span } from "../../../limits.ts";
import { demand, intAttr, operand, result } from "../../../step/step.ts";
import { type Pair, plane, windowSteps } from "../../../step/window.ts";
import { elementCount } from "../../../tensor.ts";
import type { KernelCall, StepShapes, WasmKernel } from "../kernel.ts";
import { byteInput, byteOutput, channelScales } from "./int-scaling.ts";
import { optionalPtr } from "./optional-ptr.ts";

interface IntConv {
  readonly batch: number;
  readonly ins: number;
  readonly outs: number;
  readonly groups: number;
  readonly image: Pair;
  readonly kernel: Pair;
  readonly output: Pair;
  /** c, h, w, o, kh, kw, oh, ow, sh, sw, pt, pl, dh, dw of the exports. */
  readonly sizes: readonly [number, number, number, number, number, number, number, number, number, number, number, number, number, number];
}

/** Exports compute sizes of scratch and positions in 31 bits. */
const most = 2 ** 31;
/** Columns of results that an export makes at a time. */
const chunk = 256;

function geometry(step: StepShapes, kernel: Pair): IntConv {
  const [x, y] = [operand(step, 0, "i8", "u8").shape, result(step, "i8", "u8").shape];
  const [batch = 0, ins = 0] = x;
  const [, outs = 0] = y;
  const groups = intAttr(step, "groups", 1);
  demand(
    step,
    x.length === y.length && batch === y[0] && groups >= 1 && ins > 0 && ins % groups === 0 && outs % groups === 0,
    `[${x.join(", ")}] does not become [${y.join(", ")}] in ${groups} groups`,
  );
  const { stride, begin, dilation } = windowSteps(step, x.length - 2);
  const [image, output] = [plane(step, x), plane(step, y)];
  demandFits(step, { pairs: Math.ceil(ins / groups / 2), outs: outs / groups, image, kernel, output, stride, begin, dilation });
  // biome-ignore format: the order of the exports' parameters
  const sizes = [ins, image.y, image.x, outs, kernel.y, kernel.x, output.y, output.x, stride.y, stride.x, begin.y, begin.x, dilation.y, dilation.x] as const;
  return { batch, ins, outs, groups, image, kernel, output, sizes };
}

interface Extent {
  readonly pairs: number;
  readonly outs: number;
  readonly image: Pair;
  readonly kernel: Pair;
  readonly output: Pair;
  readonly stride: Pair;
  readonly begin: Pair;
  readonly dilation: Pair;
}

/** What exports compute from these sizes does not wrap: the plan comes from a file. */
function demandFits(step: StepShapes, { pairs, outs, image, kernel, output, stride, begin, dilation }: Extent): void {
  const reach = { y: (kernel.y - 1) * dilation.y + 1, x: (kernel.x - 1) * dilation.x + 1 };
  const position = (axis: "y" | "x") => output[axis] * stride[axis] + begin[axis] + reach[axis] + image[axis];
  const weights = pairs * kernel.y * kernel.x * (outs + 4);
  const widened = pairs * reach.y * (stride.x * Math.min(output.x, chunk) + reach.x + stride.x);
  const fits = [position("y"), position("x"), 4 * (weights + widened)].every((size) => size < most / 2);
  demand(step, kernel.y >= 1 && kernel.x >= 1 && fits, "its window is too large");
}

/** Of the weight as it stands, [out, in / groups, kernel]. */
function plainGeometry(step: StepShapes): IntConv {
  const weight = operand(step, 1, "i8").shape;
  const made = geometry(step, plane(step, weight));
  const { outs, ins, groups, kernel } = made;
  demand(
    step,
    weight.length === operand(step, 0).shape.length && elementCount(weight) === outs * (ins / groups) * kernel.y * kernel.x,
    `weight [${weight.join(", ")}] does not fit x`,
  );
  return made;
}

/** Of the packed weight, [ceil(out / 4), ceil(in / 2), kernel, 8]. */
function packedGeometry(step: StepShapes): IntConv {
  const packed = operand(step, 1, "i16").shape;
  const made = geometry(step, plane(step, packed.slice(0, -1)));
  const { outs, ins, groups, kernel } = made;
  demand(
    step,
    groups === 1 && packed.length === operand(step, 0).shape.length + 1 && elementCount(packed) >= packedSize(step, outs, ins, kernel),
    `packed weight [${packed.join(", ")}] does not fit x`,
  );
  return made;
}

function packedSize({ kernels }: StepShapes, outs: number, ins: number, kernel: Pair): number {
  return kernels.i8_pack_conv_size(outs, ins, kernel.y, kernel.x);
}

/** A result without pixels: nothing runs, and the exports would divide by its size. */
function isEmpty(step: StepShapes): boolean {
  return elementCount(result(step).shape) === 0;
}

function work(step: StepShapes, { ins, groups, kernel }: IntConv): number {
  return span(result(step).shape) * Math.max(1, (ins / groups) * kernel.y * kernel.x);
}

/** What both exports take in front and behind. */
function places(call: KernelCall, outs: number) {
  const [x, weight, y] = [operand(call, 0), operand(call, 1), result(call)];
  const { flip, zero } = byteInput(call, x, "x_zero");
  const head = [x.ptr, weight.ptr, optionalPtr(call, 2, "i32", outs), ...channelScales(call, outs), y.ptr, call.scratch] as const;
  return { head, tail: [flip, zero, ...byteOutput(call)] as const, empty: elementCount(y.shape) === 0 };
}

const packedConv: WasmKernel = {
  id: "i8_conv",
  scratch(step) {
    const { sizes } = packedGeometry(step);
    return isEmpty(step) ? 0 : step.kernels.i8_conv2d_scratch(...sizes);
  },
  work: (step) => work(step, packedGeometry(step)),
  bind(call) {
    const { batch, outs, sizes } = packedGeometry(call);
    const { head, tail, empty } = places(call, outs);
    const { kernels } = call;
    return empty ? () => {} : () => kernels.i8_conv2d(...head, batch, ...sizes, ...tail);
  },
};

const groupedConv: WasmKernel = {
  id: "i8_conv_grouped",
  scratch(step) {
    const { sizes, groups } = plainGeometry(step);
    return isEmpty(step) ? 0 : step.kernels.i8_conv2d_grouped_scratch(...sizes, groups);
  },
  work: (step) => work(step, plainGeometry(step)),
  bind(call) {
    const { batch, outs, groups, sizes } = plainGeometry(call);
    const { head, tail, empty } = places(call, outs);
    const { kernels } = call;
    return empty ? () => {} : () => kernels.i8_conv2d_grouped(...head, batch, ...sizes, groups, ...tail);
  },
};

const pack: WasmKernel = {
  id: "i8_pack_conv",
  bind(call) {
    const [weight, packed] = [operand(call, 0, "i8"), result(call, "i16")];
    const [outs = 0, ins = 0] = weight.shape;
    const kernel = plane(call, weight.shape);
    demand(call, (outs + 4) * (ins + 1) * (kernel.y + 1) * kernel.x < most / 2, "the weight is too large");
    demand(call, elementCount(packed.shape) >= packedSize(call, outs, ins, kernel), "the result is too small");
    return () => call.kernels.i8_pack_conv(weight.ptr, packed.ptr, outs, ins, kernel.y, kernel.x);
  },
};

export const intConvKernels: readonly WasmKernel[] = [packedConv, groupedConv, pack];
