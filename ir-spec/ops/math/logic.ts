/** @file Bits and truth values: one set of ops, since a truth value is an integer of one bit. On `bool` they are logical, on integers they work bit by bit. */
import { dimProduct } from "../../core/dim.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { defineOp } from "../define.ts";
import { integerTypes } from "../dtype-sets.ts";
import { elementwiseMaps } from "./broadcast.ts";
import { defineBinary, isWide } from "./elementwise.ts";

const bitTypes = [...integerTypes, "bool"] as const;
const noGradient = "its operands are integers or truth values";

export const and = defineBinary({
  name: "math.and",
  doc: "`z = x & y`, broadcasting; on `bool` true where both are. ONNX `And`, `BitwiseAnd`.",
  dtypes: bitTypes,
  commutative: true,
  f: (x, y) => x & y,
  big: (x, y) => x & y,
  noGradient,
});

export const or = defineBinary({
  name: "math.or",
  doc: "`z = x | y`, broadcasting; on `bool` true where one is. ONNX `Or`, `BitwiseOr`.",
  dtypes: bitTypes,
  commutative: true,
  f: (x, y) => x | y,
  big: (x, y) => x | y,
  noGradient,
});

export const xor = defineBinary({
  name: "math.xor",
  doc: "`z = x ^ y`, broadcasting; on `bool` true where they differ. ONNX `Xor`, `BitwiseXor`.",
  dtypes: bitTypes,
  commutative: true,
  f: (x, y) => x ^ y,
  big: (x, y) => x ^ y,
  noGradient,
});

export const not = defineOp({
  name: "math.not",
  since: 1,
  doc: "Every bit of `x` turned; on `bool` true where `x` is false. ONNX `Not`, `BitwiseNot`. On integers it reverses the order: the smallest becomes the largest.",
  operands: [{ name: "x", role: "data", axes: ["..."], dtypes: bitTypes, doc: "any shape" }],
  results: [{ name: "y", axes: ["..."] }],
  attrs: {},
  noGradient,
  infer: (ctx) => [ctx.type(0)],
  reference: (ctx) => [turned(ctx.input(0))],
  work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
  maps: ({ types, outputs }) => elementwiseMaps([types[0]?.shape ?? null], outputs[0]?.shape ?? []),
});

function turned({ dtype, shape, data }: HostTensor): HostTensor {
  const y = hostTensor(dtype, shape);
  const mask = dtype === "bool" ? 1 : -1;
  if (isWide(data)) for (let i = 0; i < data.length; i++) y.data[i] = ~(data[i] as bigint);
  else for (let i = 0; i < data.length; i++) y.data[i] = (data[i] as number) ^ mask;
  return y;
}

export const logic = [and, or, xor, not] as const;
