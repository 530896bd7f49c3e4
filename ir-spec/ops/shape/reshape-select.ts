/** @file Cutting an axis next to a reshape: what is kept must be a box (the same indices everywhere) on the other side too. */
import { type Dim, dimDiv, dimProduct } from "../../core/dim.ts";
import { staticShape } from "../../core/type.ts";
import type { SelectContext, Selection } from "../define.ts";
import { type AxisGroup, reshapeGroups } from "./reshape-groups.ts";
import { rowMajorStrides } from "./strided.ts";

interface ReshapeAttrs {
  readonly shape: readonly Dim[];
}

export function reshapeSelect(ctx: SelectContext<ReshapeAttrs>): Selection {
  const { side, axis, indices, attrs } = ctx;
  const from = ctx.types[0]?.shape ?? [];
  const to = resultShape(from, attrs.shape);
  if (!to) return { refuse: "the sizes of the result are not known" };
  const own = side === "operand" ? "operandAxes" : "resultAxes";
  const group = reshapeGroups(from, to).find((g) => g[own].includes(axis));
  if (!group) return { refuse: `axis ${axis} has size 1 or no counterpart` };
  if (group.operandAxes.length === 1 && group.resultAxes.length === 1)
    return { attrs: { shape: written(attrs.shape, to, group, [indices.length]) } };
  return selectInGroup(group, from, to, ctx);
}

function selectInGroup(
  group: AxisGroup,
  from: readonly Dim[],
  to: readonly Dim[],
  { side, axis, indices, attrs }: SelectContext<ReshapeAttrs>,
): Selection {
  const operand = staticSizes(group.operandAxes, from);
  const result = staticSizes(group.resultAxes, to);
  if (!operand || !result) return { refuse: `axis ${axis} is merged or split with symbolic sizes` };
  const [axes, mine, other] = side === "operand" ? [group.operandAxes, operand, result] : [group.resultAxes, result, operand];
  const cut = axes.indexOf(axis);
  const box = boxOf(keptElements(mine, cut, new Set(indices)), other);
  if (!box) return { refuse: `indices of axis ${axis} do not fall on whole indices of the axes that it is reshaped to` };
  const sizes = side === "operand" ? box : mine.map((size, k): number => (k === cut ? indices.length : (size as number)));
  return { attrs: { shape: written(attrs.shape, to, group, sizes) } };
}

function staticSizes(axes: readonly number[], shape: readonly Dim[]): readonly number[] | null {
  return staticShape(axes.map((axis) => shape[axis] as Dim));
}

/** Row-major positions in a group of axes whose index on axis `cut` is kept. */
function keptElements(sizes: readonly number[], cut: number, indices: ReadonlySet<number>): readonly number[] {
  const stride = rowMajorStrides(sizes)[cut] as number;
  const count = sizes.reduce((n, size) => n * size, 1);
  return Array.from({ length: count }, (_, k) => k).filter((k) => indices.has(Math.floor(k / stride) % (sizes[cut] as number)));
}

/** Sizes of the box that the positions fill, or null when they fill none. */
function boxOf(positions: readonly number[], sizes: readonly number[]): readonly number[] | null {
  const strides = rowMajorStrides(sizes);
  const box = sizes.map((size, axis) => new Set(positions.map((k) => Math.floor(k / (strides[axis] as number)) % size)).size);
  return box.reduce((n, size) => n * size, 1) === positions.length ? box : null;
}

/** The attribute with new sizes for the group's result axes. -1 still infers them; 0 stays only where what it copies does not change, or changes alike. */
function written(
  shape: readonly Dim[],
  to: readonly Dim[],
  { operandAxes, resultAxes }: AxisGroup,
  sizes: readonly number[],
): readonly Dim[] {
  const oneToOne = operandAxes.length === 1 && resultAxes.length === 1;
  return shape.map((dim, axis) => {
    const at = resultAxes.indexOf(axis);
    if (dim === -1) return dim;
    if (at < 0) return dim === 0 && operandAxes.includes(axis) ? (to[axis] as Dim) : dim;
    return dim === 0 && oneToOne && operandAxes[0] === axis ? dim : (sizes[at] as number);
  });
}

/** The sizes that 0 and -1 stand for, filled in; null where there are none. */
function resultShape(from: readonly Dim[], shape: readonly Dim[]): readonly Dim[] | null {
  const copied = shape.map((dim, axis) => (dim === 0 ? (from[axis] ?? 0) : dim));
  const given = dimProduct(copied.filter((dim) => dim !== -1));
  if (given === 0) return null;
  return copied.map((dim) => (dim === -1 ? dimDiv(dimProduct(from), given) : dim));
}
