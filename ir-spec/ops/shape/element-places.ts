/** @file Where the elements that indices name lie, for the ops that index one axis element by element. */
import { type Dim, dimEquals } from "../../core/dim.ts";
import type { HostTensor } from "../../core/tensor.ts";
import type { InferContext } from "../define.ts";
import { printShape } from "../math/broadcast.ts";
import { demandAxis } from "./axes.ts";
import { checkedIndices } from "./indices.ts";
import { rowMajorStrides, stridedLoop, wholeView } from "./strided.ts";

/** Indices of x's rank, no longer than x on every other axis. Returns the axis from 0. */
export function demandElementIndices<A>(ctx: InferContext<A>, axis: number): number {
  const [x, indices] = [ctx.type(0).shape, ctx.type(1).shape];
  const at = demandAxis(ctx, axis, x.length);
  if (indices.length !== x.length) ctx.fail(`indices ${printShape(indices)} have rank ${indices.length}, x has rank ${x.length}`, 1);
  indices.forEach((dim, i) => {
    const own = x[i] as Dim;
    if (i === at || (typeof dim === "number" && typeof own === "number" && dim <= own)) return;
    ctx.require(dim, own, `axis ${i} of indices ${printShape(indices)} is longer than that of x ${printShape(x)}`, 1);
  });
  return at;
}

/** Axes other than `axis` that x and the indices have whole: element i of the one lies at i of the other. */
export function alignedAxes(x: readonly Dim[], indices: readonly Dim[], axis: number): readonly number[] {
  return x.map((_, i) => i).filter((i) => i !== axis && dimEquals(x[i] as Dim, indices[i] ?? 0));
}

/** For each index, in row-major order, the element of a tensor of `shape` that it names: its own coordinates, but for `axis`. @throws TersorError E0503 */
export function elementPlaces(op: string, indices: HostTensor, shape: readonly number[], axis: number): Float64Array {
  const checked = checkedIndices(op, indices, shape[axis] as number, 1);
  const strides = rowMajorStrides(shape);
  const along = strides[axis] as number;
  const across = { base: 0, strides: strides.map((stride, i) => (i === axis ? 0 : stride)) };
  const loop = stridedLoop(indices.shape, [wholeView(indices.shape), across]);
  const [, step = 0] = loop.steps;
  loop.forEach(([first = 0, start = 0]) => {
    for (let k = 0; k < loop.length; k++) checked[first + k] = (checked[first + k] as number) * along + start + k * step;
  });
  return checked;
}
