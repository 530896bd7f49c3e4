/** @file Checks that the `infer` functions of layers share; each message gives both values. */
import { compareDims, type Dim, dimKey } from "../../core/dim.ts";
import type { DType } from "../../core/dtype.ts";
import { type TensorType, tensorType } from "../../core/type.ts";
import type { InferContext } from "../define.ts";

export const floats = ["f64", "f32", "f16", "bf16"] as const satisfies readonly DType[];

/** Demands a == b; `message` words the failure with both dims as text. */
export function demandDim<A>(ctx: InferContext<A>, a: Dim, b: Dim, message: (a: string, b: string) => string, operand?: number): void {
  if (compareDims(a, b) === false) ctx.fail(message(dimKey(a), dimKey(b)), operand);
  ctx.require(a, b, message(dimKey(a), dimKey(b)), operand);
}

/** Demands that every present operand from 1 on has the dtype of operand 0. */
export function demandOneDtype<A>(ctx: InferContext<A>, names: readonly string[], first = 0): void {
  const { dtype } = ctx.type(first);
  ctx.types.forEach((type, i) => {
    if (i > first && type && type.dtype !== dtype) ctx.fail(`${names[first]} is ${dtype}, ${names[i]} is ${type.dtype}`, i);
  });
}

/** An optional vector operand must have rank 1 and `size` elements. */
export function demandVector<A>(ctx: InferContext<A>, operand: number, size: Dim, name: string, sizeName: string): void {
  const type = ctx.types[operand];
  if (!type) return;
  if (type.shape.length !== 1) ctx.fail(`${name} must have rank 1, has rank ${type.shape.length}`, operand);
  demandDim(ctx, type.shape[0] as Dim, size, (has, wants) => `${name} has ${has} elements, ${sizeName} ${wants}`, operand);
}

export function dimAt(type: TensorType, axis: number): Dim {
  const dim = type.shape[axis];
  if (dim === undefined) throw new RangeError(`axis ${axis} of a tensor of rank ${type.shape.length}`);
  return dim;
}

export function withShape(type: TensorType, shape: readonly Dim[]): TensorType {
  return tensorType(type.dtype, shape);
}
