/**
 * @file `@main` as an ONNX graph. Names come first: inputs and outputs as they are, then constants, then values that have a name; whatever the exporter adds yields to them.
 * Every op that cannot be exported is a problem of its own, and the rest goes on.
 */
import {
  type Dim,
  dimKey,
  type Func,
  type HostTensor,
  isDimSymbolName,
  type Location,
  type Module,
  type Op,
  type Operand,
  type OpRegistry,
  operandType,
  type Problem,
  type TensorType,
  TersorError,
  type ValueId,
} from "../../../ir-spec/index.ts";
import type { GraphProto, Input, ValueInfoProto } from "../../import/onnx/proto/gen/onnx.js";
import { GraphBuilder } from "./builder.ts";
import type { BodyExtra, CallSource, ExportRow } from "./call.ts";
import { ConstantWriter, type OutsideInitializer, type WeightStyle } from "./constants.ts";
import { carrierOf, dataType } from "./dtypes.ts";
import { ExportFailure } from "./errors.ts";
import { originalDims } from "./meta.ts";
import { Sizes } from "./sizes.ts";
import { takesFourBits } from "./table.ts";
import { writeOp } from "./wide.ts";

export interface GraphOptions {
  readonly registry: OpRegistry;
  readonly opset: number;
  readonly weights: WeightStyle;
  /** Names of the constants that stay outside; null: all are written. */
  readonly outside: ReadonlySet<string> | null;
  readonly rows: ReadonlyMap<string, ExportRow>;
}

export interface WrittenGraph {
  readonly graph: Input<GraphProto>;
  readonly outside: readonly OutsideInitializer[];
  /** Domains of its nodes besides the standard one. */
  readonly domains: readonly string[];
}

/** @throws TersorError with every problem */
export function writeGraph(module: Module, main: Func, options: GraphOptions): WrittenGraph {
  const builder = new GraphBuilder(options.opset);
  const unsigned = options.weights === "qdq" && [...module.functions.values()].some(quantizes);
  const constants = new ConstantWriter({ ...options, module, unsigned }, builder, new Sizes(builder));
  return new GraphWriter({ module, options, constants, problems: [] }, main, builder).write();
}

const quantizes = (func: Func): boolean => func.ops.some((op) => op.name === "quant.quantize");

/** What the graph and the graphs inside its nodes have in common. */
interface Shared {
  readonly module: Module;
  readonly options: GraphOptions;
  /** Writes into the outermost graph, where all see them. */
  readonly constants: ConstantWriter;
  readonly problems: Problem[];
}

class GraphWriter {
  private readonly shared: Shared;
  private readonly module: Module;
  private readonly main: Func;
  private readonly options: GraphOptions;
  private readonly builder: GraphBuilder;
  private readonly sizes: Sizes;
  private readonly constants: ConstantWriter;
  private readonly values = new Map<ValueId, string>();
  private readonly problems: Problem[];

  constructor(shared: Shared, main: Func, builder: GraphBuilder) {
    this.shared = shared;
    ({ module: this.module, options: this.options, constants: this.constants, problems: this.problems } = shared);
    [this.main, this.builder] = [main, builder];
    this.sizes = new Sizes(builder);
  }

  write(): WrittenGraph {
    const { main } = this;
    const results = this.nameAll();
    const dims = originalDims(this.module.meta);
    const input = main.params.flatMap((id) => this.port(this.nameOf(id), this.typeOf(id), `input %${main.values[id]?.name}`, dims));
    const output = results.flatMap((name, i) => this.port(name, main.results[i]?.type, `output ${main.results[i]?.name}`, dims));
    this.body(results);
    if (this.problems.length > 0) throw new TersorError(this.problems);
    const { nodes, initializers } = this.builder;
    const graph = { name: this.module.name, node: nodes, initializer: initializers, input, output, ...this.doc() };
    return { graph, outside: this.constants.outside, domains: [...this.builder.domains] };
  }

  /** The function as a graph inside a node: see `OpCall.body`. */
  private inner(name: string, bound: readonly (string | null)[], extra: BodyExtra): Input<GraphProto> {
    const func = this.module.functions.get(name);
    if (!func) throw new ExportFailure("E1002", `there is no function @${name}`);
    return new GraphWriter(this.shared, func, new GraphBuilder(this.options.opset, this.builder)).writeInner(bound, extra);
  }

  private writeInner(bound: readonly (string | null)[], extra: BodyExtra): Input<GraphProto> {
    const { main, builder } = this;
    const results = this.nameAll(bound);
    const taken = main.params.filter((_, i) => (bound[i] ?? null) === null);
    const ports = taken.flatMap((id) => this.port(this.nameOf(id), this.typeOf(id), `@${main.name}, a parameter`, null));
    const condition = extra === "none" ? [] : this.port(builder.names.fresh("condition"), { dtype: "bool", shape: [] }, "", null);
    const output = results.flatMap((name, i) => this.port(name, main.results[i]?.type, `@${main.name}, result ${i}`, null));
    this.body(results);
    const input = [...ports.slice(0, 1), ...condition, ...ports.slice(1)];
    return { name: main.name, node: builder.nodes, input, output, ...this.doc() };
  }

  /** Nodes of the ops, and those that give the results their names. */
  private body(results: readonly string[]): void {
    const { main } = this;
    for (const id of main.params) this.sizes.define(this.nameOf(id), this.typeOf(id)?.shape ?? []);
    for (const op of main.ops) this.op(op);
    main.returns.forEach((operand, i) => void this.result(operand, results[i] as string));
  }

  private doc(): Input<GraphProto> {
    return this.main.doc === null ? {} : { docString: this.main.doc };
  }

  private typeOf(id: ValueId): TensorType | undefined {
    return this.main.values[id]?.type;
  }

  /** Gives out the names that are wished for; parameters have those of `bound`, where there is one. Names of the outputs. */
  private nameAll(bound: readonly (string | null)[] = []): readonly string[] {
    const { main, builder } = this;
    main.params.forEach((id, i) => void this.values.set(id, bound[i] ?? builder.names.fresh(main.values[id]?.name ?? `v${id}`)));
    const results = main.results.map(({ name }, i) => this.nameResult(name, main.returns[i] ?? null));
    for (const operand of [...main.ops.flatMap((op) => op.operands), ...main.returns])
      if (typeof operand === "string") this.constants.reserve(operand);
    const made = main.ops.flatMap((op) => op.results).filter((id) => !this.values.has(id));
    const named = (id: ValueId) => main.values[id]?.name ?? null;
    for (const id of made) if (named(id) !== null) this.values.set(id, builder.names.fresh(named(id) ?? ""));
    for (const id of made) if (named(id) === null) this.values.set(id, builder.names.fresh(`v${id}`));
    return results;
  }

  /** An op's result takes the name of the output that it is; an input that is returned under its own name needs no other. */
  private nameResult(name: string, operand: Operand): string {
    if (typeof operand === "number" && this.values.get(operand) === name) return name;
    const given = this.builder.names.fresh(name);
    if (typeof operand === "number" && !this.values.has(operand)) this.values.set(operand, given);
    return given;
  }

  private nameOf(id: ValueId): string {
    const name = this.values.get(id);
    if (name === undefined) throw new RangeError(`@${this.main.name} has no value ${id}`);
    return name;
  }

  private operand(operand: Operand): string {
    if (operand === null) return "";
    return typeof operand === "number" ? this.nameOf(operand) : this.constants.use(operand);
  }

  private op(op: Op): void {
    this.attempt(this.where(op), op.loc, () => {
      const row = this.options.rows.get(op.name);
      if (!row) throw unknown(op.name);
      this.checkFourBits(op);
      writeOp(this.source(op), this.builder, this.sizes, row);
    });
    for (const id of op.results) this.sizes.define(this.nameOf(id), this.typeOf(id)?.shape ?? []);
  }

  private source(op: Op): CallSource {
    const { registry } = this.options;
    return {
      op: op.name,
      attrs: registry.attrs(registry.require(op.name), op.attrs),
      types: op.operands.map((operand) => operandType(this.module, this.main, operand)),
      outputs: op.results.map((id) => this.typeOf(id) ?? { dtype: "f32" as const, shape: [] }),
      results: op.results.map((id) => this.nameOf(id)),
      label: { name: nodeName(op.loc), doc: op.doc },
      input: (i: number) => this.operand(op.operands[i] ?? null),
      constant: (i: number): HostTensor | null => {
        const operand = op.operands[i];
        return typeof operand === "string" ? this.constants.value(operand) : null;
      },
      nbits: (i: number) => {
        const operand = op.operands[i];
        return typeof operand === "string" ? this.constants.nbits(operand) : null;
      },
      body: (name: string, bound: readonly (string | null)[], extra: BodyExtra) => this.inner(name, bound, extra),
    };
  }

  /** Most operators have no 4-bit integers. */
  private checkFourBits(op: Op): void {
    if (takesFourBits.has(op.name)) return;
    const types = [
      ...op.operands.map((operand) => operandType(this.module, this.main, operand)),
      ...op.results.map((id) => this.typeOf(id)),
    ];
    const narrow = types.find((type) => type && ["i4", "u4"].includes(carrierOf(type.dtype, this.options.opset)));
    if (narrow) throw new ExportFailure("E1002", `ONNX has no ${op.name} of ${narrow.dtype}`, "put a type.unpack before it");
  }

  /** An output that no node has made under its name yet. */
  private result(operand: Operand, name: string): void {
    this.attempt(`output ${name}`, [], () => {
      const value = this.operand(operand);
      if (value !== name) this.builder.node("Identity", [value], [name]);
    });
  }

  /** @param dims what symbols were called; null in inner graphs, whose symbols are their own: their sizes stay unnamed */
  private port(
    name: string,
    type: TensorType | undefined,
    where: string,
    dims: ReadonlyMap<string, string> | null,
  ): Input<ValueInfoProto>[] {
    const ports: Input<ValueInfoProto>[] = [];
    this.attempt(where, [], () => {
      const { dtype, shape } = type ?? { dtype: "f32", shape: [] };
      const hint = "cast it inside the model";
      if (carrierOf(dtype, this.options.opset) !== dtype)
        throw new ExportFailure("E1008", `ONNX has no values of ${dtype} in opset ${this.options.opset}`, hint);
      const dim = shape.map((size) => (typeof size === "number" ? { dimValue: size } : dims ? { dimParam: dimParam(size, dims) } : {}));
      ports.push({ name, type: { tensorType: { elemType: dataType(dtype), shape: { dim } } } });
    });
    return ports;
  }

  private attempt(where: string, loc: Location, action: () => void): void {
    try {
      action();
    } catch (error) {
      if (error instanceof ExportFailure) this.problems.push(error.at(where, loc));
      else if (error instanceof TersorError) this.problems.push(...error.problems.map((problem) => ({ ...problem, where, loc })));
      else throw error;
    }
  }

  private where(op: Op): string {
    const results = op.results.map((id) => `%${this.main.values[id]?.name ?? id}`).join(", ");
    return `@${this.main.name}, ${results} = ${op.name}`;
  }
}

function unknown(name: string): ExportFailure {
  if (name.startsWith("rt."))
    return new ExportFailure("E1004", `${name} is a kernel of a lowered module`, "export the module before it is lowered");
  return new ExportFailure("E1001", `ONNX has nothing for ${name}`, "give the op a `decompose`, or the export a row for it (`rows`)");
}

/** The node that the op came from, where its location names one. */
function nodeName(loc: Location): string {
  for (const { parts } of loc) {
    const name = parts.find((part) => typeof part === "string");
    if (typeof name === "string") return name;
  }
  return "";
}

/** Symbols by their original names; an expression by its text. */
function dimParam(dim: Exclude<Dim, number>, originals: ReadonlyMap<string, string>): string {
  return isDimSymbolName(dim.key) ? (originals.get(dim.key) ?? dim.key) : dimKey(dim);
}
