/** @file One op as the rows of the export tables see it: inputs by their ONNX names, typed attributes, and the nodes that it becomes. */
import { type Dim, type DType, encodeTensor, type HostTensor, hostTensor, staticShape, type TensorType } from "../../../ir-spec/index.ts";
import type { GraphProto, Input } from "../../import/onnx/proto/gen/onnx.js";
import type { GraphBuilder, NodeAttr, NodeAttrs, NodeLabel } from "./builder.ts";
import { carrierOf, dataType } from "./dtypes.ts";
import { type ExportCode, ExportFailure } from "./errors.ts";
import type { NBitsWeight } from "./nbits.ts";
import type { Sizes } from "./sizes.ts";

/** The node that makes an op's result; `OpCall.result` makes it. */
export interface ResultNode {
  readonly opType: string;
  readonly inputs: readonly string[];
  readonly attrs: NodeAttrs;
  /** `""` when absent: the standard one. */
  readonly domain?: string;
  /** It gives all results, not the first alone. */
  readonly all?: true;
}

/** One op as nodes: those before the last are written as they come up, the last is returned. */
export type ExportRow = (op: OpCall) => ResultNode;

/** Rows by op. */
export type ExportTable = Readonly<Record<string, ExportRow>>;

export interface CallSource {
  readonly op: string;
  readonly attrs: Readonly<Record<string, unknown>>;
  /** null where an optional operand is absent. */
  readonly types: readonly (TensorType | null)[];
  readonly outputs: readonly TensorType[];
  /** ONNX names of the results. */
  readonly results: readonly string[];
  readonly label: NodeLabel;
  /** ONNX name of an operand that is there; constants are written when they are first asked for. */
  input(index: number): string;
  /** Value of an operand that is a constant, else null. */
  constant(index: number): HostTensor | null;
  /** A weight [out, in] in the form of `MatMulNBits`, where it is wanted so and has it, its tensors written. */
  nbits(index: number): WrittenNBits | null;
  /** See `OpCall.body`. */
  body(name: string, bound: readonly (string | null)[], extra: BodyExtra): Input<GraphProto>;
}

/** `condition`: an unused bool after the first input. */
export type BodyExtra = "none" | "condition";

/** What `MatMulNBits` needs to know of its weight. */
export interface WrittenNBits {
  /** ONNX names; `""`: no zero points. */
  readonly names: readonly [codes: string, scales: string, zeros: string];
  readonly weight: NBitsWeight;
}

export class OpCall {
  readonly opset: number;
  private readonly source: CallSource;
  private readonly builder: GraphBuilder;
  private readonly sizesOf: Sizes;

  constructor(source: CallSource, builder: GraphBuilder, sizes: Sizes) {
    [this.source, this.builder, this.sizesOf] = [source, builder, sizes];
    this.opset = builder.opset;
  }

  get name(): string {
    return this.source.op;
  }

  get operandCount(): number {
    return this.source.types.length;
  }

  has(index: number): boolean {
    return (this.source.types[index] ?? null) !== null;
  }

  /** ONNX name of an operand, `""` for an absent one. */
  input(index: number): string {
    return this.has(index) ? this.source.input(index) : "";
  }

  inputs(): readonly string[] {
    return this.source.types.map((_, i) => this.input(i));
  }

  /** The operand's value where it is a constant of the module, else null. */
  constant(index: number): HostTensor | null {
    return this.source.constant(index);
  }

  /** See `CallSource.nbits`. */
  nbits(index: number): WrittenNBits | null {
    return this.source.nbits(index);
  }

  /** The function that an attribute names as a graph. Parameters with a name in `bound` are that value of the graph around, the others inputs. */
  body(attr: string, bound: readonly (string | null)[], extra: BodyExtra = "none"): NodeAttr {
    return { graph: this.source.body(this.attr(attr), bound, extra) };
  }

  type(index: number): TensorType {
    return this.source.types[index] ?? this.fail("E1002", `operand ${index} is absent`, "give it one");
  }

  rank(index: number): number {
    return this.type(index).shape.length;
  }

  get output(): TensorType {
    return this.source.outputs[0] ?? this.fail("E1002", "it has no result", "remove it");
  }

  /** The dtype that stands for `dtype` in this model. */
  carrier(dtype: DType): DType {
    return carrierOf(dtype, this.opset);
  }

  attr<T>(name: string): T {
    return this.source.attrs[name] as T;
  }

  int(name: string): number {
    return this.attr(name);
  }

  float(name: string): number {
    return this.attr(name);
  }

  flag(name: string): boolean {
    return this.attr(name);
  }

  ints(name: string): readonly number[] {
    return this.attr(name);
  }

  dims(name: string): readonly Dim[] {
    return this.attr(name);
  }

  /** A node inside; the name of its one output. */
  node(opType: string, inputs: readonly string[], attrs: NodeAttrs = {}, domain = ""): string {
    const { label, results } = this.source;
    const inner = { name: label.name === "" ? "" : `${label.name}/${opType}`, doc: null };
    return this.builder.value(opType, inputs, attrs, `${results[0] ?? ""}/${opType}`, inner, domain);
  }

  /** A node inside with several outputs; their names. */
  nodes(opType: string, inputs: readonly string[], attrs: NodeAttrs, outputs: number): readonly string[] {
    const { label, results } = this.source;
    const names = Array.from({ length: outputs }, (_, i) => this.builder.names.fresh(`${results[i] ?? ""}/${opType}`));
    this.builder.node(opType, inputs, names, attrs, label);
    return names;
  }

  /** The node of a result beyond the first. */
  also(result: number, opType: string, inputs: readonly string[], attrs: NodeAttrs = {}): void {
    const { label, results } = this.source;
    const inner = { name: label.name === "" ? "" : `${label.name}/${opType}`, doc: null };
    this.builder.node(opType, inputs, results.slice(result, result + 1), attrs, inner);
  }

  /** The last node. */
  result(opType: string, inputs: readonly string[], attrs: NodeAttrs = {}): ResultNode {
    return { opType, inputs, attrs };
  }

  /** Writes the op by its row. */
  write(row: ExportRow): void {
    const { opType, inputs, attrs, domain, all } = row(this);
    const { results } = this.source;
    this.builder.node(opType, inputs, all ? results : results.slice(0, 1), attrs, this.source.label, domain);
  }

  /** An i64 list as a constant. */
  list(values: readonly number[]): string {
    return this.builder.ints(values);
  }

  scalar(value: number, dtype: DType): string {
    return this.builder.scalar(value, dtype);
  }

  /** A constant tensor of one repeated number. */
  filled(value: number, dtype: DType, shape: readonly number[]): string {
    const tensor = hostTensor(dtype, shape);
    if (tensor.data instanceof BigInt64Array || tensor.data instanceof BigUint64Array) tensor.data.fill(BigInt(value));
    else tensor.data.fill(value);
    return this.builder.literal(dtype, shape, encodeTensor(tensor), "filled");
  }

  literal(dtype: DType, shape: readonly number[], bytes: Uint8Array): string {
    return this.builder.literal(dtype, shape, bytes, "constant");
  }

  /** Sizes as an i64 list, computed where they are symbolic. */
  sizes(dims: readonly Dim[]): string {
    return this.sizesOf.list(dims);
  }

  staticShape(index: number): readonly number[] {
    return (
      staticShape(this.type(index).shape) ??
      this.fail("E1002", `the shape of operand ${index} must be static`, "give the model static sizes there")
    );
  }

  cast(value: string, to: DType): string {
    return this.node("Cast", [value], { to: { int: this.typeCode(to) } });
  }

  /** TensorProto.DataType of what carries the dtype. */
  typeCode(dtype: DType): number {
    return dataType(this.carrier(dtype));
  }

  fail(code: ExportCode, message: string, hint: string): never {
    throw new ExportFailure(code, message, hint);
  }
}
