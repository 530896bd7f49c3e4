/**
 * @file Loops over strided views, the one way in which reference functions walk tensors. Axes of size 1 are dropped and neighbours that lie
 * behind each other in every view are merged, so that tensors of one shape become a single run. No allocation inside the loop.
 */
import { countOf, type TensorData } from "../../core/tensor.ts";

export interface View {
  /** Element where the view starts. */
  readonly base: number;
  /** Elements between neighbours on each axis: 0 repeats, negative walks backwards. */
  readonly strides: readonly number[];
}

export interface StridedLoop {
  /** Elements of one run. */
  readonly length: number;
  /** Step of each view within a run. */
  readonly steps: readonly number[];
  /** Calls `run` for every run with the offset of each view; the array is reused. */
  forEach(run: (offsets: readonly number[]) => void): void;
}

export function rowMajorStrides(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}

export function wholeView(shape: readonly number[]): View {
  return { base: 0, strides: rowMajorStrides(shape) };
}

/** A tensor of `shape` seen as `target`, to which it broadcasts: stride 0 where it repeats. */
export function broadcastView(shape: readonly number[], target: readonly number[]): View {
  const own = rowMajorStrides(shape);
  const lead = target.length - shape.length;
  return {
    base: 0,
    strides: target.map((size, axis) => (axis < lead || (shape[axis - lead] === 1 && size !== 1) ? 0 : (own[axis - lead] as number))),
  };
}

export function stridedLoop(shape: readonly number[], views: readonly View[]): StridedLoop {
  const axes = mergedAxes(shape, views);
  const inner = axes.pop() ?? { size: 1, strides: views.map(() => 0) };
  const empty = countOf(shape) === 0;
  return {
    length: inner.size,
    steps: inner.strides,
    forEach(run) {
      if (!empty)
        walk(
          axes,
          views.map((view) => view.base),
          run,
        );
    },
  };
}

interface Axis {
  size: number;
  strides: readonly number[];
}

function mergedAxes(shape: readonly number[], views: readonly View[]): Axis[] {
  const axes: Axis[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const strides = views.map((view) => view.strides[axis] as number);
    const outer = axes[axes.length - 1];
    if (outer?.strides.every((stride, v) => stride === (strides[v] as number) * size)) {
      outer.size *= size;
      outer.strides = strides;
    } else axes.push({ size, strides });
  });
  return axes;
}

function walk(axes: readonly Axis[], offsets: number[], run: (offsets: readonly number[]) => void): void {
  const index = axes.map(() => 0);
  for (;;) {
    run(offsets);
    let axis = axes.length - 1;
    while (axis >= 0 && !advance(axes[axis] as Axis, axis, index, offsets)) axis--;
    if (axis < 0) return;
  }
}

/** One step on the axis; back to its start, and false, when it was at its end. */
function advance(axis: Axis, at: number, index: number[], offsets: number[]): boolean {
  const more = (index[at] as number) + 1 < axis.size;
  const by = more ? 1 : 1 - axis.size;
  index[at] = more ? (index[at] as number) + 1 : 0;
  for (let v = 0; v < offsets.length; v++) offsets[v] = (offsets[v] as number) + by * (axis.strides[v] as number);
  return more;
}

/** Elements of one view into another. Both arrays hold the same kind of elements. */
export function stridedCopy(shape: readonly number[], from: TensorData, source: View, to: TensorData, target: View): void {
  // Elements are moved, never computed with: the cast holds for 64-bit integers too.
  const [x, y] = [from as Float64Array, to as Float64Array];
  const loop = stridedLoop(shape, [source, target]);
  const [stepX = 0, stepY = 0] = loop.steps;
  const { length } = loop;
  loop.forEach(([i = 0, j = 0]) => {
    if (stepX === 1 && stepY === 1 && length > 8) y.set(x.subarray(i, i + length), j);
    else for (let k = 0; k < length; k++) y[j + k * stepY] = x[i + k * stepX] as number;
  });
}
