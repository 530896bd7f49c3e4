/**
 * @file Subgraphs of a node, in two ways. *In place*: the nodes are translated among those around them, as often as they are asked for. *As a function* of the module: what the graph captures becomes
 * operands; captured constants and known sizes need none, since constants belong to the whole module.
 */
import { limits } from "../../../ir-spec/format/codes.ts";
import { type Dim, dimSymbols, emptyFunction, isDimSymbolName, type TensorType } from "../../../ir-spec/index.ts";
import { type Body, deepest } from "./body-context.ts";
import { sizesOperand } from "./counted-sizes.ts";
import { ImportFailure, Spoiled } from "./errors.ts";
import { freeNames } from "./free-names.ts";
import { addInitializers } from "./initializers.ts";
import type { Formal, GraphFunction, Subgraphs } from "./node.ts";
import type { GraphProto } from "./proto/gen/onnx.js";
import type { Scope } from "./scope.ts";
import type { Value } from "./value.ts";

type ResultValue = Value & { readonly kind: "result" };

export class BodySubgraphs implements Subgraphs {
  private readonly body: Body;
  private readonly label: string;

  constructor(body: Body, label: string) {
    this.body = body;
    this.label = label;
  }

  get room(): number {
    return this.body.model.copies.left;
  }

  inline(graph: GraphProto, inputs: readonly Value[], options: { readonly keepNames?: boolean } = {}): readonly Value[] {
    const { body } = this;
    const scope = this.enter(graph, inputs, true);
    const names = options.keepNames ? body.names : null;
    body.model.addNodes(graph.node, { ...body, scope, names, computes: computesIn(graph, body), depth: body.depth + 1 });
    return graph.output.map(({ name }) => outputOf(name, scope));
  }

  tentatively<T>(work: () => T | null): T | null {
    const { func, scope } = this.body;
    const [last] = func.opsReversed();
    const told = scope.problems.length;
    let made: T | null = null;
    try {
      made = work();
    } catch (error) {
      if (!(error instanceof Spoiled || error instanceof ImportFailure)) throw error;
    }
    if (made !== null && scope.problems.length === told) return made;
    scope.forget(told);
    for (const op of func.opsReversed()) {
      if (op === last) break;
      func.erase(op);
    }
    return null;
  }

  captures(graphs: readonly GraphProto[]): readonly ResultValue[] {
    const captured = new Map<number, ResultValue>();
    const sizes: Dim[] = [];
    for (const name of new Set(graphs.flatMap((graph) => [...freeNames(graph)]))) {
      const value = this.body.scope.get(name);
      if (value && value !== "absent" && value.kind === "result") captured.set(value.id, value);
      if (value && value !== "absent" && value.kind === "sizes") sizes.push(...value.elements);
    }
    this.addSizeBearers(captured, sizes);
    return [...captured.values()];
  }

  /** A function learns a size from a parameter that has it alone on an axis: where no captured value has, one of the function around does. */
  private addSizeBearers(captured: Map<number, ResultValue>, sizes: readonly Dim[]): void {
    const { func } = this.body;
    const types = [...captured.values()].map(({ type }) => type);
    const needed = new Set<string>();
    for (const dim of [...sizes, ...types.flatMap(({ shape }) => shape)]) dimSymbols(dim, needed);
    const told = new Set(types.flatMap(bareSymbols));
    for (const symbol of needed) {
      if (told.has(symbol)) continue;
      const id = func.params.find((param) => bareSymbols(func.info(param).type).includes(symbol));
      if (id === undefined) continue;
      const { type } = func.info(id);
      captured.set(id, { kind: "result", type, id });
      for (const other of bareSymbols(type)) told.add(other);
    }
  }

  define(graph: GraphProto, base: string, formals: readonly Formal[], captures: readonly Value[]): GraphFunction {
    const { model } = this.body;
    const params = this.paramsOf(graph, formals, captures as readonly ResultValue[]);
    const name = model.editor.freshSymbol(`${this.label}.${base}`);
    const func = model.editor.addFunction(emptyFunction(name, params.list));
    const body: Body = {
      ...this.body,
      func,
      scope: this.enter(graph, params.values, false),
      names: new Set(params.list.map((param) => param.name)),
      computes: computesIn(graph, this.body),
      depth: this.body.depth + 1,
    };
    this.defineCaptured(graph, captures as readonly ResultValue[], params.captured, body.scope);
    model.addNodes(graph.node, body);
    const values = graph.output.map((output) => outputOf(output.name, body.scope));
    const operands = values.map((value, i) => this.operandOf(value, graph.output[i]?.name ?? "", body));
    const names = uniqueNames(graph.output.map((output, i) => output.name || `output_${i}`));
    func.setResults(operands.map((operand, i) => ({ name: names[i] as string, operand })));
    return { name, results: func.signature().results, drop: () => model.editor.dropFunction(name) };
  }

  private operandOf(value: Value, name: string, { model, scope, func }: Body): number | string {
    if (value.kind === "result") return value.id;
    return value.kind === "constant" ? model.constants.use(value) : sizesOperand(value, name, func, model.constants, scope.place());
  }

  private paramsOf(graph: GraphProto, formals: readonly Formal[], captures: readonly ResultValue[]) {
    const own = graph.input.map(({ name }, i) => name || `input_${i}`);
    const taken = new Set(own);
    const outside = captures.map(({ id }) => fresh(this.body.func.info(id).name ?? `captured_${id}`, taken));
    const list: { readonly name: string; readonly type: TensorType }[] = [];
    const add = (name: string, type: TensorType): Value => ({ kind: "result", type, id: list.push({ name, type }) - 1 });
    const values = formals.map((formal, i) => ("kind" in formal ? formal : add(own[i] ?? `input_${i}`, formal)));
    const captured = captures.map(({ type }, i) => add(outside[i] as string, type));
    return { list, values, captured };
  }

  /** Names from outside stand for parameters, constants and sizes; a spoiled one stays spoiled. */
  private defineCaptured(graph: GraphProto, captures: readonly ResultValue[], params: readonly Value[], scope: Scope): void {
    const byId = new Map(captures.map(({ id }, i) => [id, params[i] as Value]));
    for (const name of freeNames(graph)) {
      const value = this.body.scope.get(name);
      if (value === undefined || scope.has(name)) continue;
      const inside = value && value !== "absent" && value.kind === "result" ? (byId.get(value.id) ?? null) : value;
      scope.define(name, inside, "subgraph", scope.place());
    }
  }

  /** The graph's scope with its initializers and inputs. */
  private enter(graph: GraphProto, inputs: readonly Value[], sees: boolean): Scope {
    if (this.body.depth >= deepest) throw new ImportFailure("E0605", `functions and subgraphs nest more than ${deepest} deep`);
    if (graph.input.length !== inputs.length)
      throw new ImportFailure(
        "E0606",
        `the subgraph ${JSON.stringify(graph.name)} takes ${graph.input.length} values, ${inputs.length} are given`,
      );
    const scope = this.body.scope.inner(this.label, sees);
    addInitializers(graph, scope, this.body.model);
    graph.input.forEach(({ name }, i) => void scope.define(name, inputs[i] as Value, `input ${JSON.stringify(name)}`, scope.place()));
    return scope;
  }
}

const bareSymbols = ({ shape }: TensorType): readonly string[] =>
  shape.flatMap((dim) => (typeof dim === "object" && isDimSymbolName(dim.key) ? [dim.key] : []));

const computesIn = (graph: GraphProto, around: Body) => (name: string) =>
  graph.node.some(({ output }) => output.includes(name)) || around.computes(name);

/** @throws Spoiled when it could not be translated, which has been told */
function outputOf(name: string, scope: Scope): Value {
  const value = scope.get(name);
  if (value === undefined) throw new ImportFailure("E0607", `no node of the subgraph computes its output ${JSON.stringify(name)}`);
  if (value === null || value === "absent") throw new Spoiled();
  if (value.type.shape.length > limits.rank) throw new ImportFailure("E0609", `the output ${JSON.stringify(name)} has too many axes`);
  return value;
}

function fresh(base: string, taken: Set<string>): string {
  let name = base;
  for (let i = 2; taken.has(name); i++) name = `${base}_${i}`;
  taken.add(name);
  return name;
}

function uniqueNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((name) => fresh(name, taken));
}
