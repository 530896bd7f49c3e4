/** @file The graph while it is written: nodes in order of execution, initializers, and the small tensors that the exporter invents, which are always `Constant` nodes. */
import { allocateData, type DType, encodeTensor } from "../../../ir-spec/index.ts";
import type { AttributeProto, GraphProto, Input, NodeProto, TensorProto } from "../../import/onnx/proto/gen/onnx.js";
import { dataType } from "./dtypes.ts";
import { ExportFailure } from "./errors.ts";
import { Names } from "./names.ts";

export type NodeAttr =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly string: string }
  | { readonly ints: readonly number[] }
  | { readonly floats: readonly number[] }
  | { readonly strings: readonly string[] }
  | { readonly tensor: Input<TensorProto> }
  | { readonly graph: Input<GraphProto> };

export type NodeAttrs = Readonly<Record<string, NodeAttr>>;

export const attribute = {
  int: (int: number): NodeAttr => ({ int }),
  flag: (flag: boolean): NodeAttr => ({ int: flag ? 1 : 0 }),
  float: (float: number): NodeAttr => ({ float }),
  string: (string: string): NodeAttr => ({ string }),
  ints: (ints: readonly number[]): NodeAttr => ({ ints }),
  floats: (floats: readonly number[]): NodeAttr => ({ floats }),
  strings: (strings: readonly string[]): NodeAttr => ({ strings }),
} as const;

export interface NodeLabel {
  /** Wished name of the node; "" for none. */
  readonly name: string;
  readonly doc: string | null;
}

const unlabelled: NodeLabel = { name: "", doc: null };

/** Bytes up to which equal literals are looked for. */
const mostShared = 256;

/** A protobuf message is shorter than 2 GB; room is left for what is not tensor data. */
const mostBytes = 2 ** 31 - 2 ** 20;

export class GraphBuilder {
  readonly opset: number;
  /** Values: inputs, outputs, initializers and what nodes make. */
  readonly names: Names;
  readonly nodes: Input<NodeProto>[] = [];
  readonly initializers: Input<TensorProto>[] = [];
  private readonly nodeNames: Names;
  private readonly literals = new Map<string, string>();
  private bytes = 0;
  /** Domains of the nodes besides the standard one. */
  readonly domains: Set<string>;

  /** @param around the graph in one of whose nodes this one is: names are of both, nodes its own */
  constructor(opset: number, around: GraphBuilder | null = null) {
    this.opset = opset;
    this.names = around?.names ?? new Names();
    this.nodeNames = around?.nodeNames ?? new Names();
    this.domains = around?.domains ?? new Set();
  }

  node(
    opType: string,
    input: readonly string[],
    output: readonly string[],
    attrs: NodeAttrs = {},
    label: NodeLabel = unlabelled,
    domain = "",
  ): void {
    if (domain !== "") this.domains.add(domain);
    this.nodes.push({
      opType,
      ...(domain === "" ? {} : { domain }),
      input: withoutTrailing(input),
      output: [...output],
      attribute: Object.entries(attrs).map(([name, value]) => attributeProto(name, value)),
      ...(label.name === "" ? {} : { name: this.nodeNames.fresh(label.name) }),
      ...(label.doc === null ? {} : { docString: label.doc }),
    });
  }

  /** `node` with one new output, whose name is like `base`. */
  value(opType: string, input: readonly string[], attrs: NodeAttrs, base: string, label: NodeLabel = unlabelled, domain = ""): string {
    const output = this.names.fresh(base);
    this.node(opType, input, [output], attrs, label, domain);
    return output;
  }

  initializer(name: string, dtype: DType, shape: readonly number[], bytes: Uint8Array, doc: string | null = null): void {
    this.initializers.push(this.tensor(dtype, shape, bytes, { name, ...(doc === null ? {} : { docString: doc }) }));
  }

  /** A constant of the exporter's own making, given by its bytes; equal small ones are one. */
  literal(dtype: DType, shape: readonly number[], bytes: Uint8Array, base: string): string {
    if (bytes.length > mostShared) return this.constant(this.names.fresh(base), dtype, shape, bytes);
    const key = `${dtype}[${shape.join(",")}]${bytes.join(",")}`;
    const present = this.literals.get(key);
    if (present !== undefined) return present;
    const name = this.constant(this.names.fresh(base), dtype, shape, bytes);
    this.literals.set(key, name);
    return name;
  }

  /** A `Constant` node of this name. */
  constant(name: string, dtype: DType, shape: readonly number[], bytes: Uint8Array): string {
    this.node("Constant", [], [name], { value: { tensor: this.tensor(dtype, shape, bytes) } });
    return name;
  }

  ints(values: readonly number[]): string {
    return this.literal(
      "i64",
      [values.length],
      encodeTensor({ dtype: "i64", shape: [], data: BigInt64Array.from(values, BigInt) }),
      "ints",
    );
  }

  scalar(value: number, dtype: DType): string {
    return this.literal(dtype, [], scalarBytes(value, dtype), "scalar");
  }

  private tensor(dtype: DType, shape: readonly number[], rawData: Uint8Array, rest: Input<TensorProto> = {}): Input<TensorProto> {
    this.bytes += rawData.length;
    if (this.bytes > mostBytes) {
      throw new ExportFailure("E1006", "the model is larger than 2 GB, which an .onnx file cannot be", "compress it, or export its parts");
    }
    return { dims: [...shape], dataType: dataType(dtype), rawData, ...rest };
  }
}

/** Absent optional inputs at the end are left out. */
function withoutTrailing(input: readonly string[]): readonly string[] {
  let length = input.length;
  while (length > 0 && input[length - 1] === "") length--;
  return input.slice(0, length);
}

export function scalarBytes(value: number, dtype: DType): Uint8Array {
  const data = allocateData(dtype, 1);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[0] = BigInt(Math.trunc(value));
  else data[0] = value;
  return encodeTensor({ dtype, shape: [], data });
}

/** AttributeProto.AttributeType. */
const kinds = { float: 1, int: 2, string: 3, tensor: 4, graph: 5, floats: 6, ints: 7, strings: 8 } as const;

function attributeProto(name: string, value: NodeAttr): Input<AttributeProto> {
  if ("float" in value) return { name, type: kinds.float, f: value.float };
  if ("int" in value) return { name, type: kinds.int, i: value.int };
  if ("string" in value) return { name, type: kinds.string, s: new TextEncoder().encode(value.string) };
  if ("tensor" in value) return { name, type: kinds.tensor, t: value.tensor };
  if ("graph" in value) return { name, type: kinds.graph, g: value.graph };
  if ("floats" in value) return { name, type: kinds.floats, floats: [...value.floats] };
  if ("strings" in value) return { name, type: kinds.strings, strings: value.strings.map((text) => new TextEncoder().encode(text)) };
  return { name, type: kinds.ints, ints: [...value.ints] };
}
