/** @file The op `sample.swish2`: Swish (Ramachandran et al., 2017) with beta 2. */
import { defineOp, dimProduct, type OpDef, roundedTensor } from "tersor/ir";

export const swish2: OpDef = defineOp({
  name: "sample.swish2",
  since: 1,
  doc: "`y = x * sigmoid(2 * x)`",
  operands: [{ name: "x", role: "data", axes: ["..."], dtypes: ["f32"] }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: {},
  infer: (ctx) => [ctx.type(0)],
  reference(ctx) {
    const x = ctx.input(0);
    const y = Float64Array.from(x.data as Float32Array, (v) => v / (1 + Math.exp(-2 * v)));
    return [roundedTensor(x.dtype, x.shape, y)];
  },
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  decompose({ builder, operands }) {
    const [x = null] = operands;
    const twice = builder.one("math.mul", [x, builder.scalar(2, "f32")]);
    return [builder.one("math.mul", [x, builder.one("math.sigmoid", [twice])])];
  },
});
