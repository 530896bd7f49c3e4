/**
 * @file Translates an ONNX graph node by node into a function. A node that fails spoils its outputs; nodes that need a spoiled value are passed over without a word,
 * so every problem in the list is one of its own.
 */

import { limits } from "../../../ir-spec/format/codes.ts";
import {
  emptyFunction,
  emptyModule,
  encodeTensor,
  type FunctionEditor,
  type HostTensor,
  type Location,
  type Module,
  ModuleEditor,
  type OpRegistry,
  type Problem,
  printType,
  type TensorType,
  tensorType,
  unknownLocation,
} from "../../../ir-spec/index.ts";
import { Attributes } from "./attributes.ts";
import { ConstantPool } from "./constants.ts";
import { ImportFailure } from "./errors.ts";
import { type BatchSymbol, NodeContext } from "./node.ts";
import type { GraphProto, NodeProto, TensorProto, ValueInfoProto } from "./proto/gen/onnx.js";
import { Scope } from "./scope.ts";
import type { DimSymbols } from "./symbols.ts";
import { isStandard, translationOf } from "./table.ts";
import { dtypeOf, readTensor } from "./tensor.ts";
import { mostListed, type Value } from "./value.ts";

export interface Param {
  readonly name: string;
  readonly type: TensorType;
}

export interface GraphOptions {
  readonly registry: OpRegistry;
  readonly fileName: string;
  /** Version of the standard operator set. */
  readonly opset: number;
  readonly symbols: DimSymbols;
  /** `domain:name` of the functions that the model defines itself. */
  readonly functions: ReadonlySet<string>;
  /** Values of inputs that become constants. */
  readonly fixed: Readonly<Record<string, HostTensor>>;
  /** Makes the batch of the parameters symbolic. */
  readonly rebatch: ((params: readonly Param[]) => { readonly params: readonly Param[]; readonly batch: BatchSymbol }) | null;
}

export interface TranslatedGraph {
  readonly editor: ModuleEditor;
  readonly problems: readonly Problem[];
  readonly batch: BatchSymbol | null;
}

/** What the nodes are put into. */
interface Body {
  readonly options: GraphOptions;
  readonly scope: Scope;
  readonly main: FunctionEditor;
  readonly constants: ConstantPool;
  readonly batch: BatchSymbol | null;
  /** Elements of the lists of sizes so far. */
  readonly listed: { count: number };
  /** Names that some node computes. */
  readonly computed: ReadonlySet<string>;
}

export function translateGraph(graph: GraphProto, moduleName: string, options: GraphOptions): TranslatedGraph {
  const scope = new Scope(options.fileName);
  addInitializers(graph, scope);
  const declared = declareParams(graph.input, scope, options);
  const rebatched = options.rebatch && scope.attempt("model", scope.place(), () => options.rebatch?.(declared) ?? null);
  const { params, batch } = rebatched ?? { params: declared, batch: null };
  const base: Module = { ...emptyModule(moduleName), functions: new Map([["main", emptyFunction("main", params)]]) };
  const editor = new ModuleEditor(base, options.registry);
  params.forEach((param, id) => void scope.repair(param.name, { kind: "result", type: param.type, id }));
  const computed = new Set(graph.node.flatMap((node) => node.output));
  const body: Body = {
    options,
    scope,
    main: editor.function("main"),
    constants: new ConstantPool(editor),
    batch,
    computed,
    listed: { count: 0 },
  };
  graph.node.forEach((node, index) => void addNode(node, index, body));
  setResults(graph.output, body);
  return { editor, problems: scope.problems, batch };
}

function addInitializers(graph: GraphProto, scope: Scope): void {
  for (const tensor of graph.initializer) addInitializer(tensor, scope);
  for (const sparse of graph.sparseInitializer) {
    const name = sparse.values?.name ?? "";
    const where = `initializer ${JSON.stringify(name)}`;
    scope.report("E0609", "sparse initializers are not supported", where, scope.place(name));
    scope.define(name, null, where, scope.place(name));
  }
}

function addInitializer(tensor: TensorProto, scope: Scope): void {
  const { name } = tensor;
  const where = `initializer ${JSON.stringify(name)}`;
  const read = scope.attempt(where, scope.place(name), () => readTensor(tensor, "it"));
  scope.define(name, read && { kind: "constant", name, ...read, loc: unknownLocation }, where, scope.place(name));
}

/**
 * The inputs that are no initializers. Up to IR version 3 every initializer is listed among the inputs too; since then such an input
 * is a default that a caller may override, which a compiled model does not offer.
 */
function declareParams(inputs: readonly ValueInfoProto[], scope: Scope, { symbols, fixed }: GraphOptions): readonly Param[] {
  const params: Param[] = [];
  for (const name of Object.keys(fixed)) {
    if (!inputs.some((input) => input.name === name))
      scope.report("E0607", "the model has no such input", `input ${JSON.stringify(name)}`, scope.place());
  }
  for (const input of inputs) {
    const { name } = input;
    if (scope.has(name) && !params.some((p) => p.name === name)) continue;
    const where = `input ${JSON.stringify(name)}`;
    if (name === "") scope.report("E0607", "it has no name", where, scope.place());
    const type = scope.attempt(where, scope.place(), () => typeOf(input, symbols));
    const value = fixed[name];
    const constant = type && value ? scope.attempt(where, scope.place(), () => fixedValue(name, type, value)) : null;
    scope.define(name, constant, where, scope.place());
    if (type && !value) params.push({ name, type });
  }
  return params;
}

function fixedValue(name: string, type: TensorType, value: HostTensor): Value {
  const given = tensorType(value.dtype, value.shape);
  const fits = value.shape.length === type.shape.length && type.shape.every((dim, i) => typeof dim !== "number" || dim === value.shape[i]);
  if (value.dtype !== type.dtype || !fits)
    throw new ImportFailure("E0606", `it is fixed to a ${printType(given)} and declared as ${printType(type)}`);
  return { kind: "constant", name, type: given, bytes: encodeTensor(value), loc: unknownLocation };
}

function typeOf(info: ValueInfoProto, symbols: DimSymbols): TensorType {
  const kind = info.type?.value;
  const tensor = info.type?.tensorType;
  if (!tensor)
    throw new ImportFailure("E0609", kind ? `a ${kind.replace("Type", "")} is not supported: only tensors are` : "it has no type");
  if (!tensor.shape)
    throw new ImportFailure("E0609", "its rank is not known", "give the model fixed ranks (shape inference of the exporter)");
  const rank = tensor.shape.dim.length;
  if (rank > limits.rank) throw new ImportFailure("E0609", `it has ${rank} axes, at most ${limits.rank} are supported`);
  const dtype = dtypeOf(tensor.elemType, "it");
  return tensorType(
    dtype,
    tensor.shape.dim.map((dim, axis) => symbols.dim(dim, axis)),
  );
}

function addNode(node: NodeProto, index: number, body: Body): void {
  const { scope, main } = body;
  const label = node.name === "" ? `${node.opType}_${index}` : node.name;
  const loc = scope.place(label);
  const where = `node ${JSON.stringify(label)} (${operatorName(node)}, opset ${body.options.opset})`;
  const values = scope.attempt(where, loc, () => translateNode(node, label, loc, body));
  node.output.forEach((name, i) => {
    if (name === "") return;
    const value = values?.[i] ?? null;
    if (value?.kind === "result" && main.info(value.id).name === null) main.rename(value.id, name);
    scope.define(name, value, where, loc);
  });
}

/** One value for each output; null when an input is spoiled. */
function translateNode(node: NodeProto, label: string, loc: Location, body: Body): readonly (Value | null)[] | null {
  const translate = translationOf(node.domain, node.opType) ?? unsupported(node, body.options.functions);
  const inputs = inputsOf(node, body);
  if (inputs === null) return null;
  const attributes = new Attributes(node.attribute);
  const { opType, output: outputs } = node;
  const { opset } = body.options;
  const source = { opType, label, opset, loc, attributes, inputs, outputs, batch: body.batch };
  const made = translate(new NodeContext(source, body.main, body.constants));
  const left = attributes.left();
  if (left.length > 0) throw new ImportFailure("E0605", `attribute ${left.join(", ")} is not supported`);
  const results = namedOutputs(node, made);
  for (const value of results) if (value?.kind === "sizes") body.listed.count += value.elements.length;
  if (body.listed.count > mostListed)
    throw new ImportFailure("E0605", `more than ${mostListed} integers are computed for shapes: not supported`);
  return results;
}

function unsupported(node: NodeProto, functions: ReadonlySet<string>): never {
  const hint = functions.has(`${node.domain}:${node.opType}`) ? "the model defines it as a function: inline it before export" : null;
  throw new ImportFailure("E0604", `the operator ${operatorName(node)} is not supported`, hint);
}

/** Values of the inputs, null for an absent one; null altogether when one is spoiled. */
function inputsOf(node: NodeProto, { scope, computed }: Body): readonly (Value | null)[] | null {
  let spoiled = false;
  const inputs = node.input.map((name) => {
    if (name === "") return null;
    const value = scope.get(name);
    if (value === undefined) {
      const why = computed.has(name) ? "is used before the node that computes it" : "is not defined";
      throw new ImportFailure("E0607", `input ${JSON.stringify(name)} ${why}`);
    }
    spoiled ||= value === null;
    return value;
  });
  return spoiled ? null : inputs;
}

function namedOutputs(node: NodeProto, made: Value | readonly (Value | null)[]): readonly (Value | null)[] {
  const values: readonly (Value | null)[] = "type" in made ? [made] : made;
  return node.output.map((name, i) => {
    const value = values[i] ?? null;
    if (name !== "" && value === null) throw new ImportFailure("E0605", `output ${i} (${JSON.stringify(name)}) is not supported`);
    return value;
  });
}

function operatorName(node: NodeProto): string {
  return isStandard(node.domain) ? node.opType : `${node.domain}.${node.opType}`;
}

function setResults(outputs: readonly ValueInfoProto[], body: Body): void {
  const { scope } = body;
  const results = new Map<string, number | string>();
  for (const output of outputs) {
    const { name } = output;
    const where = `output ${JSON.stringify(name)}`;
    if (name === "") scope.report("E0607", "it has no name", where, scope.place());
    const value = scope.get(name);
    if (value === undefined) scope.report("E0607", "no node computes it", where, scope.place());
    else if (results.has(name)) scope.report("E0607", "it is listed twice", where, scope.place());
    else if (value) {
      const operand = scope.attempt(where, scope.place(), () => resultOperand(output, value, body));
      if (operand !== null) results.set(name, operand);
    }
  }
  if (outputs.length === 0) scope.report("E0607", "the graph has no outputs", "graph", scope.place());
  body.main.setResults([...results].map(([name, operand]) => ({ name, operand })));
}

/** The value as a result of the function. Its declared element type must be right; its declared sizes are hints, and often wrong in files. */
function resultOperand(output: ValueInfoProto, value: Value, { constants, scope }: Body): number | string {
  const declared = output.type?.tensorType?.elemType ?? 0;
  if (declared !== 0 && dtypeOf(declared, "it") !== value.type.dtype) {
    throw new ImportFailure("E0607", `it is declared as ${dtypeOf(declared, "it")} and computed as ${value.type.dtype}`);
  }
  if (value.kind === "result") return value.id;
  return value.kind === "constant" ? constants.use(value) : constants.useSizes(value, output.name, scope.place());
}
