/**
 * @file What a function takes and gives, as an op that names it sees it. Its dim symbols are its own: they stand for the sizes of the operands of one call, and a result's size that they
 * do not settle (a size that the body finds out while it runs) is the caller's to name.
 */
import { compareDims, type Dim, dimKey, dimSymbols, isDimSymbolName, substituteDim } from "../core/dim.ts";
import type { Func, Module } from "../core/graph.ts";
import { printType, type TensorType, tensorType } from "../core/type.ts";

export interface Signature {
  readonly params: readonly TensorType[];
  readonly results: readonly TensorType[];
}

export function signatureOf(func: Pick<Func, "params" | "values" | "results">): Signature {
  return {
    params: func.params.map((id) => func.values[id]?.type ?? tensorType("f32", [])),
    results: func.results.map(({ type }) => type),
  };
}

/** The functions of a module, for inference of what calls them. */
export function signaturesOf(module: Pick<Module, "functions">): (name: string) => Signature | null {
  return (name) => {
    const func = module.functions.get(name);
    return func ? signatureOf(func) : null;
  };
}

/** What inference offers to a call (the parts of `InferContext` that it needs). */
export interface CallContext {
  readonly declared: readonly TensorType[] | null;
  require(a: Dim, b: Dim, message: string, operand?: number): void;
  fail(message: string, operand?: number): never;
}

export type DimBindings = Map<string, Dim>;

/** Binds the parameters' symbols to the arguments' sizes. `first` is the operand that is argument 0, for messages. */
export function bindArguments(
  ctx: CallContext,
  callee: string,
  params: readonly TensorType[],
  args: readonly TensorType[],
  first: number,
): DimBindings {
  if (params.length !== args.length)
    ctx.fail(`@${callee} takes ${params.length} value${params.length === 1 ? "" : "s"}, got ${args.length}`);
  const bindings: DimBindings = new Map();
  params.forEach((param, i) => {
    const arg = args[i] as TensorType;
    if (param.dtype !== arg.dtype || param.shape.length !== arg.shape.length)
      ctx.fail(`@${callee} takes ${printType(param)} as value ${i}, got ${printType(arg)}`, first + i);
    param.shape.forEach((dim, axis) => {
      if (typeof dim === "object" && isDimSymbolName(dim.key) && !bindings.has(dim.key)) bindings.set(dim.key, arg.shape[axis] as Dim);
    });
  });
  params.forEach((param, i) => {
    param.shape.forEach((dim, axis) => {
      const given = (args[i] as TensorType).shape[axis] as Dim;
      if (isSettled(dim, bindings)) ctx.require(substituteDim(dim, bindings), given, `axis ${axis} of value ${i} of @${callee}`, first + i);
      else ctx.fail(`@${callee}: the size ${dimKey(dim)} of value ${i} stands nowhere alone, so that a call could tell it`, first + i);
    });
  });
  return bindings;
}

export function isSettled(dim: Dim, bindings: ReadonlyMap<string, Dim>): boolean {
  return [...dimSymbols(dim)].every((name) => bindings.has(name));
}

/** A result's type at the call. A size that the bindings do not settle is the one that was declared there. @throws through `fail` when nothing was */
export function resultType(
  ctx: CallContext,
  index: number,
  type: TensorType,
  bindings: ReadonlyMap<string, Dim>,
  declared: TensorType | null = ctx.declared?.[index] ?? null,
): TensorType {
  const shape = type.shape.map((dim, axis) => {
    if (isSettled(dim, bindings)) return substituteDim(dim, bindings);
    const named = declared?.shape.length === type.shape.length ? declared.shape[axis] : undefined;
    return (
      named ?? ctx.fail(`axis ${axis} of result ${index} is ${dimKey(dim)}, which only a run tells: write its type with a symbol there`)
    );
  });
  return tensorType(type.dtype, shape);
}

/** The one type of a value that comes from either of two places: equal sizes, and what was declared where they may differ. */
export function joinTypes(ctx: CallContext, a: TensorType, b: TensorType, what: string, declared: TensorType | null): TensorType {
  if (a.dtype !== b.dtype || a.shape.length !== b.shape.length) ctx.fail(`${what} is ${printType(a)} or ${printType(b)}`);
  const shape = a.shape.map((dim, axis) => {
    const other = b.shape[axis] as Dim;
    if (compareDims(dim, other) === true) return dim;
    const named = declared?.shape[axis];
    if (named === undefined || typeof named === "number")
      ctx.fail(`${what}: axis ${axis} is ${dimKey(dim)} or ${dimKey(other)}: declare a symbol for it`);
    return named;
  });
  return tensorType(a.dtype, shape);
}
