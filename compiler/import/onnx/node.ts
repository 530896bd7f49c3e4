/** @file One ONNX node as the translations see it: inputs as values, attributes by kind, and the ops that it becomes. */
import type { AttrInput, Dim, DimExpr, DType, FunctionEditor, HostTensor, Location, Operand, TensorType } from "../../../ir-spec/index.ts";
import {
  dimEquals,
  dimKey,
  dimSymbols,
  encodeTensor,
  evaluateOp,
  isFloat,
  tensorType,
  toNumbers,
  writeAttrs,
} from "../../../ir-spec/index.ts";
import type { Attributes } from "./attributes.ts";
import type { ConstantPool } from "./constants.ts";
import { sizesOperand } from "./counted-sizes.ts";
import { type ImportCode, ImportFailure } from "./errors.ts";
import { evaluated } from "./evaluate.ts";
import { saturate } from "./int64.ts";
import type { GraphProto } from "./proto/gen/onnx.js";
import type { DimSymbols } from "./symbols.ts";
import { constantElements, knownElements, type Value } from "./value.ts";

/** Translates one node; one value for each output of the ONNX operator, null for one that cannot be had. */
export type Translate = (node: NodeContext) => Value | readonly (Value | null)[];

/** Translations by operator. */
export type OpTable = Readonly<Record<string, Translate>>;

export interface NodeSource {
  readonly opType: string;
  /** The node's name, or its operator and index. */
  readonly label: string;
  readonly opset: number;
  readonly loc: Location;
  readonly attributes: Attributes;
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly string[];
  /** Present when the batch is being made dynamic. */
  readonly batch: BatchSymbol | null;
  readonly subgraphs: () => Subgraphs;
  readonly symbols: DimSymbols;
}

/** An input of a subgraph: a parameter of this type, or a value that stands for it. */
export type Formal = TensorType | Value;

/** A subgraph as a function of the module. */
export interface GraphFunction {
  readonly name: string;
  readonly results: readonly TensorType[];
  /** Takes it back. */
  drop(): void;
}

/** The graphs among a node's attributes, for the operators that run them. */
export interface Subgraphs {
  /** Nodes that may still be written out. */
  readonly room: number;
  /** Translates the graph's nodes here. `keepNames`: they keep theirs where those are free. @throws Spoiled, ImportFailure */
  inline(graph: GraphProto, inputs: readonly Value[], options?: { readonly keepNames?: boolean }): readonly Value[];
  /** Values from around the graphs that their functions must be handed. */
  captures(graphs: readonly GraphProto[]): readonly Value[];
  /** A function of the module that takes the formals that are types, then the captures. @throws Spoiled, ImportFailure */
  define(graph: GraphProto, base: string, formals: readonly Formal[], captures: readonly Value[]): GraphFunction;
  /** Runs `work`; when it gives null or fails, the ops and the problems that it added are taken back. */
  tentatively<T>(work: () => T | null): T | null;
}

/** The symbol that replaces a batch of 1, and what had to be changed for it. */
export interface BatchSymbol {
  readonly dim: DimExpr;
  /** Inputs whose leading 1 became the symbol. */
  readonly inputs: readonly string[];
  /** Labels of the reshapes whose leading 1 became "copy". */
  readonly reshapes: string[];
}

export class NodeContext {
  readonly opType: string;
  /** Version of the operator set that the model imports. */
  readonly opset: number;
  readonly attributes: Attributes;
  private readonly source: NodeSource;
  private readonly editor: FunctionEditor;
  private readonly constants: ConstantPool;

  constructor(source: NodeSource, editor: FunctionEditor, constants: ConstantPool) {
    this.source = source;
    this.editor = editor;
    this.constants = constants;
    this.opType = source.opType;
    this.opset = source.opset;
    this.attributes = source.attributes;
  }

  get inputCount(): number {
    return this.source.inputs.length;
  }

  get outputCount(): number {
    return this.source.outputs.length;
  }

  /** The same node on other inputs: a translation in terms of another operator's. Attributes are shared, so what that one reads is read. */
  withInputs(inputs: readonly (Value | null)[], opset = this.opset): NodeContext {
    return new NodeContext({ ...this.source, inputs, opset }, this.editor, this.constants);
  }

  get subgraphs(): Subgraphs {
    return this.source.subgraphs();
  }

  /** An attribute that must be there. */
  graph(name: string): GraphProto {
    return this.attributes.graph(name) ?? this.fail("E0606", `attribute ${name} is missing`);
  }

  fail(code: ImportCode, message: string, hint: string | null = null): never {
    throw new ImportFailure(code, message, hint);
  }

  has(index: number): boolean {
    return (this.source.inputs[index] ?? null) !== null;
  }

  /** A required input. */
  input(index: number): Value {
    return this.source.inputs[index] ?? this.fail("E0606", `input ${index} is missing`);
  }

  inputs(): readonly Value[] {
    return this.source.inputs.map((_, i) => this.input(i));
  }

  type(index: number): TensorType {
    return this.input(index).type;
  }

  rank(index: number): number {
    return this.type(index).shape.length;
  }

  /** `axis` counted from the front. */
  axis(axis: number, rank: number): number {
    if (axis < -rank || axis >= rank) this.fail("E0606", `axis ${axis} is outside rank ${rank}`);
    return axis < 0 ? axis + rank : axis;
  }

  /** Integers of an input that must be known at compile time. */
  integers(index: number, what: string): readonly Dim[] {
    const hint = "only values computed from constants and from input shapes are known at compile time";
    return this.knownIntegers(index) ?? this.fail("E0608", `${what} is not known at compile time`, hint);
  }

  /** Integers of an input as far as they are known at compile time, else null. */
  knownIntegers(index: number): readonly Dim[] | null {
    return knownElements(this.input(index)) ?? this.computedIntegers(index);
  }

  /** How many integers an input holds that a run tells: that many axes a result has. */
  listLength(index: number, what: string): number {
    const [length, ...more] = this.type(index).shape;
    if (more.length > 0) this.fail("E0606", `${what} must be a list, got rank ${more.length + 1}`);
    return typeof length === "number" ? length : this.fail("E0608", `${what} is computed, and its length is not known at compile time`);
  }

  private computedIntegers(index: number): readonly number[] | null {
    const tensor = isFloat(this.type(index).dtype) ? null : this.evaluated(this.input(index));
    return tensor && Array.from(tensor.data as ArrayLike<number | bigint>, (v) => (typeof v === "bigint" ? saturate(v) : v));
  }

  private computedNumbers(value: Value): readonly number[] | null {
    const tensor = this.evaluated(value);
    return tensor && toNumbers(tensor);
  }

  /** Elements of a small value that follows from constants alone, else null. */
  evaluated(value: Value): HostTensor | null {
    return evaluated(value, this.editor);
  }

  /** `integers`, none of them symbolic. */
  staticIntegers(index: number, what: string): readonly number[] {
    return this.integers(index, what).map((dim) => this.staticDim(dim, what));
  }

  staticDim(dim: Dim, what: string): number {
    return typeof dim === "number" ? dim : this.fail("E0608", `${what} depends on the symbolic size ${dimKey(dim)}`);
  }

  /** The only element of a constant input. */
  number(index: number, what: string): number {
    const value = this.input(index);
    const elements = constantElements(value) ?? this.computedNumbers(value) ?? this.fail("E0608", `${what} is not a constant`);
    const [first] = elements;
    if (first === undefined || elements.length !== 1) this.fail("E0606", `${what} must be one number, got ${elements.length}`);
    return first;
  }

  /** The input as an op's operand; null when it is absent. */
  operand(index: number): Operand {
    return this.has(index) ? this.use(this.input(index)) : null;
  }

  use(value: Value): Operand {
    switch (value.kind) {
      case "result":
        return value.id;
      case "constant":
        return this.constants.use(value);
      case "sizes":
        return sizesOperand(value, this.outputName, this.editor, this.constants, this.source.loc);
    }
  }

  /** One op with one result. */
  emit(op: string, operands: readonly (Value | null)[], attrs: AttrInput = {}): Value {
    const [value] = this.emitAll(op, operands, attrs);
    return value ?? this.missingResult(op);
  }

  /** One op; all its results. */
  emitAll(op: string, operands: readonly (Value | null)[], attrs: AttrInput = {}): readonly Value[] {
    const used = operands.map((value) => (value === null ? null : this.use(value)));
    while (used.length > 0 && used[used.length - 1] === null) used.pop();
    const ids = this.editor.insert(op, used, attrs, { loc: this.source.loc });
    return ids.map((id) => ({ kind: "result", type: this.editor.typeOf(id), id }));
  }

  private missingResult(op: string): never {
    throw new RangeError(`${op} has no result`);
  }

  /** One op whose result types the operands do not tell. */
  emitTyped(op: string, operands: readonly (Value | null)[], attrs: AttrInput, types: readonly TensorType[]): readonly Value[] {
    const used = operands.map((value) => (value === null ? null : this.use(value)));
    const stored = writeAttrs(this.editor.module.registry.require(op).attrs, attrs);
    const ids = this.editor.insertStored(op, used, stored, { loc: this.source.loc, types });
    return ids.map((id) => ({ kind: "result", type: this.editor.typeOf(id), id }));
  }

  /** One op whose result sizes follow from elements: computed here where those are known, else of types with new symbols. */
  emitDynamic(op: string, operands: readonly Value[], attrs: AttrInput, types: () => readonly TensorType[]): readonly Value[] {
    const tensors = operands.map((value) => this.evaluated(value));
    if (tensors.some((tensor) => tensor === null)) return this.emitTyped(op, operands, attrs, types());
    const { registry } = this.editor.module;
    const results = evaluateOp(registry, op, tensors, writeAttrs(registry.require(op).attrs, attrs));
    return results.map((tensor) => this.literal(tensorType(tensor.dtype, tensor.shape), encodeTensor(tensor)));
  }

  /** A dim symbol that is new in the module. */
  freshSymbol(base: string): DimExpr {
    return this.source.symbols.fresh(base, "");
  }

  /** Which case is translated, where a truth value depends on symbolic sizes; the caller requires it. */
  assume(truth: Dim): boolean {
    return this.source.symbols.assume(truth);
  }

  /** States that two sizes are equal, which is checked when a run binds them. */
  require(left: Dim, right: Dim): void {
    this.editor.require(left, right);
  }

  /** Runs `work`; when it gives null, what it put into the graph and the problems it told are taken back. */
  tentatively<T>(work: () => T | null): T | null {
    return this.subgraphs.tentatively(work);
  }

  /** A new constant, named after the node's first output. */
  literal(type: TensorType, bytes: Uint8Array): Value {
    return { kind: "constant", type, name: this.outputName, bytes, loc: this.source.loc };
  }

  /** A constant scalar, shared by all that need the same. */
  scalar(number: number, dtype: DType): Value {
    return this.constants.scalar(number, dtype);
  }

  reshape(value: Value, shape: readonly Dim[]): Value {
    return this.emit("shape.reshape", [value], { shape });
  }

  /** The size contains the batch that is being made dynamic. */
  hasBatch(size: Dim): boolean {
    const symbols = this.source.batch ? dimSymbols(this.source.batch.dim) : new Set<string>();
    return [...dimSymbols(size)].some((name) => symbols.has(name));
  }

  /** A reshape's target with its leading 1 as "copy" (0), where the input's first size is the batch that is being made dynamic. */
  keepBatch(target: readonly Dim[]): readonly Dim[] {
    const { batch, label } = this.source;
    const first = this.type(0).shape[0];
    if (!batch || target[0] !== 1 || first === undefined || !dimEquals(first, batch.dim)) return target;
    batch.reshapes.push(label);
    return [0, ...target.slice(1)];
  }

  private get outputName(): string {
    return this.source.outputs[0] || "constant";
  }
}
