/**
 * @file Translates an ONNX graph node by node into a function. A node that fails spoils its outputs; nodes that need a spoiled value are passed over without a word,
 * so every problem in the list is one of its own.
 */
import {
  emptyFunction,
  emptyModule,
  type FunctionEditor,
  type Location,
  type Module,
  ModuleEditor,
  type OpRegistry,
  type Problem,
  type TensorType,
  TersorError,
  tensorType,
  unknownLocation,
} from "../../../ir-spec/index.ts";
import { Attributes } from "./attributes.ts";
import { ConstantPool } from "./constants.ts";
import { type ImportCode, ImportFailure } from "./errors.ts";
import { type BatchSymbol, NodeContext } from "./node.ts";
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from "./proto/gen/onnx.js";
import type { DimSymbols } from "./symbols.ts";
import { isStandard, translationOf } from "./table.ts";
import { dtypeOf, readTensor } from "./tensor.ts";
import type { Value } from "./value.ts";

export interface GraphOptions {
  readonly registry: OpRegistry;
  readonly fileName: string;
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly symbols: DimSymbols;
  /** Domain and name of the functions that the model defines itself. */
  readonly functions: ReadonlySet<string>;
  /** Decides on the batch symbol once the parameters' types are known, and may change them. */
  readonly rebatch?: (params: readonly Param[]) => { readonly params: readonly Param[]; readonly batch: BatchSymbol };
}

export interface Param {
  readonly name: string;
  readonly type: TensorType;
}

export interface TranslatedGraph {
  readonly editor: ModuleEditor;
  readonly problems: readonly Problem[];
  readonly batch: BatchSymbol | null;
}

export function translateGraph(graph: GraphProto, moduleName: string, options: GraphOptions): TranslatedGraph {
  return new GraphTranslation(options).run(graph, moduleName);
}

class GraphTranslation {
  private readonly options: GraphOptions;
  private readonly problems: Problem[] = [];
  /** null: defined, but spoiled by a problem that has been reported. */
  private readonly values = new Map<string, Value | null>();

  constructor(options: GraphOptions) {
    this.options = options;
  }

  run(graph: GraphProto, moduleName: string): TranslatedGraph {
    this.addInitializers(graph);
    const declared = this.params(graph.input);
    const { params, batch } = this.options.rebatch?.(declared) ?? { params: declared, batch: null };
    const base: Module = { ...emptyModule(moduleName), functions: new Map([["main", emptyFunction("main", params)]]) };
    const editor = new ModuleEditor(base, this.options.registry);
    const main = editor.function("main");
    params.forEach((param, id) => void this.values.set(param.name, { kind: "result", type: param.type, id }));
    const constants = new ConstantPool(editor);
    const later = new Set(graph.node.flatMap((node) => node.output));
    graph.node.forEach((node, index) => void this.addNode(node, index, later, main, constants, batch));
    this.setResults(graph.output, main, constants);
    return { editor, problems: this.problems, batch };
  }

  /** Runs `work`; a failure becomes a problem with its place, and null. */
  private attempt<T>(where: string, loc: Location, work: () => T): T | null {
    try {
      return work();
    } catch (error) {
      if (error instanceof ImportFailure) this.problems.push(error.at(where, loc));
      else if (error instanceof TersorError) this.problems.push(...error.problems.map((p) => ({ ...p, where, loc })));
      else throw error;
      return null;
    }
  }

  private report(code: ImportCode, message: string, where: string, loc: Location = this.place()): void {
    this.problems.push({ code, message, where, loc });
  }

  private place(part?: string): Location {
    return [{ file: this.options.fileName, parts: part === undefined ? [] : [part] }];
  }

  private define(name: string, value: Value | null, where: string, loc: Location): void {
    if (this.values.has(name)) this.report("E0607", `${JSON.stringify(name)} is defined twice`, where, loc);
    else this.values.set(name, value);
  }

  private addInitializers(graph: GraphProto): void {
    for (const tensor of graph.initializer) this.addInitializer(tensor);
    for (const sparse of graph.sparseInitializer) {
      const name = sparse.values?.name ?? "";
      this.report("E0609", "sparse initializers are not supported", `initializer ${JSON.stringify(name)}`, this.place(name));
      this.values.set(name, null);
    }
  }

  private addInitializer(tensor: TensorProto): void {
    const { name } = tensor;
    const where = `initializer ${JSON.stringify(name)}`;
    const loc = this.place(name);
    const read = this.attempt(where, loc, () => readTensor(tensor, "it"));
    this.define(name, read && { kind: "constant", name, ...read, loc: unknownLocation }, where, loc);
  }

  /** Inputs that are no initializers: up to IR version 3 every initializer is listed among the inputs too; since then it is a default that nobody overrides here. */
  private params(inputs: readonly ValueInfoProto[]): readonly Param[] {
    const params: Param[] = [];
    for (const input of inputs) {
      if (this.values.has(input.name) && !params.some((p) => p.name === input.name)) continue;
      const where = `input ${JSON.stringify(input.name)}`;
      const type = this.attempt(where, this.place(), () => this.typeOf(input));
      this.define(input.name, null, where, this.place());
      if (type) params.push({ name: input.name, type });
    }
    return params;
  }

  private typeOf(info: ValueInfoProto): TensorType {
    const kind = info.type?.value;
    const tensor = info.type?.tensorType;
    if (!tensor)
      throw new ImportFailure("E0609", kind ? `a ${kind.replace("Type", "")} is not supported: only tensors are` : "it has no type");
    if (!tensor.shape)
      throw new ImportFailure("E0609", "its rank is not known", "give the model fixed ranks (shape inference of the exporter)");
    const dtype = dtypeOf(tensor.elemType, "it");
    return tensorType(
      dtype,
      tensor.shape.dim.map((dim, axis) => this.options.symbols.dim(dim, axis)),
    );
  }

  private addNode(
    node: NodeProto,
    index: number,
    later: ReadonlySet<string>,
    main: FunctionEditor,
    constants: ConstantPool,
    batch: BatchSymbol | null,
  ): void {
    const label = node.name === "" ? `${node.opType}_${index}` : node.name;
    const loc = this.place(label);
    const where = `node ${JSON.stringify(label)} (${operatorName(node)}, opset ${this.options.opset})`;
    const values = this.attempt(where, loc, () => {
      const translate = translationOf(node.domain, node.opType) ?? this.unsupported(node);
      const inputs = this.inputsOf(node, later);
      if (inputs === null) return null;
      const attributes = new Attributes(node.attribute);
      const { opType, output: outputs } = node;
      const { opset } = this.options;
      const made = translate(new NodeContext({ opType, label, opset, loc, attributes, inputs, outputs, batch }, main, constants));
      refuseUnread(attributes);
      return namedOutputs(node, made);
    });
    node.output.forEach((name, i) => {
      if (name === "") return;
      const value = values?.[i] ?? null;
      if (value?.kind === "result" && main.info(value.id).name === null) main.rename(value.id, name);
      this.define(name, value, where, loc);
    });
  }

  private unsupported(node: NodeProto): never {
    const hint = this.options.functions.has(`${node.domain}:${node.opType}`)
      ? "the model defines it as a function: inline it before export"
      : null;
    throw new ImportFailure("E0604", `the operator ${operatorName(node)} is not supported`, hint);
  }

  /** Values of the inputs, null for an absent one; null altogether when one is spoiled. */
  private inputsOf(node: NodeProto, later: ReadonlySet<string>): readonly (Value | null)[] | null {
    let spoiled = false;
    const inputs = node.input.map((name) => {
      if (name === "") return null;
      const value = this.values.get(name);
      if (value === undefined) {
        const why = later.has(name) ? "is used before the node that computes it" : "is not defined";
        throw new ImportFailure("E0607", `input ${JSON.stringify(name)} ${why}`);
      }
      spoiled ||= value === null;
      return value;
    });
    return spoiled ? null : inputs;
  }

  private setResults(outputs: readonly ValueInfoProto[], main: FunctionEditor, constants: ConstantPool): void {
    const results: { name: string; operand: number | string }[] = [];
    for (const output of outputs) {
      const { name } = output;
      const where = `output ${JSON.stringify(name)}`;
      const value = this.values.get(name);
      if (value === undefined) this.report("E0607", "no node computes it", where);
      else if (results.some((r) => r.name === name)) this.report("E0607", "it is listed twice", where);
      else if (value) {
        const operand = this.attempt(where, this.place(), () => resultOperand(output, value, constants, this.place()));
        if (operand !== null) results.push({ name, operand });
      }
    }
    if (outputs.length === 0) this.report("E0607", "the graph has no outputs", "graph");
    main.setResults(results);
  }
}

function operatorName(node: NodeProto): string {
  return isStandard(node.domain) ? node.opType : `${node.domain}.${node.opType}`;
}

function refuseUnread(attributes: Attributes): void {
  const left = attributes.left();
  if (left.length > 0) throw new ImportFailure("E0605", `attribute ${left.join(", ")} is not supported`);
}

/** One value for each named output. */
function namedOutputs(node: NodeProto, made: Value | readonly (Value | null)[]): readonly (Value | null)[] {
  const values: readonly (Value | null)[] = "type" in made ? [made] : made;
  return node.output.map((name, i) => {
    const value = values[i] ?? null;
    if (name !== "" && value === null) throw new ImportFailure("E0605", `output ${i} (${JSON.stringify(name)}) is not supported`);
    return value;
  });
}

/** The value as a result of the function. Its declared element type must be right; its declared sizes are hints, and often wrong in files. */
function resultOperand(output: ValueInfoProto, value: Value, constants: ConstantPool, loc: Location): number | string {
  const declared = output.type?.tensorType?.elemType ?? 0;
  if (declared !== 0 && dtypeOf(declared, "it") !== value.type.dtype) {
    throw new ImportFailure("E0607", `it is declared as ${dtypeOf(declared, "it")} and computed as ${value.type.dtype}`);
  }
  if (value.kind === "result") return value.id;
  return value.kind === "constant" ? constants.use(value) : constants.useSizes(value, output.name, loc);
}
