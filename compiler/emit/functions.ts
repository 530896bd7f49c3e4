/**
 * @file Functions as records: values renumbered (parameters, then each op's results in order, so that results need no numbers), operands in one pool. A plan's ops are named
 * by their kernels, with the backend in front where that is not the plan's own: `wasm:f32_pow`.
 */
import { type AttrDict, emptyAttrs } from "../../ir-spec/core/attr.ts";
import type { Func, Op, Operand, ValueId } from "../../ir-spec/core/graph.ts";
import { TersorError } from "../../ir-spec/core/problem.ts";
import type { TableBuilder } from "./tables.ts";

export interface OpRecord {
  readonly name: number;
  readonly attrs: number;
  readonly operands: number;
  readonly results: number;
  readonly loc: number;
  readonly doc: number;
}

export interface FuncRecord {
  readonly name: number;
  readonly doc: number;
  readonly params: number;
  readonly types: readonly number[];
  readonly names: readonly number[];
  readonly ops: readonly OpRecord[];
  readonly operands: readonly number[];
  readonly returns: readonly number[];
  readonly results: readonly { readonly name: number; readonly type: number }[];
  readonly carries: readonly { readonly param: number; readonly result: number }[];
  readonly requires: readonly { readonly left: number; readonly right: number }[];
}

/** What an op is called in the file, and its attributes there. */
type OpForm = (op: Op) => { readonly name: string; readonly attrs: AttrDict; readonly doc: string | null };

export const sourceForm: OpForm = (op) => op;

/** @throws TersorError E0908 for an op that is no kernel call. */
export const planForm: OpForm = (op) => {
  const backend = op.attrs.get("backend");
  const named = (id: string) => (backend?.kind === "string" && backend.value !== "" ? `${backend.value}:${id}` : id);
  if (op.name === "rt.copy") return { name: named(op.name), attrs: emptyAttrs, doc: null };
  const kernel = op.attrs.get("kernel");
  const params = op.attrs.get("params");
  const origin = op.attrs.get("plan.origin");
  if (op.name !== "rt.kernel" || kernel?.kind !== "string") {
    throw new TersorError({ code: "E0908", message: `a plan holds rt.kernel and rt.copy only, got ${op.name}`, loc: op.loc });
  }
  const attrs = params?.kind === "dict" ? params.value : emptyAttrs;
  return { name: named(kernel.value), attrs, doc: origin?.kind === "string" ? origin.value : null };
};

export interface FuncOptions {
  readonly form: OpForm;
  /** Value names are for people: plans leave them out. */
  readonly names: boolean;
  /** Names of results between functions, docs, origins and locations are left out (size mode). */
  readonly bare?: boolean;
  constant(name: string): number;
}

export function funcRecord(tables: TableBuilder, func: Func, options: FuncOptions): FuncRecord {
  const order = [...func.params, ...func.ops.flatMap((op) => op.results)];
  const ids = new Map<ValueId, number>(order.map((id, i) => [id, i]));
  const operand = operandEncoder(func, ids, options);
  const info = order.map((id) => {
    const value = func.values[id];
    if (!value) throw new TersorError({ code: "E0909", message: `@${func.name} has no value ${id}` });
    return value;
  });
  const names = options.names ? info.map((value) => tables.optionalString(value.name)) : [];
  return {
    name: tables.string(func.name),
    doc: tables.optionalString(func.doc),
    params: func.params.length,
    types: info.map((value) => tables.type(value.type)),
    names: names.some((name) => name !== 0) ? names : [],
    ops: func.ops.map((op) => opRecord(tables, op, options)),
    operands: func.ops.flatMap((op) => op.operands.map(operand)),
    returns: func.returns.map(operand),
    results: func.results.map((result, i) => ({
      name: tables.string(options.bare && func.name === "init" ? i.toString(36) : result.name),
      type: tables.type(result.type),
    })),
    carries: func.carries.map((carry) => ({ param: operand(carry.param), result: tables.string(carry.result) })),
    requires: func.requires.map(({ left, right }) => ({ left: tables.dim(left), right: tables.dim(right) })),
  };
}

function opRecord(tables: TableBuilder, op: Op, { form, bare }: FuncOptions): OpRecord {
  const { name, attrs, doc } = form(op);
  if (op.operands.length > 65535 || op.results.length > 65535) {
    throw new TersorError({ code: "E0910", message: `${name} has more operands or results than a file holds (65,535)`, loc: op.loc });
  }
  return {
    name: tables.string(name),
    attrs: tables.optionalDict(attrs),
    operands: op.operands.length,
    results: op.results.length,
    loc: bare ? 0 : tables.optionalLocation(op.loc),
    doc: bare ? 0 : tables.optionalString(doc),
  };
}

function operandEncoder(func: Func, ids: ReadonlyMap<ValueId, number>, options: FuncOptions): (operand: Operand) => number {
  return (operand) => {
    if (operand === null) return -1;
    if (typeof operand === "string") return -(options.constant(operand) + 2);
    const id = ids.get(operand);
    if (id === undefined) throw new TersorError({ code: "E0909", message: `@${func.name} uses value ${operand}, which nothing defines` });
    return id;
  };
}
