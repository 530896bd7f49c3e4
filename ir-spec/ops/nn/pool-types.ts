/** @file What pools share: attributes, type rules, axis maps and the padded walk over windows. */
import { type Dim, dimMul, dimProduct } from "../../core/dim.ts";
import type { TensorType } from "../../core/type.ts";
import { type AttrInput, a } from "../attr-spec.ts";
import type { AxisMap, InferContext, SelectContext, Selection } from "../define.ts";
import {
  copyPadded,
  reach,
  type Steps,
  stepsOf,
  stepsProblem,
  type WindowAttrs,
  type Windows,
  windowAttrs,
  windowCounts,
  windowsOver,
} from "./window.ts";

export const poolAttrs = { kernel: a.ints("window size per spatial axis"), ...windowAttrs };
export const ceilAttr = { ceil: a.bool("keep a last, partial window that starts before the end padding", false) };

export interface PoolAttrs extends WindowAttrs {
  readonly kernel: readonly number[];
  readonly ceil?: boolean;
}

/** [batch, channels, window counts]; checks attributes and that every window holds part of the input. */
export function inferPool(ctx: InferContext<PoolAttrs>, x: readonly Dim[], ceil: boolean): readonly Dim[] {
  const { kernel } = ctx.attrs;
  const rank = x.length - 2;
  if (rank < 1) ctx.fail(`x is [batch, channels, spatial axes], rank 3 or more; got rank ${x.length}`, 0);
  if (kernel.length !== rank) ctx.fail(`kernel has ${kernel.length} entries, x has ${rank} spatial axes`, 0);
  if (kernel.some((size) => size < 1)) ctx.fail(`kernel must be at least 1, got ${Math.min(...kernel)}`);
  const problem = stepsProblem(ctx.attrs, rank);
  if (problem) ctx.fail(problem);
  const steps = stepsOf(ctx.attrs, rank);
  checkPadding(ctx, kernel, steps);
  return [...x.slice(0, 2), ...windowCounts(x.slice(2), kernel, steps, (message) => ctx.fail(message), ceil)];
}

function checkPadding(ctx: InferContext<PoolAttrs>, kernel: readonly number[], steps: Steps): void {
  kernel.forEach((size, axis) => {
    const extent = reach(size, steps.dilation[axis] as number) as number;
    const most = Math.max(steps.begin[axis] as number, steps.end[axis] as number);
    if (most >= extent) ctx.fail(`pad of ${most} is not smaller than the window of ${extent} (spatial axis ${axis})`);
  });
}

/** Windows over one plane of x, and the walk over all planes. */
export interface PoolWalk {
  readonly windows: Windows;
  readonly planes: number;
  readonly plane: number;
  /** Window counts per spatial axis. */
  readonly output: readonly number[];
  readonly steps: Steps;
}

export function poolWalk(x: readonly number[], y: readonly number[], attrs: PoolAttrs): PoolWalk {
  const input = x.slice(2);
  const steps = stepsOf(attrs, input.length);
  return {
    windows: windowsOver(1, input, attrs.kernel, y.slice(2), steps),
    planes: (x[0] ?? 1) * (x[1] ?? 1),
    plane: input.reduce((product, n) => product * n, 1),
    output: y.slice(2),
    steps,
  };
}

/** Calls back with each plane of x in its padding of `fill`. The room is reused: read it before returning. */
export function eachPaddedPlane(walk: PoolWalk, x: Float64Array, fill: number, body: (padded: Float64Array, plane: number) => void): void {
  const room = new Float64Array(walk.windows.padded).fill(fill);
  for (let i = 0; i < walk.planes; i++) {
    copyPadded(walk.windows, x, i * walk.plane, room);
    body(room, i);
  }
}

export function poolOps(y: TensorType | undefined, attrs: PoolAttrs): { readonly macs: Dim; readonly elementOps: Dim } {
  return { macs: 0, elementOps: dimMul(dimProduct(y?.shape ?? []), dimProduct(attrs.kernel)) };
}

/** Batch and channels go through a pool unchanged. */
export function poolMaps(operands: readonly number[]): readonly AxisMap[] {
  return operands.flatMap((operand) => [0, 1].map((axis) => ({ operand, operandAxes: [axis], result: 0, resultAxes: [axis] })));
}

export function selectPool<A extends AttrInput>(ctx: SelectContext<A>): Selection {
  if (ctx.axis > 1) return { refuse: "a spatial axis cannot be cut: windows reach over it" };
  return { attrs: ctx.attrs };
}
