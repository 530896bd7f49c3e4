/**
 * @file A transposed convolution as a convolution: zeros between the elements of dy, padding that makes up for the kernel's reach, and the weight with its channels exchanged within each group and its taps in reverse. For backends
 * without a kernel of its own; it does `stride` times the multiplications per axis that are needed.
 */
import { type Dim, dimAdd, dimMul, dimSub } from "../../core/dim.ts";
import type { Operand, ValueId } from "../../core/graph.ts";
import type { Builder } from "../define.ts";
import { stepsOf, type WindowAttrs } from "./window.ts";

interface Attrs extends WindowAttrs {
  readonly spatial: readonly Dim[];
  readonly groups: number;
}

export function transposedAsConv(builder: Builder, dy: Operand, weight: Operand, attrs: Attrs): ValueId {
  const kernel = builder.typeOf(weight).shape.slice(2);
  const { stride, begin, dilation } = stepsOf(attrs, kernel.length);
  const spread = stretched(builder, dy, stride);
  const reach = kernel.map((size, i) => dimMul(dimAdd(size, -1), dilation[i] ?? 1));
  const left = reach.map((size, i) => dimSub(size, begin[i] ?? 0));
  const long = builder.typeOf(spread).shape.slice(2);
  const right = attrs.spatial.map((size, i) => dimSub(dimSub(dimAdd(size, reach[i] ?? 0), long[i] ?? 0), left[i] ?? 0));
  const x = framed(builder, spread, left, right);
  return builder.one("nn.conv", [x, exchanged(builder, weight, attrs.groups), null], {
    dilation: attrs.dilation ?? [],
    groups: attrs.groups,
  });
}

/** `stride` - 1 zeros between neighbours. */
function stretched(builder: Builder, dy: Operand, stride: readonly number[]): Operand {
  if (stride.every((s) => s === 1)) return dy;
  const [batch = 1, channels = 1, ...sizes] = builder.typeOf(dy).shape;
  const split = builder.one("shape.reshape", [dy], { shape: [batch, channels, ...sizes.flatMap((size) => [size, 1])] });
  const after = [0, 0, ...stride.flatMap((s) => [0, s - 1])];
  const padded = builder.one("shape.pad", [split], { before: after.map(() => 0), after });
  const long = sizes.map((size, i) => dimMul(size, stride[i] ?? 1));
  const joined = builder.one("shape.reshape", [padded], { shape: [batch, channels, ...long] });
  const axes = sizes.map((_, i) => i + 2);
  const ends = stride.map((s) => (s === 1 ? Number.MAX_SAFE_INTEGER : 1 - s));
  return builder.one("shape.slice", [joined], { axes, starts: axes.map(() => 0), ends });
}

/** Zeros around; what is below zero is cut off. */
function framed(builder: Builder, x: Operand, left: readonly Dim[], right: readonly Dim[]): Operand {
  const positive = (dim: Dim): Dim => (typeof dim === "number" ? Math.max(0, dim) : dim);
  const cut = (dim: Dim): number => (typeof dim === "number" ? Math.max(0, -dim) : 0);
  const padded = builder.one("shape.pad", [x], { before: [0, 0, ...left.map(positive)], after: [0, 0, ...right.map(positive)] });
  if ([...left, ...right].every((dim) => cut(dim) === 0)) return padded;
  const axes = left.map((_, i) => i + 2);
  const ends = right.map((dim) => (cut(dim) === 0 ? Number.MAX_SAFE_INTEGER : -cut(dim)));
  return builder.one("shape.slice", [padded], { axes, starts: left.map(cut), ends });
}

/** [out, in/groups, kernel] as [in, out/groups, kernel in reverse]. */
function exchanged(builder: Builder, weight: Operand, groups: number): Operand {
  const [outs = 1, ins = 1, ...kernel] = builder.typeOf(weight).shape;
  const each = typeof outs === "number" ? outs / groups : outs;
  const split = builder.one("shape.reshape", [weight], { shape: [groups, each, ins, ...kernel] });
  const turned = builder.one("shape.transpose", [split], { perm: [0, 2, 1, ...kernel.map((_, i) => i + 3)] });
  const joined = builder.one("shape.reshape", [turned], { shape: [dimMul(ins, groups), each, ...kernel] });
  const axes = kernel.map((_, i) => i + 2);
  const last = Number.MIN_SAFE_INTEGER;
  return builder.one("shape.slice", [joined], { axes, starts: axes.map(() => -1), ends: axes.map(() => last), steps: axes.map(() => -1) });
}
