/** @file What reductions share: the axes, the shape that is left, the loop, and the way back for gradients. */
import { type Dim, dimProduct } from "../../core/dim.ts";
import { isFloat } from "../../core/dtype.ts";
import type { Operand } from "../../core/graph.ts";
import { roundedTensor } from "../../core/rounded.ts";
import { type HostTensor, hostTensor, type TensorData } from "../../core/tensor.ts";
import { type TensorType, tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import type { AxisMap, Builder, InferContext, SelectContext, Selection, TypeContext, Work } from "../define.ts";
import { isWide, type Wide } from "../math/elementwise.ts";
import { axisFrom, demandAxes } from "../shape/axes.ts";
import { oneToOne } from "../shape/axis-maps.ts";
import { rowMajorStrides, stridedLoop, wholeView } from "../shape/strided.ts";

export const reduceAttrs = {
  axes: a.ints("Axes that are reduced, each once; negative ones count from the last. None: the result is the operand."),
  keepdims: a.bool("Leave reduced axes in the result, with size 1.", false),
} as const;

export interface ReduceAttrs {
  readonly axes: readonly number[];
  readonly keepdims: boolean;
}

export const reduceResults = [{ name: "y", axes: ["..."] }] as const;

export function reducedAxes(axes: readonly number[], rank: number): ReadonlySet<number> {
  return new Set(axes.map((axis) => axisFrom(axis, rank)));
}

export function reducedShape(shape: readonly Dim[], axes: ReadonlySet<number>, keepdims: boolean): readonly Dim[] {
  return shape.flatMap((size, axis) => (!axes.has(axis) ? [size] : keepdims ? [1] : []));
}

export function inferReduce(ctx: InferContext<ReduceAttrs>): readonly TensorType[] {
  const { dtype, shape } = ctx.type(0);
  const axes = new Set(demandAxes(ctx, ctx.attrs.axes, shape.length));
  return [tensorType(dtype, reducedShape(shape, axes, ctx.attrs.keepdims))];
}

export function reduceWork({ types }: TypeContext<unknown>): Work {
  return { macs: 0, elementOps: dimProduct(types[0]?.shape ?? []) };
}

/** Axes that stay, to where they are in the result. */
export function reduceMaps({ types, attrs }: TypeContext<ReduceAttrs>): readonly AxisMap[] {
  const rank = types[0]?.shape.length ?? 0;
  const axes = reducedAxes(attrs.axes, rank);
  let next = 0;
  return Array.from({ length: rank }, (_, axis) => axis).flatMap((axis) => {
    if (axes.has(axis)) {
      if (attrs.keepdims) next++;
      return [];
    }
    return [oneToOne(0, axis, next++)];
  });
}

/** Kept axes may be cut; `why` says what a cut of a reduced one would change. */
export function reduceSelect({ side, axis, types, attrs }: SelectContext<ReduceAttrs>, why: string): Selection {
  const reduced = reducedAxes(attrs.axes, types[0]?.shape.length ?? 0);
  return side === "operand" && reduced.has(axis)
    ? { refuse: `axis ${axis} is reduced: ${why}` }
    : { attrs: { axes: attrs.axes, keepdims: attrs.keepdims } };
}

export interface Reducer {
  readonly start: number;
  readonly f: (sum: number, x: number) => number;
  /** The same for 64-bit integers; absent: floats only. */
  readonly wide?: { readonly start: (data: Wide) => bigint; readonly f: (sum: bigint, x: bigint) => bigint };
}

/** Accumulates over the axes in f64, or in BigInt; the callers round once. */
export function accumulate(x: HostTensor, axes: ReadonlySet<number>, { start, f, wide }: Reducer): Float64Array | Wide {
  const kept = x.shape.map((size, axis) => (axes.has(axis) ? 1 : size));
  const count = kept.reduce((n, size) => n * size, 1);
  if (!isWide(x.data)) return fold(x, axes, kept, new Float64Array(count).fill(start), f);
  if (!wide) throw new RangeError("64-bit integers where the op takes floats");
  const sums = x.data instanceof BigInt64Array ? new BigInt64Array(count) : new BigUint64Array(count);
  return fold(x, axes, kept, sums.fill(wide.start(x.data)), wide.f as unknown as Reducer["f"]);
}

/** The casts name the common case: wide sums come with a wide `f`. */
function fold<S extends TensorData>(x: HostTensor, axes: ReadonlySet<number>, kept: readonly number[], sums: S, f: Reducer["f"]): S {
  const strides = rowMajorStrides(kept).map((stride, axis) => (axes.has(axis) ? 0 : stride));
  const loop = stridedLoop(x.shape, [wholeView(x.shape), { base: 0, strides }]);
  const [stepX = 0, stepSum = 0] = loop.steps;
  const [data, into] = [x.data as Float64Array, sums as Float64Array];
  loop.forEach(([i = 0, j = 0]) => {
    foldRun(loop.length, data, i, stepX, into, j, stepSum, f);
  });
  return sums;
}

function foldRun(
  n: number,
  x: Float64Array,
  i: number,
  stepX: number,
  sums: Float64Array,
  j: number,
  stepSum: number,
  f: Reducer["f"],
): void {
  if (stepSum === 0) {
    let sum = sums[j] as number;
    for (let e = 0; e < n; e++) sum = f(sum, x[i + e * stepX] as number);
    sums[j] = sum;
    return;
  }
  for (let e = 0; e < n; e++) sums[j + e * stepSum] = f(sums[j + e * stepSum] as number, x[i + e * stepX] as number);
}

/** What was accumulated, in the dtype of the operand. */
export function reducedTensor(x: HostTensor, shape: readonly number[], sums: Float64Array | Wide): HostTensor {
  if (!(sums instanceof Float64Array)) return hostTensor(x.dtype, shape, sums);
  if (isFloat(x.dtype)) return roundedTensor(x.dtype, shape, sums);
  const y = hostTensor(x.dtype, shape);
  (y.data as Int32Array).set(sums);
  return y;
}

/** A result, or its gradient, with the reduced axes back as size 1. */
export function withReducedAxes(builder: Builder, y: Operand, x: TensorType, { axes, keepdims }: ReduceAttrs): Operand {
  const shape = reducedShape(x.shape, reducedAxes(axes, x.shape.length), true);
  return keepdims || axes.length === 0 ? y : builder.one("shape.reshape", [y], { shape });
}

/** Product of the reduced sizes, as a scalar of the dtype: a constant, or counted at run time where a size is symbolic. */
export function reducedCount(builder: Builder, x: TensorType, { axes }: ReduceAttrs): Operand {
  const sizes = [...reducedAxes(axes, x.shape.length)].map((axis) => x.shape[axis] as Dim);
  const count = dimProduct(sizes);
  if (typeof count === "number") return builder.scalar(count, x.dtype);
  const ones = builder.one("shape.broadcast", [builder.scalar(1, x.dtype)], { shape: sizes });
  return builder.one("reduce.sum", [ones], { axes: sizes.map((_, axis) => axis) });
}
