/** @file Tensor types: dims and a dtype. The rank is always static. */
import { type Dim, dimEquals, dimProduct, printDim } from "./dim.ts";
import { byteLengthOf, type DType } from "./dtype.ts";

export interface TensorType {
  readonly dtype: DType;
  readonly shape: readonly Dim[];
}

export function tensorType(dtype: DType, shape: readonly Dim[]): TensorType {
  return { dtype, shape };
}

export function typeEquals(a: TensorType, b: TensorType): boolean {
  return a.dtype === b.dtype && shapeEquals(a.shape, b.shape);
}

export function shapeEquals(a: readonly Dim[], b: readonly Dim[]): boolean {
  return a.length === b.length && a.every((dim, i) => dimEquals(dim, b[i] as Dim));
}

/** `tensor<Nx1x28x28xf32>`, `tensor<f32>` for a scalar. */
export function printType(type: TensorType): string {
  return `tensor<${type.shape.map((dim) => `${printDim(dim)}x`).join("")}${type.dtype}>`;
}

export function staticShape(shape: readonly Dim[]): readonly number[] | null {
  return shape.every((dim) => typeof dim === "number") ? (shape as readonly number[]) : null;
}

/** Number of elements, a Dim when the shape is symbolic. A static count never throws: beyond 2^53 it is the nearest double, which no data can match. */
export function elementCount(type: TensorType): Dim {
  const fixed = staticShape(type.shape);
  return fixed ? fixed.reduce((count, size) => count * size, 1) : dimProduct(type.shape);
}

/** Bytes of a tensor of this type. @throws RangeError when the shape is not static. */
export function typeByteLength(type: TensorType): number {
  const count = elementCount(type);
  if (typeof count !== "number") throw new RangeError(`${printType(type)} has no static size`);
  return byteLengthOf(type.dtype, count);
}
