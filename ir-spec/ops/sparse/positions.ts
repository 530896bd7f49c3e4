/**
 * @file Where the stored values of a sparse tensor go. `mask`: one bit per element, row-major, a 1 takes the next value. `nm`: along one axis every group
 * of m elements stores n; the values lie row-major in the shape whose axis has size / m * n, and each has its position inside its group, ascending.
 */
import { dimProduct } from "../../core/dim.ts";
import { TersorError } from "../../core/problem.ts";
import { countOf } from "../../core/tensor.ts";
import type { TensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import type { InferContext } from "../define.ts";
import { demandDim, dimAt } from "../nn/checks.ts";

export const sparseAttrs = {
  shape: a.ints("shape of the dense tensor"),
  format: a.enum(["mask", "nm"], "how the index says where values go", "mask"),
  n: a.int("nm: values stored per group", 0),
  m: a.int("nm: elements of a group", 0),
  axis: a.int("nm: axis along which groups lie", -1),
};

export interface SparseAttrs {
  readonly shape: readonly number[];
  readonly format: "mask" | "nm";
  readonly n: number;
  readonly m: number;
  readonly axis: number;
}

/** Checks the index operand against the attributes; the number of values, or null where only the mask's bits say it. */
export function inferSparse(ctx: InferContext<SparseAttrs>, index: TensorType, operand: number): number | null {
  const { shape, format, n, m } = ctx.attrs;
  if (shape.some((size) => size < 0)) ctx.fail(`shape [${shape.join(", ")}] has a negative size`);
  if (index.shape.length !== 1) ctx.fail(`index must have rank 1, has rank ${index.shape.length}`, operand);
  if (format === "mask") {
    if (index.dtype !== "u1") ctx.fail(`a mask is u1, index is ${index.dtype}`, operand);
    demandDim(
      ctx,
      dimAt(index, 0),
      countOf(shape),
      (has, wants) => `mask has ${has} bits, shape [${shape.join(", ")}] takes ${wants}`,
      operand,
    );
    return null;
  }
  checkGroups(ctx, index, operand);
  const stored = (countOf(shape) / m) * n;
  demandDim(
    ctx,
    dimAt(index, 0),
    stored,
    (has, wants) => `index has ${has} entries, ${n} of ${m} over [${shape.join(", ")}] take ${wants}`,
    operand,
  );
  return stored;
}

function checkGroups(ctx: InferContext<SparseAttrs>, index: TensorType, operand: number): void {
  const { shape, n, m, axis } = ctx.attrs;
  if (m < 1 || n < 1 || n > m) ctx.fail(`nm needs 1 <= n <= m, got n = ${n}, m = ${m}`);
  const size = shape[axis < 0 ? axis + shape.length : axis];
  if (size === undefined) ctx.fail(`axis ${axis} is outside rank ${shape.length}`);
  else if (size % m !== 0) ctx.fail(`axis ${axis} has ${size} elements, not a multiple of m = ${m}`);
  const bits = index.dtype === "u2" ? 2 : index.dtype === "u4" ? 4 : index.dtype === "u8" ? 8 : 0;
  if (bits === 0) ctx.fail(`an nm index is u2, u4 or u8, got ${index.dtype}`, operand);
  if (m > 2 ** bits) ctx.fail(`positions in groups of ${m} do not fit ${index.dtype}`, operand);
}

/** Flat row-major position of every stored value. @throws TersorError E0504 on an index that does not fit. */
export function positionsOf(index: ArrayLike<number>, attrs: SparseAttrs): Int32Array {
  return attrs.format === "mask" ? maskPositions(index) : groupPositions(index, attrs);
}

function maskPositions(mask: ArrayLike<number>): Int32Array {
  const positions: number[] = [];
  for (let i = 0; i < mask.length; i++) if (mask[i] === 1) positions.push(i);
  return Int32Array.from(positions);
}

function groupPositions(index: ArrayLike<number>, { shape, n, m, axis: given }: SparseAttrs): Int32Array {
  const axis = given < 0 ? given + shape.length : given;
  const [size, inner] = [shape[axis] as number, countOf(shape.slice(axis + 1))];
  const kept = (size / m) * n;
  const positions = new Int32Array(index.length);
  for (let i = 0; i < index.length; i++) {
    const [outer, j, k] = [Math.floor(i / (kept * inner)), Math.floor(i / inner) % kept, i % inner];
    const position = index[i] as number;
    const previous = j % n === 0 ? -1 : (index[i - inner] as number);
    if (position >= m) throw misplaced(`position ${position} at entry ${i}, groups have ${m} elements`);
    if (position <= previous)
      throw misplaced(`position ${position} at entry ${i} is not above the one before it in its group, ${previous}`);
    positions[i] = (outer * size + Math.floor(j / n) * m + position) * inner + k;
  }
  return positions;
}

export function misplaced(message: string): TersorError {
  return new TersorError({ code: "E0504", message: `sparse index: ${message}`, operand: 1 });
}

export function denseElements(attrs: SparseAttrs) {
  return { macs: 0, elementOps: dimProduct(attrs.shape) };
}
