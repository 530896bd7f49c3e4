/**
 * @file The forward half of a step: the ops that a loss needs, copied into a function under construction, with the definitions of derived constants
 * that rest on a leaf copied along. So a shared weight's table, a pruned weight's values and a quantized weight's latent get their gradients from
 * the ordinary adjoints of `codebook.lookup`, `sparse.expand` and `quant.fake`; no technique is known here.
 */
import { type Func, type FunctionEditor, type Module, type Op, type Operand, TersorError, type ValueId } from "../../ir-spec/index.ts";
import { trainingError } from "./errors.ts";

export interface ForwardRequest {
  readonly module: Module;
  readonly func: Func;
  /** Index of the result that is the loss. */
  readonly loss: number;
  /** What each parameter of `func` is in the new function. */
  readonly inputs: ReadonlyMap<ValueId, ValueId>;
  /** Which parameter of the new function each leaf became. */
  readonly leaves: ReadonlyMap<string, ValueId>;
}

export interface Forward {
  readonly loss: ValueId;
  /** Values of the new function that depend on a leaf. */
  readonly active: ReadonlySet<ValueId>;
}

/** Copies into `body`, at its end. @throws TersorError E0904 when the loss is a constant. */
export function copyForward(body: FunctionEditor, request: ForwardRequest): Forward {
  const copy = new ForwardCopy(body, request);
  for (const op of neededOps(request.func, request.loss)) copy.op(op);
  const loss = copy.operand(request.func.returns[request.loss] as ValueId | string);
  if (typeof loss !== "number") throw trainingError("E0904", `@${request.func.name} returns a constant`);
  return { loss, active: copy.active };
}

/** Ops that the result needs, in order. */
function neededOps(func: Func, result: number): readonly Op[] {
  const needed = new Set<Operand>([func.returns[result] ?? null]);
  const kept: Op[] = [];
  for (const op of [...func.ops].reverse()) {
    if (!op.results.some((id) => needed.has(id))) continue;
    kept.push(op);
    for (const operand of op.operands) needed.add(operand);
  }
  return kept.reverse();
}

class ForwardCopy {
  readonly active: Set<ValueId>;
  private readonly body: FunctionEditor;
  private readonly request: ForwardRequest;
  private readonly values: Map<ValueId, ValueId>;
  /** What a constant is in the new function: a value when it rests on a leaf, else itself. */
  private readonly constants: Map<string, ValueId | string>;
  private readonly names: Set<string>;

  constructor(body: FunctionEditor, request: ForwardRequest) {
    this.body = body;
    this.request = request;
    this.values = new Map(request.inputs);
    this.constants = new Map(request.leaves);
    this.active = new Set(request.leaves.values());
    this.names = new Set(body.params.map((id) => body.info(id).name ?? ""));
  }

  op(op: Op): void {
    const { func } = this.request;
    const types = op.results.map((id) => (func.values[id] as Func["values"][number]).type);
    const names = op.results.map((id) => this.freeName(func.values[id]?.name ?? null));
    const operands = op.operands.map((operand) => this.operand(operand));
    const results = this.body.insertStored(op.name, operands, op.attrs, { types, names, loc: op.loc, doc: op.doc });
    for (const [i, id] of op.results.entries()) this.values.set(id, results[i] as ValueId);
    this.spread(operands, results);
  }

  operand<O extends Operand>(operand: O): ValueId | string | (O & null) {
    if (operand === null) return operand as O & null;
    if (typeof operand === "string") return this.constant(operand, []);
    const value = this.values.get(operand as ValueId);
    if (value === undefined) throw new RangeError(`@${this.request.func.name} uses value ${operand} before its definition`);
    return value;
  }

  private constant(name: string, path: readonly string[]): ValueId | string {
    const known = this.constants.get(name);
    if (known !== undefined) return known;
    const made = this.definition(name, [...path, name]);
    this.constants.set(name, made);
    return made;
  }

  private definition(name: string, path: readonly string[]): ValueId | string {
    const constant = this.request.module.constants.get(name);
    if (!constant) throw new TersorError({ code: "E0204", message: `no constant @${name}` });
    if (constant.kind === "data") return name;
    if (path.indexOf(name) < path.length - 1) throw new TersorError({ code: "E0205", message: `@${path.join(" -> @")}` });
    const operands = constant.operands.map((operand) => (operand === null ? null : this.constant(operand, path)));
    if (!operands.some((operand) => typeof operand === "number")) return name;
    const results = this.body.insertStored(constant.op, operands, constant.attrs, {
      types: [constant.type],
      names: [this.freeName(name)],
      loc: constant.loc,
      doc: constant.doc,
    });
    this.spread(operands, results);
    return results[0] as ValueId;
  }

  private spread(operands: readonly Operand[], results: readonly ValueId[]): void {
    if (!operands.some((operand) => typeof operand === "number" && this.active.has(operand))) return;
    for (const id of results) this.active.add(id);
  }

  /** A name once; what comes second goes unnamed. */
  private freeName(name: string | null): string | null {
    if (name === null || this.names.has(name)) return null;
    this.names.add(name);
    return name;
  }
}
