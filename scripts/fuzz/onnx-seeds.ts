/** @file Small ONNX models that together use most of the importer: written field by field, since the fuzzer must not depend on the exporter. */
import { concatenated, varintBytes } from "./protobuf.ts";

type Attribute = number | readonly number[] | string | { readonly float: number } | { readonly tensor: Tensor };

interface Tensor {
  readonly type: "f32" | "i64" | "i8";
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

type Node = readonly [op: string, inputs: string, outputs: string, attributes?: Readonly<Record<string, Attribute>>];

interface Graph {
  readonly opset: number;
  readonly inputs: Readonly<Record<string, readonly (number | string)[]>>;
  readonly outputs: readonly string[];
  readonly tensors: Readonly<Record<string, Tensor>>;
  readonly nodes: readonly Node[];
}

/** Deterministic weights. */
const f32 = (...shape: number[]): Tensor => ({
  type: "f32",
  shape,
  values: Array.from({ length: count(shape) }, (_, i) => Math.sin(i * 12.9898) / 2),
});
const i64 = (...values: number[]): Tensor => ({ type: "i64", shape: [values.length], values });
const count = (shape: readonly number[]): number => shape.reduce((n, d) => n * d, 1);

const graphs: Readonly<Record<string, Graph>> = {
  "cnn.onnx": {
    opset: 13,
    inputs: { image: ["batch", 1, 8, 8] },
    outputs: ["probs"],
    tensors: {
      w: f32(4, 1, 3, 3),
      b: f32(4),
      s: f32(4),
      m: f32(4),
      v: { ...f32(4), values: [1, 2, 3, 4] },
      fw: f32(3, 64),
      fb: f32(3),
      shape: i64(0, -1),
    },
    nodes: [
      ["Conv", "image w b", "c", { kernel_shape: [3, 3], pads: [1, 1, 1, 1], strides: [1, 1], dilations: [1, 1], group: 1 }],
      ["BatchNormalization", "c s b m v", "n", { epsilon: { float: 0.001 } }],
      ["Relu", "n", "r"],
      ["MaxPool", "r", "p", { kernel_shape: [2, 2], strides: [2, 2] }],
      ["AveragePool", "p", "a", { kernel_shape: [3, 3], auto_pad: "SAME_UPPER" }],
      ["Reshape", "a shape", "f"],
      ["Gemm", "f fw fb", "g", { transB: 1, alpha: { float: 0.5 } }],
      ["Softmax", "g", "probs", { axis: 1 }],
    ],
  },
  "shapes.onnx": {
    opset: 17,
    inputs: { x: ["N", "M", 4], y: ["N", "M", 4] },
    outputs: ["z", "k"],
    tensors: {
      zero: i64(0),
      two: i64(2),
      last: i64(4),
      axis: i64(2),
      minus: i64(-1),
      pads: i64(0, 0, 1, 0, 0, 1),
      parts: i64(1, 3),
      e: i64(1, 1, 4),
    },
    nodes: [
      ["Shape", "x", "shape"],
      ["Gather", "shape zero", "n", { axis: 0 }],
      ["Concat", "n minus", "target", { axis: 0 }],
      ["Add", "x y", "sum"],
      ["Slice", "sum zero last axis", "s"],
      ["Pad", "s pads", "p", { mode: "constant" }],
      ["Transpose", "p", "t", { perm: [0, 2, 1] }],
      ["Split", "x parts", "a b", { axis: 2 }],
      ["ReduceMean", "b", "m", { axes: [2], keepdims: 1 }],
      ["Mul", "a m", "am"],
      ["Expand", "am e", "wide"],
      ["Reshape", "wide target", "z"],
      ["Transpose", "x", "xt", { perm: [0, 2, 1] }],
      ["MatMul", "x xt", "mm"],
      ["ReduceSum", "mm axis", "k", { keepdims: 0 }],
    ],
  },
  "qdq.onnx": {
    opset: 13,
    inputs: { x: ["N", 2, 4, 4] },
    outputs: ["y", "top"],
    tensors: {
      s: { type: "f32", shape: [], values: [0.05] },
      z: { type: "i8", shape: [], values: [3] },
      wq: { type: "i8", shape: [2, 2, 1, 1], values: [12, -100, 7, 127] },
      ws: { type: "f32", shape: [2], values: [0.01, 0.02] },
      wz: { type: "i8", shape: [2], values: [0, 0] },
    },
    nodes: [
      ["QuantizeLinear", "x s z", "q"],
      ["DequantizeLinear", "q s z", "d"],
      ["DequantizeLinear", "wq ws wz", "w", { axis: 0 }],
      ["Conv", "d w", "c"],
      ["Clip", "c", "clipped"],
      ["DepthToSpace", "c", "unused", { blocksize: 1, mode: "CRD" }],
      ["GlobalAveragePool", "clipped", "g"],
      ["Flatten", "g", "y", { axis: 1 }],
      ["ArgMax", "y", "top", { axis: 1, keepdims: 0 }],
    ],
  },
  "math.onnx": {
    opset: 18,
    inputs: { a: ["N", 3], b: [3] },
    outputs: ["out"],
    tensors: {
      start: { type: "i64", shape: [], values: [0] },
      limit: { type: "i64", shape: [], values: [3] },
      step: { type: "i64", shape: [], values: [1] },
      dims: i64(3),
    },
    nodes: [
      ["ConstantOfShape", "dims", "filled", { value: { tensor: { type: "f32", shape: [1], values: [0.25] } } }],
      ["Range", "start limit step", "range"],
      ["Cast", "range", "cast", { to: 1 }],
      ["Constant", "", "half", { value: { tensor: { type: "f32", shape: [], values: [0.5] } } }],
      ["Pow", "a half", "p"],
      ["Div", "p b", "d"],
      ["Sub", "d filled", "s"],
      ["Less", "s cast", "l"],
      ["Where", "l s cast", "w"],
      ["Erf", "w", "e"],
      ["LeakyRelu", "e", "lr", { alpha: { float: 0.1 } }],
      ["Unsqueeze", "lr dims0", "u"],
      ["Squeeze", "u dims0", "out"],
      ["Identity", "out", "same"],
    ],
  },
};

/** By file name. */
export function onnxSeeds(): Readonly<Record<string, Uint8Array>> {
  const dims0 = { dims0: i64(0) };
  return Object.fromEntries(
    Object.entries(graphs).map(([name, graph]) => [name, model({ ...graph, tensors: { ...graph.tensors, ...dims0 } })]),
  );
}

function model(graph: Graph): Uint8Array {
  const values = (of: Readonly<Record<string, readonly (number | string)[]>>, field: number) =>
    Object.entries(of).map(([name, shape]) =>
      bytesField(field, concatenated([text(1, name), bytesField(2, bytesField(1, tensorType(shape)))])),
    );
  const body = concatenated([
    ...graph.nodes.map((node) => bytesField(1, nodeBytes(node))),
    text(2, "g"),
    ...Object.entries(graph.tensors).map(([name, tensor]) => bytesField(5, tensorBytes(tensor, name))),
    ...values(graph.inputs, 11),
    ...graph.outputs.map((name) => bytesField(12, text(1, name))),
  ]);
  return concatenated([number(1, 10), text(2, "fuzz"), bytesField(7, body), bytesField(8, number(2, graph.opset))]);
}

function nodeBytes([op, inputs, outputs, attributes = {}]: Node): Uint8Array {
  const names = (list: string) => list.split(" ").filter((name) => name !== "");
  return concatenated([
    ...names(inputs).map((name) => text(1, name)),
    ...names(outputs).map((name) => text(2, name)),
    text(3, `${op}_${outputs}`),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) => bytesField(5, concatenated([text(1, name), attributeBytes(value)]))),
  ]);
}

function attributeBytes(value: Attribute): Uint8Array {
  if (typeof value === "number") return concatenated([number(3, value), number(20, 2)]);
  if (typeof value === "string") return concatenated([text(4, value), number(20, 3)]);
  if (Array.isArray(value)) return concatenated([...value.map((item: number) => number(8, item)), number(20, 7)]);
  const record = value as { readonly float: number } | { readonly tensor: Tensor };
  if ("float" in record) return concatenated([varintBytes(21n), new Uint8Array(Float32Array.of(record.float).buffer), number(20, 1)]);
  return concatenated([bytesField(5, tensorBytes(record.tensor, "")), number(20, 4)]);
}

const typeCodes = { f32: 1, i64: 7, i8: 3 } as const;

function tensorBytes({ type, shape, values }: Tensor, name: string): Uint8Array {
  const data = type === "f32" ? Float32Array.from(values) : type === "i8" ? Int8Array.from(values) : BigInt64Array.from(values, BigInt);
  return concatenated([
    ...shape.map((size) => number(1, size)),
    number(2, typeCodes[type]),
    text(8, name),
    bytesField(9, new Uint8Array(data.buffer)),
  ]);
}

function tensorType(shape: readonly (number | string)[]): Uint8Array {
  const dims = shape.map((dim) => bytesField(1, typeof dim === "number" ? number(1, dim) : text(2, dim)));
  return concatenated([number(1, 1), bytesField(2, concatenated(dims))]);
}

const number = (field: number, value: number): Uint8Array => concatenated([varintBytes(BigInt(field * 8)), varintBytes(BigInt(value))]);
const bytesField = (field: number, bytes: Uint8Array): Uint8Array =>
  concatenated([varintBytes(BigInt(field * 8 + 2)), varintBytes(BigInt(bytes.length)), bytes]);
const text = (field: number, value: string): Uint8Array => bytesField(field, new TextEncoder().encode(value));
