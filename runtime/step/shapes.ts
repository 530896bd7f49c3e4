/** @file Shape arithmetic of kernels: a tensor seen as [outer, axis, inner], strides, and the merging of axes that lie behind each other. */
import { elementCount } from "../tensor.ts";

export interface AroundAxis {
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
}

export function aroundAxis(shape: readonly number[], axis: number): AroundAxis {
  return { outer: elementCount(shape.slice(0, axis)), size: shape[axis] ?? 1, inner: elementCount(shape.slice(axis + 1)) };
}

/** Elements between neighbours on each axis. */
export function rowMajor(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}

/** Strides with which a tensor of `shape` is read as `target`, to which it broadcasts: 0 where it repeats. Null when it does not broadcast. */
export function broadcastStrides(shape: readonly number[], target: readonly number[]): readonly number[] | null {
  const own = rowMajor(shape);
  const lead = target.length - shape.length;
  if (lead < 0 || shape.some((size, axis) => size !== 1 && size !== target[axis + lead])) return null;
  return target.map((size, axis) => (axis < lead || (shape[axis - lead] === 1 && size !== 1) ? 0 : (own[axis - lead] as number)));
}

export interface StridedAxes {
  readonly sizes: readonly number[];
  /** Per tensor, one stride per axis. */
  readonly strides: readonly (readonly number[])[];
}

/** Axes of size 1 dropped, neighbours merged where every tensor walks them as one. At least one axis is left. */
export function mergeAxes(sizes: readonly number[], strides: readonly (readonly number[])[]): StridedAxes {
  const merged: { size: number; steps: number[] }[] = [];
  sizes.forEach((size, axis) => {
    if (size === 1) return;
    const steps = strides.map((own) => own[axis] as number);
    const outer = merged[merged.length - 1];
    if (outer?.steps.every((step, i) => step === (steps[i] as number) * size)) {
      outer.size *= size;
      outer.steps = steps;
    } else merged.push({ size, steps });
  });
  if (merged.length === 0) merged.push({ size: 1, steps: strides.map(() => 1) });
  return { sizes: merged.map((axis) => axis.size), strides: strides.map((_, i) => merged.map((axis) => axis.steps[i] as number)) };
}
