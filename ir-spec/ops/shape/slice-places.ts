/** @file Where the slices that rows of indices name start, for gather_nd and scatter_nd. */
import { type Dim, dimKey } from "../../core/dim.ts";
import { TersorError } from "../../core/problem.ts";
import type { HostTensor } from "../../core/tensor.ts";
import type { InferContext } from "../define.ts";
import { printShape } from "../math/broadcast.ts";
import { rowMajorStrides } from "./strided.ts";

/** How many axes of x, after `batch` of them, one row of the indices names: the last axis of the indices. */
export function demandIndexRows<A>(ctx: InferContext<A>, batch: number): number {
  const [x, indices] = [ctx.type(0).shape, ctx.type(1).shape];
  const named = indices[indices.length - 1];
  if (named === undefined) ctx.fail("indices are a scalar, their last axis holds the rows", 1);
  if (typeof named !== "number") ctx.fail(`the last axis of indices is ${dimKey(named)}, it must be a number`, 1);
  if (batch < 0 || batch >= indices.length) ctx.fail(`${batch} batch axes, indices have rank ${indices.length}`, 1);
  if (batch + named > x.length) ctx.fail(`rows of ${named} indices after ${batch} batch axes, x has rank ${x.length}`, 1);
  for (let i = 0; i < batch; i++) {
    ctx.require(x[i] as Dim, indices[i] as Dim, `batch axis ${i}: indices are ${printShape(indices)}, x is ${printShape(x)}`, 1);
  }
  return named;
}

/** For each row of indices the first element of its slice in a tensor of `shape`. @throws TersorError E0503 */
export function slicePlaces(op: string, indices: HostTensor, shape: readonly number[], batch = 0): Float64Array {
  const named = indices.shape[indices.shape.length - 1] as number;
  const rows = indices.shape.slice(0, -1).reduce((n, d) => n * d, 1);
  const batches = shape.slice(0, batch).reduce((n, d) => n * d, 1);
  const strides = rowMajorStrides(shape);
  const ofBatch = batch === 0 ? 0 : (strides[batch - 1] as number);
  const places = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    let place = Math.floor(row / (rows / batches)) * ofBatch;
    for (let k = 0; k < named; k++) {
      const [index, size] = [Number(indices.data[row * named + k]), shape[batch + k] as number];
      const at = index < 0 ? index + size : index;
      if (at < 0 || at >= size)
        throw new TersorError({ code: "E0503", message: `${op}: index ${index} in row ${row}, the axis has ${size} elements`, operand: 1 });
      place += at * (strides[batch + k] as number);
    }
    places[row] = place;
  }
  return places;
}
