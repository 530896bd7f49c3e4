/** @file Sizes that depend on symbols, as the runtime needs them: evaluated when inputs arrive, and text for messages. The tables were checked: sizes are bounded. */
import { dtypeCodes, ExprOp } from "../ir-spec/format/codes.ts";
import type { PlanDim, PlanType } from "./backend.ts";
import { RuntimeError } from "./errors.ts";
import type { ProgramView } from "./program-view.ts";

type Expr = ProgramView["exprs"][number];
type Tables = Pick<ProgramView, "exprs" | "symbols" | "strings">;

/** Value of an integer literal; not exact, hence not a safe integer, beyond 2^53. */
export function exprInteger(expr: Expr): number {
  return expr.b * 2 ** 32 + (expr.a >>> 0);
}

/** An encoded dim: the size, or -(k + 1) for expression k. */
export function planDim(tables: Tables, dim: number): PlanDim {
  if (dim >= 0) return dim;
  const index = -dim - 1;
  const expr = tables.exprs[index];
  return expr?.op === ExprOp.integer ? exprInteger(expr) : new ExprDim(tables, index);
}

/** A type with its dims as numbers or expressions. */
export function planType(view: Tables & Pick<ProgramView, "types">, type: number): PlanType {
  const { dtype, dims } = view.types[type] ?? { dtype: 0, dims: [] };
  return { dtype: dtypeCodes[dtype] ?? "u8", shape: Array.from(dims, (dim) => planDim(view, dim)) };
}

/** The symbol's name when the dim is a bare symbol, else null. */
export function bareSymbol(dim: PlanDim): string | null {
  return dim instanceof ExprDim ? dim.symbol : null;
}

type Names = Pick<ReadonlySet<string>, "has">;

/** Whether all its symbols are bound: a size that a step of the plan finds out is not, until it has run. */
export function isBound(dim: PlanDim, bindings: Names): boolean {
  return !(dim instanceof ExprDim) || dim.isBound(bindings);
}

/** @throws RuntimeError R0308 for an unbound symbol, a division by zero, or a value that is negative or beyond 2^53. */
export function sizeOf(dim: PlanDim, bindings: ReadonlyMap<string, number>): number {
  const value = typeof dim === "number" ? dim : dim.evaluate(bindings);
  if (value < 0) throw new RuntimeError("R0308", `a size becomes negative: ${dimText(dim)} is ${value}`);
  return value;
}

export function dimText(dim: PlanDim): string {
  return typeof dim === "number" ? String(dim) : dim.text;
}

class ExprDim {
  private readonly tables: Tables;
  private readonly index: number;

  constructor(tables: Tables, index: number) {
    this.tables = tables;
    this.index = index;
  }

  get symbol(): string | null {
    const expr = this.tables.exprs[this.index];
    return expr?.op === ExprOp.symbol ? symbolName(this.tables, expr.a) : null;
  }

  get text(): string {
    return exprText(this.tables, this.index);
  }

  isBound(bindings: Names): boolean {
    const { exprs } = this.tables;
    const bound = (index: number): boolean => {
      const expr = exprs[index] as Expr;
      if (expr.op === ExprOp.integer) return true;
      return expr.op === ExprOp.symbol ? bindings.has(symbolName(this.tables, expr.a)) : bound(expr.a) && bound(expr.b);
    };
    return bound(this.index);
  }

  evaluate(bindings: ReadonlyMap<string, number>): number {
    return evaluate(this.tables, this.index, bindings);
  }
}

function symbolName({ symbols, strings }: Tables, index: number): string {
  return strings[symbols[index]?.name ?? -1] ?? "?";
}

function evaluate(tables: Tables, index: number, bindings: ReadonlyMap<string, number>): number {
  const expr = tables.exprs[index] as Expr;
  if (expr.op === ExprOp.integer) return exprInteger(expr);
  if (expr.op === ExprOp.symbol) {
    const name = symbolName(tables, expr.a);
    const size = bindings.get(name);
    if (size === undefined) throw new RuntimeError("R0308", `dim ${name} is not bound by any input`);
    return size;
  }
  const a = evaluate(tables, expr.a, bindings);
  const b = evaluate(tables, expr.b, bindings);
  const divides = expr.op === ExprOp.div || expr.op === ExprOp.mod || expr.op === ExprOp.ceildiv;
  if (divides && b === 0) throw new RuntimeError("R0308", `division by zero in ${exprText(tables, index)}`);
  const value = (operations[expr.op] as (a: number, b: number) => number)(a, b);
  if (!Number.isSafeInteger(value)) throw new RuntimeError("R0308", `${exprText(tables, index)} is beyond 2^53`);
  return value;
}

const operations: { readonly [op: number]: (a: number, b: number) => number } = {
  [ExprOp.add]: (a, b) => a + b,
  [ExprOp.mul]: (a, b) => a * b,
  [ExprOp.div]: (a, b) => Math.floor(a / b),
  [ExprOp.mod]: (a, b) => a - Math.floor(a / b) * b,
  [ExprOp.min]: Math.min,
  [ExprOp.max]: Math.max,
  [ExprOp.ceildiv]: (a, b) => Math.ceil(a / b),
};

const infix: { readonly [op: number]: string } = { [ExprOp.add]: "+", [ExprOp.mul]: "*", [ExprOp.div]: "/", [ExprOp.mod]: "%" };
const named: { readonly [op: number]: string } = { [ExprOp.min]: "min", [ExprOp.max]: "max", [ExprOp.ceildiv]: "ceildiv" };

function exprText(tables: Tables, index: number, inner = false): string {
  const expr = tables.exprs[index] as Expr;
  if (expr.op === ExprOp.integer) return String(exprInteger(expr));
  if (expr.op === ExprOp.symbol) return symbolName(tables, expr.a);
  const sign = infix[expr.op];
  if (sign === undefined) return `${named[expr.op]}(${exprText(tables, expr.a)}, ${exprText(tables, expr.b)})`;
  const text = `${exprText(tables, expr.a, true)} ${sign} ${exprText(tables, expr.b, true)}`;
  return inner ? `(${text})` : text;
}
