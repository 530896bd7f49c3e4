/** @file Type rules, work, axis maps and channel selection that the convolution and its two gradients share. */
import { type Dim, dimDiv, dimKey, dimMul } from "../../core/dim.ts";
import { staticShape, type TensorType } from "../../core/type.ts";
import { type AttrValues, a } from "../attr-spec.ts";
import type { AxisMap, InferContext, SelectContext, Selection } from "../define.ts";
import { demandDim, dimAt } from "./checks.ts";
import type { ConvGeometry } from "./conv-loops.ts";
import { dilationAttr, stepsOf, stepsProblem, windowAttrs, windowCounts } from "./window.ts";

export const convAttrs = {
  ...windowAttrs,
  ...dilationAttr,
  groups: a.int("channel groups: group g of the result reads group g of x", 1),
};

export type ConvAttrs = AttrValues<typeof convAttrs>;

/** x and weight of one convolution. */
export interface ConvShapes {
  readonly x: readonly Dim[];
  readonly weight: readonly Dim[];
}

/** Checks ranks, attributes and channels; the result's shape. Operand indices say who gets the caret. */
export function inferConv(ctx: InferContext<ConvAttrs>, { x, weight }: ConvShapes, weightOperand: number): readonly Dim[] {
  checkConvAttrs(ctx, x.length, weight.length, weightOperand);
  const [ins, outs] = [x[1] as Dim, weight[0] as Dim];
  checkGroups(ctx, outs, weightOperand);
  const expected = dimMul(weight[1] as Dim, ctx.attrs.groups);
  demandDim(ctx, ins, expected, (has, wants) => `input has ${has} channels, weight expects ${wants}`, weightOperand);
  return [x[0] as Dim, outs, ...convWindows(ctx, x.slice(2), weight.slice(2))];
}

export function convWindows(ctx: InferContext<ConvAttrs>, spatial: readonly Dim[], kernel: readonly Dim[]): readonly Dim[] {
  return windowCounts(spatial, kernel, stepsOf(ctx.attrs, spatial.length), (message) => ctx.fail(message));
}

export function checkConvAttrs(ctx: InferContext<ConvAttrs>, rank: number, weightRank: number, weightOperand: number): void {
  if (rank < 3 || rank > 5) ctx.fail(`x is [batch, in, 1 to 3 spatial axes], rank 3 to 5; got rank ${rank}`, 0);
  if (weightRank !== rank) ctx.fail(`x has ${rank - 2} spatial axes, weight has ${weightRank - 2}`, weightOperand);
  const problem = stepsProblem(ctx.attrs, rank - 2);
  if (problem) ctx.fail(problem);
}

export function checkGroups(ctx: InferContext<ConvAttrs>, outs: Dim, operand: number): void {
  const { groups } = ctx.attrs;
  if (groups < 1) ctx.fail(`groups must be at least 1, got ${groups}`);
  if (typeof outs === "number" && outs % groups !== 0) ctx.fail(`${outs} output channels do not divide into ${groups} groups`, operand);
}

export function demandSpatial(ctx: InferContext<ConvAttrs>, dy: readonly Dim[], expected: readonly Dim[], operand: number): void {
  dy.slice(2).forEach((size, axis) => {
    const wants = expected[axis] as Dim;
    demandDim(ctx, size, wants, (has, made) => `dy has ${has} positions on spatial axis ${axis}, the convolution makes ${made}`, operand);
  });
}

/** Multiply-accumulates: every result element reads one window of in / groups channels. */
export function convMacs(y: readonly Dim[], weight: readonly Dim[]): Dim {
  return [...y, ...weight.slice(1)].reduce<Dim>(dimMul, 1);
}

export function geometryOf(x: readonly number[], weight: readonly number[], y: readonly number[], attrs: ConvAttrs): ConvGeometry {
  const [batch = 0, inChannels = 0, ...input] = x;
  const [, outChannels = 0, ...output] = y;
  return {
    batch,
    inChannels,
    outChannels,
    groups: attrs.groups,
    input,
    kernel: weight.slice(2),
    output,
    steps: stepsOf(attrs, input.length),
  };
}

/** Static kernel sizes of a weight. @throws RangeError when they are symbolic. */
export function kernelOf(weight: TensorType): readonly number[] {
  const kernel = staticShape(weight.shape.slice(2));
  if (!kernel) throw new RangeError(`the kernel of a convolution must be static, got ${weight.shape.slice(2).map(dimKey).join("x")}`);
  return kernel;
}

/** Every group has one input and one output channel: the channels of x, weight (axis 0) and y are one axis. */
export function isDepthwise(x: readonly Dim[], weight: readonly Dim[], groups: number): boolean {
  return groups > 1 && x[1] === groups && weight[0] === groups;
}

export function axisMap(operand: number, axis: number, resultAxis: number): AxisMap {
  return { operand, operandAxes: [axis], result: 0, resultAxes: [resultAxis] };
}

/** Which axis of a convolution's x, weight or y is cut. */
export type ConvAxis = "batch" | "in" | "out" | "spatial";

/**
 * The op after a cut. Output channels of a grouped convolution may go when every group keeps as many; a depthwise convolution (all its channels are one
 * axis) gets that many groups. Input channels of other grouped convolutions cannot be cut alone.
 */
export function selectChannels(ctx: SelectContext<ConvAttrs>, cut: ConvAxis, x: TensorType, weight: TensorType): Selection {
  const { attrs, indices } = ctx;
  if (cut === "spatial") return { refuse: "a spatial axis cannot be cut: windows reach over it" };
  if (cut === "batch" || attrs.groups === 1) return { attrs };
  if (isDepthwise(x.shape, weight.shape, attrs.groups)) return { attrs: { ...attrs, groups: indices.length } };
  if (cut === "in") return { refuse: `input channels of ${attrs.groups} groups cannot be cut alone` };
  return selectGroupedOutputs(attrs, indices, dimAt(weight, 0));
}

function selectGroupedOutputs(attrs: ConvAttrs, indices: readonly number[], outs: Dim): Selection {
  const size = dimDiv(outs, attrs.groups);
  if (typeof size !== "number") return { refuse: "the number of channels of a group is symbolic" };
  const kept = new Array<number>(attrs.groups).fill(0);
  for (const index of indices) kept[Math.floor(index / size)] = (kept[Math.floor(index / size)] ?? 0) + 1;
  const uneven = kept.findIndex((count) => count !== kept[0]);
  if (uneven >= 0) return { refuse: `group 0 keeps ${kept[0]} output channels, group ${uneven} keeps ${kept[uneven]}` };
  return { attrs };
}
