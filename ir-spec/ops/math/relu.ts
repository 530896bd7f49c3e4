/** @file Rectified linear unit. */
import { hostTensor } from "../../core/tensor.ts";
import { defineOp } from "../define.ts";
import { dimProduct } from "../../core/dim.ts";

export const relu = defineOp({
  name: "math.relu",
  since: 1,
  doc: "`y = max(x, 0)`, element-wise; NaN stays NaN. ONNX `Relu`.",
  operands: [{ name: "x", role: "data", axes: ["..."], dtypes: ["f64", "f32", "f16", "bf16"] }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: {},
  infer: (ctx) => [ctx.type(0)],
  reference(ctx) {
    const x = ctx.input(0);
    const y = hostTensor(x.dtype, x.shape);
    for (let i = 0; i < x.data.length; i++) {
      const v = x.data[i] as number;
      y.data[i] = v > 0 || Number.isNaN(v) ? v : 0;
    }
    return [y];
  },
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  gradient: ({ builder, results, grads }) => [
    builder.one("math.mul", [grads[0] ?? null, builder.one("math.step", [results[0] ?? null])]),
  ],
});
