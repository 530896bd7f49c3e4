/**
 * @file Writes small ONNX models for tests: just enough protobuf (onnx.proto3, IR version 10) to hand an oracle one graph. It is not the project's exporter, and
 * shares no code with the importer, so that one cannot hide the other's mistake.
 */
import type { DType } from "../../ir-spec/core/dtype.ts";
import { encodeTensor, type HostTensor } from "../../ir-spec/core/tensor.ts";

export type OnnxAttr =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: HostTensor };

export interface OnnxNode {
  readonly op: string;
  /** `""` is an absent optional input. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs?: Readonly<Record<string, OnnxAttr>>;
  readonly name?: string;
  readonly domain?: string;
}

export interface OnnxValue {
  readonly name: string;
  readonly dtype: DType;
  /** A string is a symbolic dim. */
  readonly shape: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers?: Readonly<Record<string, HostTensor>>;
  /** Version of the default operator set; 21 when absent. */
  readonly opset?: number;
}

/** Serialized ModelProto. Other domains of the nodes are imported in version 1. */
export function onnxModel(graph: OnnxGraph): Uint8Array {
  const domains = new Set(graph.nodes.flatMap(({ domain }) => domain || []));
  return concat([
    varintField(1, 10),
    textField(2, "tersor-test"),
    bytesField(7, graphProto(graph)),
    bytesField(8, varintField(2, graph.opset ?? 21)),
    ...[...domains].map((domain) => bytesField(8, concat([textField(1, domain), varintField(2, 1)]))),
  ]);
}

/** TensorProto.DataType. */
export const onnxTypes: { readonly [D in DType]?: number } = {
  f32: 1,
  u8: 2,
  i8: 3,
  u16: 4,
  i16: 5,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
  u32: 12,
  u64: 13,
  bf16: 16,
  u4: 21,
  i4: 22,
};

type Bytes = readonly number[] | Uint8Array;

function graphProto(graph: OnnxGraph): Bytes {
  return concat([
    ...graph.nodes.map((node) => bytesField(1, nodeProto(node))),
    textField(2, "g"),
    ...Object.entries(graph.initializers ?? {}).map(([name, tensor]) => bytesField(5, tensorProto(tensor, name))),
    ...graph.inputs.map((value) => bytesField(11, valueInfo(value))),
    ...graph.outputs.map((value) => bytesField(12, valueInfo(value))),
  ]);
}

function nodeProto(node: OnnxNode): Bytes {
  return concat([
    ...node.inputs.map((name) => textField(1, name)),
    ...node.outputs.map((name) => textField(2, name)),
    textField(3, node.name ?? ""),
    textField(4, node.op),
    ...Object.entries(node.attrs ?? {}).map(([name, value]) => bytesField(5, concat([textField(1, name), attributeValue(value)]))),
    textField(7, node.domain ?? ""),
  ]);
}

/** The value's field and its `type` (field 20). */
function attributeValue(value: OnnxAttr): Bytes {
  if ("float" in value) return concat([floatField(2, value.float), varintField(20, 1)]);
  if ("int" in value) return concat([varintField(3, value.int), varintField(20, 2)]);
  if ("string" in value) return concat([textField(4, value.string), varintField(20, 3)]);
  if ("tensor" in value) return concat([bytesField(5, tensorProto(value.tensor, "")), varintField(20, 4)]);
  if ("floats" in value) return concat([...value.floats.map((v) => floatField(7, v)), varintField(20, 6)]);
  if ("ints" in value) return concat([...value.ints.map((v) => varintField(8, v)), varintField(20, 7)]);
  return concat([...value.strings.map((v) => textField(9, v)), varintField(20, 8)]);
}

function tensorProto(tensor: HostTensor, name: string): Bytes {
  const dims = tensor.shape.map((size) => varintField(1, size));
  return concat([...dims, varintField(2, onnxType(tensor.dtype)), textField(8, name), bytesField(9, encodeTensor(tensor))]);
}

function valueInfo({ name, dtype, shape }: OnnxValue): Bytes {
  const dims = shape.map((dim) => bytesField(1, typeof dim === "number" ? varintField(1, dim) : textField(2, dim)));
  const tensor = concat([varintField(1, onnxType(dtype)), bytesField(2, concat(dims))]);
  return concat([textField(1, name), bytesField(2, bytesField(1, tensor))]);
}

function onnxType(dtype: DType): number {
  const type = onnxTypes[dtype];
  if (type === undefined) throw new RangeError(`ONNX has no ${dtype}`);
  return type;
}

function concat(parts: readonly Bytes[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** Two's complement over 64 bits, seven at a time. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return [...bytes, Number(rest)];
}

function varintField(field: number, value: number): number[] {
  return [...varint(field * 8), ...varint(value)];
}

function bytesField(field: number, bytes: Bytes): Uint8Array {
  return concat([varint(field * 8 + 2), varint(bytes.length), bytes]);
}

function textField(field: number, text: string): Uint8Array {
  return bytesField(field, new TextEncoder().encode(text));
}

function floatField(field: number, value: number): Uint8Array {
  return concat([varint(field * 8 + 5), new Uint8Array(Float32Array.of(value).buffer)]);
}
