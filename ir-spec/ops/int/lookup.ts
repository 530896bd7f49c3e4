/** @file Any function of one 8-bit value, as a table. */
import { dimKey, dimProduct } from "../../core/dim.ts";
import { hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp } from "../define.ts";
import { sameAxes } from "../shape/axis-maps.ts";
import { bytes, noGradient } from "./output.ts";

export const intLookup = defineOp({
  name: "int.lookup",
  since: 1,
  doc: "`y = table[x - least]` with `least` the smallest value of x's dtype: -128 or 0. Sigmoid, tanh, gelu and the like on 8-bit values. ONNX `Gather` after a shift.",
  operands: [
    { name: "x", role: "data", axes: ["..."], dtypes: bytes, doc: "Any shape." },
    { name: "table", role: "weight", axes: ["value"], dtypes: bytes, doc: "256 results, of the least value of x first." },
  ],
  results: [{ name: "y", axes: ["..."] }],
  attrs: {},
  infer(ctx) {
    const [x, table] = [ctx.type(0), ctx.type(1)];
    if (table.shape.length !== 1 || table.shape[0] !== 256) ctx.fail(`table must be [256], is [${table.shape.map(dimKey).join(", ")}]`, 1);
    return [tensorType(table.dtype, x.shape)];
  },
  reference(ctx) {
    const [x, table] = [ctx.input(0), ctx.input(1)];
    const least = x.dtype === "i8" ? -128 : 0;
    const y = hostTensor(table.dtype, x.shape);
    for (let i = 0; i < y.data.length; i++) y.data[i] = table.data[(x.data[i] as number) - least] as number;
    return [y];
  },
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  noGradient,
  maps: ({ types }) => sameAxes(0, types[0]?.shape.length ?? 0),
  select({ side, index, attrs }) {
    return side === "operand" && index === 1 ? { refuse: "the table has one entry per value" } : { attrs };
  },
});
