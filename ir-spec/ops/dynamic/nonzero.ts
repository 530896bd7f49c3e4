/** @file Where a tensor is not zero. */
import { dimProduct } from "../../core/dim.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { rowMajorStrides } from "../shape/strided.ts";
import { declaredSize, noReference } from "./sized.ts";

export const nonzero = defineOp({
  name: "dynamic.nonzero",
  since: 1,
  doc: "Column `k` of the result holds the coordinates of the `k`-th element of `x`, in row-major order, that is not 0. The number of columns is a symbol that the op introduces; a scalar counts as one element on one axis. ONNX `NonZero`.",
  operands: [{ name: "x", role: "data", axes: ["..."], doc: "Any shape and dtype." }],
  results: [{ name: "indices", axes: ["axis", "found"], doc: "i64 `[rank of x, found]`." }],
  attrs: {},
  infer(ctx) {
    return [tensorType("i64", [Math.max(ctx.type(0).shape.length, 1), declaredSize(ctx, 0, 1, 2)])];
  },
  reference: noReference("dynamic.nonzero"),
  execute: ({ inputs: [x = null] }) => (x ? [coordinates(x)] : []),
  work: ({ types }) => ({ macs: 0, elementOps: dimProduct(types[0]?.shape ?? []) }),
  noGradient: "its result is an index",
});

function coordinates(x: HostTensor): HostTensor {
  const shape = x.shape.length === 0 ? [1] : x.shape;
  const found: number[] = [];
  for (let i = 0; i < x.data.length; i++) if (Number(x.data[i]) !== 0) found.push(i);
  const strides = rowMajorStrides(shape);
  const y = hostTensor("i64", [shape.length, found.length]);
  shape.forEach((size, axis) => {
    found.forEach((place, k) => {
      y.data[axis * found.length + k] = BigInt(Math.floor(place / (strides[axis] as number)) % size);
    });
  });
  return y;
}
