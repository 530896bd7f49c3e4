/** @file Comparison and selection. */
import { dimProduct } from "../../core/dim.ts";
import { hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp, type OpDef } from "../define.ts";
import { broadcastShapes, broadcastStrides, elementwiseMaps, unbroadcast } from "./broadcast.ts";
import { combine, numeric } from "./elementwise.ts";

function defineCompare(name: string, doc: string, holds: (x: number | bigint, y: number | bigint) => boolean): OpDef {
  return defineOp({
    name,
    since: 1,
    doc,
    operands: [
      { name: "x", role: "data", axes: ["..."], dtypes: [...numeric, "bool"], doc: "any shape" },
      { name: "y", role: "data", axes: ["..."], dtypes: [...numeric, "bool"], doc: "a shape that broadcasts with x" },
    ],
    results: [{ name: "z", axes: ["..."] }],
    attrs: {},
    noGradient: "its result is a truth value",
    infer(ctx) {
      const [x, y] = [ctx.type(0), ctx.type(1)];
      if (x.dtype !== y.dtype) ctx.fail(`x is ${x.dtype}, y is ${y.dtype}`, 1);
      return [tensorType("bool", broadcastShapes(ctx, x.shape, y.shape))];
    },
    reference(ctx) {
      const z = hostTensor("bool", ctx.outputs[0]?.shape ?? []);
      combine<number | bigint, number>(ctx.input(0), ctx.input(1), z.shape, z.data as Uint8Array, (a, b) => (holds(a, b) ? 1 : 0));
      return [z];
    },
    work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
    maps: ({ types, outputs }) => elementwiseMaps([types[0]?.shape ?? null, types[1]?.shape ?? null], outputs[0]?.shape ?? []),
  });
}

export const equal = defineCompare("math.equal", "`z = (x == y)`, broadcasting. ONNX `Equal`.", (x, y) => x === y);
export const less = defineCompare("math.less", "`z = (x < y)`, broadcasting. ONNX `Less`.", (x, y) => x < y);
export const greater = defineCompare("math.greater", "`z = (x > y)`, broadcasting. ONNX `Greater`.", (x, y) => x > y);

export const where = defineOp({
  name: "math.where",
  since: 1,
  doc: "`z = condition ? x : y`, broadcasting all three. ONNX `Where`.",
  operands: [
    { name: "condition", role: "data", axes: ["..."], dtypes: ["bool"], doc: "any shape" },
    { name: "x", role: "data", axes: ["..."], doc: "taken where the condition holds" },
    { name: "y", role: "data", axes: ["..."], doc: "taken elsewhere; the dtype of x" },
  ],
  results: [{ name: "z", axes: ["..."] }],
  attrs: {},
  infer(ctx) {
    const [condition, x, y] = [ctx.type(0), ctx.type(1), ctx.type(2)];
    if (x.dtype !== y.dtype) ctx.fail(`x is ${x.dtype}, y is ${y.dtype}`, 2);
    const values = broadcastShapes(ctx, x.shape, y.shape, 2);
    return [tensorType(x.dtype, broadcastShapes(ctx, condition.shape, values, 0))];
  },
  reference(ctx) {
    const [condition, x, y] = [ctx.input(0), ctx.input(1), ctx.input(2)];
    const out = ctx.outputs[0]?.shape ?? [];
    const z = hostTensor(x.dtype, out);
    const steps = [condition, x, y].map((t) => broadcastStrides(t.shape, out));
    const offset = (operand: number, flat: number): number => {
      let rest = flat;
      let at = 0;
      for (let axis = out.length - 1; axis >= 0; axis--) {
        const size = out[axis] as number;
        at += (rest % size) * (steps[operand]?.[axis] as number);
        rest = Math.floor(rest / size);
      }
      return at;
    };
    for (let i = 0; i < z.data.length; i++) {
      const from = condition.data[offset(0, i)] ? x.data[offset(1, i)] : y.data[offset(2, i)];
      (z.data as { [index: number]: number | bigint })[i] = from as number | bigint;
    }
    return [z];
  },
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  gradient({ builder, operands, grads, wanted }) {
    const [condition = null, x = null, y = null] = operands;
    const dz = grads[0] ?? null;
    const zero = builder.scalar(0, builder.typeOf(x).dtype);
    return [
      null,
      wanted[1] ? unbroadcast(builder, builder.one("math.where", [condition, dz, zero]), x) : null,
      wanted[2] ? unbroadcast(builder, builder.one("math.where", [condition, zero, dz]), y) : null,
    ];
  },
  maps: ({ types, outputs }) => elementwiseMaps(types.map((t) => t?.shape ?? null), outputs[0]?.shape ?? []),
});
