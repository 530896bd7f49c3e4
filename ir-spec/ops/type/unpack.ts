/** @file Sub-byte integers to bytes. */
import type { DType } from "../../core/dtype.ts";
import { hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { elementWork } from "../math/elementwise.ts";
import { sameAxes } from "../shape/axis-maps.ts";

const subByte = ["u1", "u2", "u4", "i2", "i4"] as const satisfies readonly DType[];

export const unpack = defineOp({
  name: "type.unpack",
  since: 1,
  doc: "The same integers in bytes: `u1`, `u2`, `u4` to `u8` and `i2`, `i4` to `i8`. ONNX `Cast` of `uint4` and `int4`.",
  operands: [{ name: "x", role: "data", axes: ["..."], dtypes: subByte, doc: "Any shape." }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: {},
  infer: (ctx) => [tensorType(byteType(ctx.type(0).dtype), ctx.type(0).shape)],
  reference: ({ input }) => [hostTensor(byteType(input(0).dtype), input(0).shape, input(0).data)],
  work: elementWork,
  noGradient: "its operand and its result are integers",
  maps: ({ types }) => sameAxes(0, types[0]?.shape.length ?? 0),
});

function byteType(dtype: DType): DType {
  return dtype.startsWith("i") ? "i8" : "u8";
}
