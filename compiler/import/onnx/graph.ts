/** @file Translates the graph of an ONNX model into `@main`: parameters, initializers, nodes, results. */

import { limits } from "../../../ir-spec/format/codes.ts";
import {
  emptyFunction,
  emptyModule,
  encodeTensor,
  type HostTensor,
  type Module,
  ModuleEditor,
  type OpRegistry,
  type Problem,
  printType,
  type TensorType,
  tensorType,
  unknownLocation,
} from "../../../ir-spec/index.ts";
import { addNodes } from "./body.ts";
import type { Body, Opsets } from "./body-context.ts";
import { ConstantPool } from "./constants.ts";
import { sizesOperand } from "./counted-sizes.ts";
import { ImportFailure } from "./errors.ts";
import type { ExternalFiles } from "./external-data.ts";
import { FunctionTable } from "./function-table.ts";
import { addInitializers } from "./initializers.ts";
import type { BatchSymbol } from "./node.ts";
import type { FunctionProto, GraphProto, ValueInfoProto } from "./proto/gen/onnx.js";
import { Scope } from "./scope.ts";
import type { DimSymbols } from "./symbols.ts";
import { dtypeOf } from "./tensor.ts";
import type { Value } from "./value.ts";

export interface Param {
  readonly name: string;
  readonly type: TensorType;
}

export interface GraphOptions {
  readonly registry: OpRegistry;
  readonly fileName: string;
  readonly opsets: Opsets;
  readonly symbols: DimSymbols;
  /** Functions that the model defines itself. */
  readonly functions: readonly FunctionProto[];
  readonly files: ExternalFiles;
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

/** Nodes that functions, subgraphs and their copies may come to: so many, and so many for each node of the file's graph. */
const copiesAtLeast = 20_000;
const copiesPerNode = 8;

export function translateGraph(graph: GraphProto, moduleName: string, options: GraphOptions): TranslatedGraph {
  const { registry, fileName, symbols } = options;
  const scope = new Scope(fileName);
  const spelledOut = { bytes: 0 };
  const { files } = options;
  addInitializers(graph, scope, { spelledOut, files });
  const declared = declareParams(graph.input, scope, options);
  const rebatched = options.rebatch && scope.attempt("model", scope.place(), () => options.rebatch?.(declared) ?? null);
  const { params, batch } = rebatched ?? { params: declared, batch: null };
  const base: Module = { ...emptyModule(moduleName), functions: new Map([["main", emptyFunction("main", params)]]) };
  const editor = new ModuleEditor(base, registry);
  params.forEach((param, id) => void scope.repair(param.name, { kind: "result", type: param.type, id }));
  const body: Body = {
    model: {
      registry,
      fileName,
      editor,
      constants: new ConstantPool(editor),
      symbols,
      functions: new FunctionTable(options.functions),
      batch,
      listed: { count: 0 },
      addNodes,
      copies: { left: copiesAtLeast + copiesPerNode * graph.node.length },
      files,
      spelledOut,
    },
    scope,
    func: editor.function("main"),
    opsets: options.opsets,
    given: null,
    names: new Set(params.map(({ name }) => name)),
    computes: (name) => graph.node.some(({ output }) => output.includes(name)),
    calls: [],
    depth: 0,
  };
  addNodes(graph.node, body);
  setResults(graph.output, body);
  return { editor, problems: scope.problems, batch };
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
    else if (value && value !== "absent") {
      const operand = scope.attempt(where, scope.place(), () => resultOperand(output, value, body));
      if (operand !== null) results.set(name, operand);
    }
  }
  if (outputs.length === 0) scope.report("E0607", "the graph has no outputs", "graph", scope.place());
  body.func.setResults([...results].map(([name, operand]) => ({ name, operand })));
}

/** The value as a result of the function. Its declared element type must be right; its declared sizes are hints, and often wrong in files. */
function resultOperand(output: ValueInfoProto, value: Value, { model: { constants }, scope, func }: Body): number | string {
  const declared = output.type?.tensorType?.elemType ?? 0;
  if (declared !== 0 && dtypeOf(declared, "it") !== value.type.dtype) {
    throw new ImportFailure("E0607", `it is declared as ${dtypeOf(declared, "it")} and computed as ${value.type.dtype}`);
  }
  if (value.kind === "result") return value.id;
  return value.kind === "constant" ? constants.use(value) : sizesOperand(value, output.name, func, constants, scope.place());
}
