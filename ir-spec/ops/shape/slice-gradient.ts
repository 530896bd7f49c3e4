/** @file The adjoint of a slice: what was taken goes back to its place, everything else is 0. Steps are undone by padding each element. */
import { type Dim, dimAdd, dimMul, dimSub } from "../../core/dim.ts";
import type { Operand } from "../../core/graph.ts";
import type { Builder, GradientContext } from "../define.ts";
import { type SliceAttrs, type SliceRange, sliceRanges } from "./slice-range.ts";

export function sliceGradient({
  builder,
  operands: [x = null],
  grads: [dy = null],
  attrs,
  wanted,
}: GradientContext<SliceAttrs>): readonly (Operand | null)[] {
  if (!wanted[0] || dy === null) return [null];
  const { shape } = builder.typeOf(x);
  return [sliceRanges(shape, attrs).reduce<Operand>((grad, range) => putBack(builder, grad, range, shape[range.axis] as Dim), dy)];
}

function putBack(builder: Builder, grad: Operand, { axis, start, count, step }: SliceRange, size: Dim): Operand {
  const stride = Math.abs(step);
  const forward = step > 0 ? grad : flipped(builder, grad, axis);
  const spread = stride === 1 ? forward : dilated(builder, forward, axis, stride);
  const before = step > 0 ? start : dimSub(start, dimMul(dimSub(count, 1), stride));
  // Dilation leaves stride - 1 zeros behind the last element, which may not fit: pad for them too, then drop them.
  const after = dimSub(dimAdd(size, stride - 1), dimAdd(before, dimMul(count, stride)));
  const padded = padAxis(builder, spread, axis, before, after);
  return stride === 1 ? padded : builder.one("shape.slice", [padded], { starts: [0], ends: [1 - stride], axes: [axis] });
}

function flipped(builder: Builder, x: Operand, axis: number): Operand {
  return builder.one("shape.slice", [x], { starts: [-1], ends: [-Number.MAX_SAFE_INTEGER], axes: [axis], steps: [-1] });
}

/** `stride` - 1 zeros behind every index of the axis. */
function dilated(builder: Builder, x: Operand, axis: number, stride: number): Operand {
  const { shape } = builder.typeOf(x);
  const apart = builder.one("shape.reshape", [x], { shape: [...shape.slice(0, axis + 1), 1, ...shape.slice(axis + 1)] });
  const padded = padAxis(builder, apart, axis + 1, 0, stride - 1);
  return builder.one("shape.reshape", [padded], { shape: shape.map((dim, i) => (i === axis ? dimMul(dim, stride) : dim)) });
}

function padAxis(builder: Builder, x: Operand, axis: number, before: Dim, after: Dim): Operand {
  const along = (amount: Dim) => builder.typeOf(x).shape.map((_, i) => (i === axis ? amount : 0));
  return builder.one("shape.pad", [x], { before: along(before), after: along(after) });
}
