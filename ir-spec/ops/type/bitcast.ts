/** @file The same bytes read as another dtype. */
import { dtypeInfo } from "../../core/dtype.ts";
import { decodeTensor, encodeTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import { defineOp } from "../define.ts";
import { sameAxes } from "../shape/axis-maps.ts";

export const bitcast = defineOp({
  name: "type.bitcast",
  since: 1,
  doc: "The bits of x as elements of `to`, which are as wide. Nothing is converted: a NaN keeps its payload. ONNX `BitCast`.",
  operands: [{ name: "x", role: "data", axes: ["..."], doc: "Any shape and dtype." }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: { to: a.dtype("Dtype of the result, of x's width.") },
  infer(ctx) {
    const [{ dtype, shape }, { to }] = [ctx.type(0), ctx.attrs];
    const [has, wants] = [dtypeInfo(dtype).bits, dtypeInfo(to).bits];
    if (to === "bool" && dtype !== "bool") ctx.fail(`a byte of ${dtype} may be neither 0 nor 1: cast to bool instead`, 0);
    if (has !== wants) ctx.fail(`${dtype} has ${has} bits, ${to} has ${wants}`, 0);
    return [tensorType(to, shape)];
  },
  reference: ({ input, attrs }) => [decodeTensor(attrs.to, input(0).shape, encodeTensor(input(0)))],
  work: () => ({ macs: 0, elementOps: 0 }),
  noGradient: "bits are no numbers that vary smoothly",
  maps: ({ types }) => sameAxes(0, types[0]?.shape.length ?? 0),
  select: ({ attrs: { to } }) => ({ attrs: { to } }),
});
