/**
 * @file Where the scales of a quantized tensor lie: per tensor (rank 0), per axis (rank 1), or per block of an axis (the tensor's rank, ONNX's blocked form).
 * Type rules, the walk over elements, and the broadcast with its adjoint for gradients.
 */
import { compareDims, type Dim, dimCeilDiv, dimKey, dimMul } from "../../core/dim.ts";
import type { DType } from "../../core/dtype.ts";
import type { Operand } from "../../core/graph.ts";
import { printType, shapeEquals, type TensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import type { AxisMap, Builder, InferContext, SelectContext, Selection } from "../define.ts";

export const scaleAttrs = {
  axis: a.int("axis of a rank-1 or blocked scale", 0),
  block: a.int("elements along the axis that share a scale; 0: not blocked", 0),
};

export interface ScaleAttrs {
  readonly axis: number;
  readonly block: number;
}

export const quantizedDtypes = ["i8", "u8", "i16", "u16", "i4", "u4", "i2", "u2"] as const satisfies readonly DType[];

export function canonicalAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** Checks operands 1 (scale) and 2 (zero point, optional) against the quantized tensor's shape. */
export function checkScale(ctx: InferContext<ScaleAttrs>, shape: readonly Dim[], quantized: DType): void {
  const scale = ctx.type(1);
  checkScaleShape(ctx, shape, scale.shape);
  const zero = ctx.types[2];
  if (!zero) return;
  if (zero.dtype !== quantized) ctx.fail(`zero point is ${zero.dtype}, quantized values are ${quantized}`, 2);
  if (!shapeEquals(zero.shape, scale.shape))
    ctx.fail(`zero point is ${printType(zero)}, scale is ${printType(scale)}: their shapes differ`, 2);
}

function checkScaleShape(ctx: InferContext<ScaleAttrs>, shape: readonly Dim[], scale: readonly Dim[]): void {
  const { axis: given, block } = ctx.attrs;
  if (block < 0) ctx.fail(`block must be at least 0, got ${block}`);
  if (scale.length === 0) {
    if (block > 0) ctx.fail(`block = ${block} needs a scale of rank ${shape.length}, got a scalar`, 1);
    return;
  }
  const axis = canonicalAxis(given, shape.length);
  if (axis < 0 || axis >= shape.length) ctx.fail(`axis ${given} is outside rank ${shape.length}`);
  if (block === 0 && scale.length !== 1)
    ctx.fail(`scale has rank ${scale.length}: it must be a scalar, a vector along axis ${axis}, or blocked`, 1);
  if (block > 0 && scale.length !== shape.length)
    ctx.fail(`a blocked scale has the rank of the tensor, ${shape.length}; got rank ${scale.length}`, 1);
  const expected = block === 0 ? [shape[axis] as Dim] : shape.map((dim, i) => (i === axis ? dimCeilDiv(dim, block) : dim));
  expected.forEach((wants, i) => {
    const has = scale[i] as Dim;
    const message = `scale has ${dimKey(has)} on axis ${i}, the tensor takes ${dimKey(wants)}`;
    if (compareDims(has, wants) === false) ctx.fail(message, 1);
    ctx.require(has, wants, message, 1);
  });
}

/**
 * Calls back for runs of elements: `length` elements from `start`, whose scales begin at `scale` and advance by `step` (0 or 1).
 */
export function eachRun(
  shape: readonly number[],
  scaleRank: number,
  { axis: given, block }: ScaleAttrs,
  body: (start: number, length: number, scale: number, step: number) => void,
): void {
  const product = (sizes: readonly number[]) => sizes.reduce((n, size) => n * size, 1);
  if (scaleRank === 0) {
    body(0, product(shape), 0, 0);
    return;
  }
  const axis = canonicalAxis(given, shape.length);
  const [outer, size, inner] = [product(shape.slice(0, axis)), shape[axis] as number, product(shape.slice(axis + 1))];
  const blocks = block === 0 ? size : Math.ceil(size / block);
  for (let row = 0; row < outer * size; row++) {
    const [o, i] = [Math.floor(row / size), row % size];
    if (block === 0) body(row * inner, inner, i, 0);
    else body(row * inner, inner, (o * blocks + Math.floor(i / block)) * inner, inner === 1 ? 0 : 1);
  }
}

/** Axes of x that go to the same axes of the result, and those of scale and zero point. */
export function scaleMaps(types: readonly (TensorType | null)[], attrs: ScaleAttrs): readonly AxisMap[] {
  const rank = types[0]?.shape.length ?? 0;
  const same = (operand: number, axis: number, resultAxis: number): AxisMap => ({
    operand,
    operandAxes: [axis],
    result: 0,
    resultAxes: [resultAxis],
  });
  const axis = canonicalAxis(attrs.axis, rank);
  const vectors = [1, 2].flatMap((operand) => {
    const shape = types[operand]?.shape ?? [];
    if (attrs.block === 0) return shape.length === 1 ? [same(operand, 0, axis)] : [];
    return shape.flatMap((_, i) => (i === axis ? [] : [same(operand, i, i)]));
  });
  return [...(types[0]?.shape ?? []).map((_, i) => same(0, i, i)), ...vectors];
}

export function selectScaled<A extends ScaleAttrs & Readonly<Record<string, unknown>>>(ctx: SelectContext<A>): Selection {
  const axis = canonicalAxis(ctx.attrs.axis, ctx.types[0]?.shape.length ?? 0);
  if (ctx.attrs.block > 0 && ctx.axis === axis)
    return { refuse: `axis ${axis} is cut across blocks of ${ctx.attrs.block} that share a scale` };
  return { attrs: ctx.attrs };
}

/** The scale (or a float zero point) repeated to where it broadcasts with x. */
export function spreadScale(builder: Builder, scale: Operand, x: TensorType, attrs: ScaleAttrs): Operand {
  const rank = builder.typeOf(scale).shape.length;
  if (rank === 0) return scale;
  const axis = canonicalAxis(attrs.axis, x.shape.length);
  if (attrs.block === 0) return builder.one("shape.reshape", [scale], { shape: x.shape.map((_, i) => (i === axis ? -1 : 1)) });
  const { split, joined } = blockShapes(x, axis, attrs.block);
  const narrow = split.map((dim, i) => (i === axis + 1 ? 1 : dim));
  const column = builder.one("shape.reshape", [scale], { shape: narrow });
  const wide = builder.one("shape.reshape", [builder.one("shape.broadcast", [column], { shape: split })], { shape: joined });
  if (compareDims(joined[axis] as Dim, x.shape[axis] as Dim) === true) return wide;
  return builder.one("shape.slice", [wide], { starts: [0], ends: [staticSize(x, axis)], axes: [axis], steps: [1] });
}

/** Adjoint of `spreadScale`: sums a tensor of x's shape over the elements that share a scale. */
export function sumToScale(builder: Builder, value: Operand, x: TensorType, scale: TensorType, attrs: ScaleAttrs): Operand {
  const all = x.shape.map((_, i) => i);
  if (scale.shape.length === 0) return all.length === 0 ? value : builder.one("reduce.sum", [value], { axes: all });
  const axis = canonicalAxis(attrs.axis, x.shape.length);
  if (attrs.block === 0) {
    const others = all.filter((i) => i !== axis);
    return others.length === 0 ? value : builder.one("reduce.sum", [value], { axes: others });
  }
  const { split, joined } = blockShapes(x, axis, attrs.block);
  const whole = compareDims(joined[axis] as Dim, x.shape[axis] as Dim) === true;
  const padded = whole ? value : padEnd(builder, value, axis, (joined[axis] as number) - staticSize(x, axis), all.length);
  return builder.one("reduce.sum", [builder.one("shape.reshape", [padded], { shape: split })], { axes: [axis + 1] });
}

/** x's shape with the axis split into [blocks, block], and with that joined again (whole blocks). */
function blockShapes(x: TensorType, axis: number, block: number): { readonly split: readonly Dim[]; readonly joined: readonly Dim[] } {
  const blocks = dimCeilDiv(x.shape[axis] as Dim, block);
  const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
  return { split: [...before, blocks, block, ...after], joined: [...before, dimMul(blocks, block), ...after] };
}

function staticSize(x: TensorType, axis: number): number {
  const size = x.shape[axis];
  if (typeof size !== "number") throw new RangeError(`${printType(x)}: a blocked scale needs a static axis ${axis}`);
  return size;
}

function padEnd(builder: Builder, value: Operand, axis: number, count: number, rank: number): Operand {
  const none = new Array<number>(rank).fill(0);
  return builder.one("shape.pad", [value], { before: none, after: none.map((_, i) => (i === axis ? count : 0)), value: 0 });
}
