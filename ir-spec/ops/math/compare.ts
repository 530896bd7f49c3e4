/** @file Comparison and selection. */
import { dimProduct } from "../../core/dim.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { tensorType } from "../../core/type.ts";
import { defineOp, type OpDef } from "../define.ts";
import { broadcastView, stridedLoop, wholeView } from "../shape/strided.ts";
import { broadcastShapes, elementwiseMaps, unbroadcast } from "./broadcast.ts";
import { combine, numeric } from "./elementwise.ts";

function defineCompare(name: string, doc: string, holds: (x: number | bigint, y: number | bigint) => boolean, commutative = false): OpDef {
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
    ...(commutative ? { commutative } : {}),
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

export const equal = defineCompare("math.equal", "`z = (x == y)`, broadcasting. ONNX `Equal`.", (x, y) => x === y, true);
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
  reference: (ctx) => [choose(ctx.input(0), ctx.input(1), ctx.input(2), ctx.outputs[0]?.shape ?? [])],
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
  maps: ({ types, outputs }) =>
    elementwiseMaps(
      types.map((t) => t?.shape ?? null),
      outputs[0]?.shape ?? [],
    ),
});

function choose(condition: HostTensor, x: HostTensor, y: HostTensor, shape: readonly number[]): HostTensor {
  const z = hostTensor(x.dtype, shape);
  const loop = stridedLoop(shape, [...[condition, x, y].map((t) => broadcastView(t.shape, shape)), wholeView(shape)]);
  const [stepC = 0, stepX = 0, stepY = 0] = loop.steps;
  // Elements are moved only: the casts hold for every dtype.
  const [c, p, q, r] = [condition.data as Uint8Array, x.data as Float64Array, y.data as Float64Array, z.data as Float64Array];
  loop.forEach(([h = 0, i = 0, j = 0, k = 0]) => {
    for (let e = 0; e < loop.length; e++) r[k + e] = (c[h + e * stepC] ? p[i + e * stepX] : q[j + e * stepY]) as number;
  });
  return z;
}
