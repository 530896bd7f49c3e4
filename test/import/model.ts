/** @file Small ONNX models, written down as data and encoded with the generated codec. */
import {
  type GraphProto,
  type Input,
  type ModelProto,
  type NodeProto,
  onnx,
  type TensorProto,
  type ValueInfoProto,
} from "../../compiler/import/onnx/proto/gen/onnx.js";

export const FLOAT = 1;
export const UINT8 = 2;
export const INT8 = 3;
export const INT32 = 6;
export const INT64 = 7;
export const BOOL = 9;

/** Attributes whose kind a plain value does not tell. */
export type OtherAttribute =
  | { readonly f: number }
  | { readonly floats: readonly number[] }
  | { readonly g: Input<GraphProto> }
  | { readonly refAttrName: string };

type AttributeValue = number | string | readonly number[] | Input<TensorProto>;

/** Integers become ints; `float(0.5)` and `floats` say otherwise. */
export const float = (value: number) => ({ f: value, type: 1 });
export const subgraph = (g: Input<GraphProto>) => ({ g, type: 5 });
/** In the body of a function: the call's attribute `name`. */
export const ref = (refAttrName: string, type: number) => ({ refAttrName, type });
export const floats = (values: readonly number[]) => ({ floats: values, type: 6 });

function attribute(name: string, value: AttributeValue | OtherAttribute): object {
  if (typeof value === "number") return { name, i: value, type: 2 };
  if (typeof value === "string") return { name, s: new TextEncoder().encode(value), type: 3 };
  if (Array.isArray(value)) return { name, ints: value, type: 7 };
  return "dataType" in value ? { name, t: value, type: 4 } : { name, ...value };
}

export interface NodeOptions {
  readonly name?: string;
  readonly domain?: string;
}

/** `inputs` and `outputs` separated by spaces; `_` is an absent one. */
export function node(
  opType: string,
  inputs: string,
  outputs: string,
  attributes: Readonly<Record<string, AttributeValue | OtherAttribute>> = {},
  options: NodeOptions = {},
): Input<NodeProto> {
  const names = (text: string) =>
    text
      .split(" ")
      .filter(Boolean)
      .map((name) => (name === "_" ? "" : name)); // prettier-ignore
  const attribute_ = Object.entries(attributes).map(([name, value]) => attribute(name, value));
  return { opType, input: names(inputs), output: names(outputs), attribute: attribute_, ...options };
}

/** A tensor with its numbers in the typed field that its element type uses. */
export function tensor(name: string, dataType: number, dims: readonly number[], numbers: readonly number[]): Input<TensorProto> {
  const field = dataType === FLOAT ? "floatData" : dataType === INT64 ? "int64Data" : "int32Data";
  return { name, dataType, dims, [field]: numbers };
}

/** A float tensor in `raw_data`. */
export function raw(name: string, dims: readonly number[], numbers: readonly number[]): Input<TensorProto> {
  return { name, dataType: FLOAT, dims, rawData: new Uint8Array(Float32Array.from(numbers).buffer) };
}

/** A graph's input or output; a string is a `dim_param`, null an unnamed size. */
export function value(name: string, elemType: number, dims: readonly (number | string | null)[]): Input<ValueInfoProto> {
  const dim = dims.map((d) => (d === null ? {} : typeof d === "string" ? { dimParam: d } : { dimValue: d }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

export interface ModelSource {
  readonly opset?: number;
  readonly irVersion?: number;
  readonly inputs: readonly Input<ValueInfoProto>[];
  readonly outputs: readonly Input<ValueInfoProto>[];
  readonly nodes: readonly Input<NodeProto>[];
  readonly initializers?: readonly Input<TensorProto>[];
  /** Further fields of the model. */
  readonly model?: Input<ModelProto>;
}

export function encodeModel(source: ModelSource): Uint8Array {
  const { opset = 17, irVersion = 8, inputs, outputs, nodes, initializers = [], model = {} } = source;
  const graph = { name: "test", node: nodes, input: inputs, output: outputs, initializer: initializers };
  return onnx.ModelProto.encode({ irVersion, opsetImport: [{ domain: "", version: opset }], graph, ...model }).finish();
}
