/**
 * @file Checks the tables of a program: dim expressions, types, attributes. Entries may name earlier entries only, so there are no cycles; what an entry
 * would be written out is bounded, since sharing can make a short table stand for something exponentially long.
 */
import { AttrKind, dtypeCodes, ExprOp, limits } from "../ir-spec/format/codes.ts";
import { RuntimeError } from "./errors.ts";
import { exprInteger } from "./plan-dim.ts";
import type { AttrView, ProgramView } from "./program-view.ts";

export function checkTables(view: ProgramView): void {
  checkSymbols(view);
  checkExprs(view);
  checkTypes(view);
  checkAttrs(view);
}

/** @throws RuntimeError R0202 unless 0 <= index < count. */
export function inRange(index: number, count: number, what: string, where: string): void {
  if (!(index >= 0 && index < count)) throw new RuntimeError("R0202", `${what} ${index} does not exist (there are ${count})`, where);
}

/** An optional index, stored plus one. */
export function optionalInRange(index: number, count: number, what: string, where: string): void {
  if (index !== 0) inRange(index - 1, count, what, where);
}

export function checkDim(view: ProgramView, dim: number, where: string): void {
  if (dim < 0) inRange(-dim - 1, view.exprs.length, "dim expression", where);
}

export function checkUnique(names: readonly string[], what: string, where: string): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new RuntimeError("R0202", `two ${what} are named ${JSON.stringify(name)}`, where);
    seen.add(name);
  }
}

function checkSymbols(view: ProgramView): void {
  view.symbols.forEach((symbol, i) => {
    inRange(symbol.name, view.strings.length, "string", `symbol ${i}`);
    optionalInRange(symbol.original, view.strings.length, "string", `symbol ${i}`);
    const name = view.strings[symbol.name] ?? "";
    if (!/^[A-Z][A-Z0-9_]*$/.test(name)) throw new RuntimeError("R0203", `${JSON.stringify(name)} is no name of a dim`, `symbol ${i}`);
  });
  checkUnique(
    view.symbols.map((s) => view.strings[s.name] ?? ""),
    "dim symbols",
    "symbols",
  );
}

/** Bounds of an expression: nodes when written out, terms and degree in normal form. */
interface Extent {
  readonly size: number;
  readonly terms: number;
  readonly degree: number;
}

const leaf: Extent = { size: 1, terms: 1, degree: 1 };

function checkExprs(view: ProgramView): void {
  const extents: Extent[] = [];
  view.exprs.forEach((expr, i) => {
    const where = `dim expression ${i}`;
    const extent = exprExtent(view, expr, extents, where);
    if (extent.size > limits.exprSize || extent.terms > limits.exprTerms || extent.degree > limits.exprDegree) {
      throw new RuntimeError("R0203", "the expression is too large", where);
    }
    extents.push(extent);
  });
}

function exprExtent(view: ProgramView, expr: ProgramView["exprs"][number], earlier: readonly Extent[], where: string): Extent {
  if (expr.op === ExprOp.symbol) {
    inRange(expr.a, view.symbols.length, "dim symbol", where);
    return leaf;
  }
  if (expr.op === ExprOp.integer) {
    if (!Number.isSafeInteger(exprInteger(expr))) throw new RuntimeError("R0203", "an integer is beyond 2^53", where);
    return leaf;
  }
  if (expr.op > ExprOp.ceildiv) throw new RuntimeError("R0203", `operation ${expr.op} is unknown`, where);
  inRange(expr.a, earlier.length, "earlier dim expression", where);
  inRange(expr.b, earlier.length, "earlier dim expression", where);
  const [a, b] = [earlier[expr.a] ?? leaf, earlier[expr.b] ?? leaf];
  const size = a.size + b.size + 1;
  if (expr.op === ExprOp.add) return { size, terms: a.terms + b.terms, degree: Math.max(a.degree, b.degree) };
  return expr.op === ExprOp.mul ? { size, terms: a.terms * b.terms, degree: a.degree + b.degree } : { size, terms: 1, degree: 1 };
}

function checkTypes(view: ProgramView): void {
  const [wanted, present] = view.dimCounts;
  if (wanted !== present) throw new RuntimeError("R0203", `the types take ${wanted} dims, there are ${present}`, "types");
  view.types.forEach((type, i) => {
    inRange(type.dtype, dtypeCodes.length, "dtype", `type ${i}`);
    if (type.dims.length > limits.rank) throw new RuntimeError("R0203", `rank ${type.dims.length} is above ${limits.rank}`, `type ${i}`);
    for (const dim of type.dims) checkDim(view, dim, `type ${i}`);
  });
}

function checkAttrs(view: ProgramView): void {
  const sizes: number[] = [];
  const depths: number[] = [];
  // Lists that shared their items could hold more of them together than any memory.
  let left = view.listItems.length + view.dictItems.length;
  view.attrs.forEach((attr, i) => {
    const where = `attribute ${i}`;
    if (attr.kind === AttrKind.list || attr.kind === AttrKind.dict) left -= Math.max(0, attr.b);
    if (left < 0) throw new RuntimeError("R0204", "lists and dicts take more items than there are", where);
    const items = attrItems(view, attr, where);
    let size = 1;
    let depth = 1;
    for (const item of items) {
      inRange(item, i, "earlier attribute", where);
      size += sizes[item] ?? 0;
      depth = Math.max(depth, 1 + (depths[item] ?? 0));
    }
    if (size > limits.attrSize || depth > limits.attrDepth) throw new RuntimeError("R0204", "the attribute is too large", where);
    sizes.push(size);
    depths.push(depth);
  });
}

/** What the attribute holds, by index; checks its own numbers. */
function attrItems(view: ProgramView, { kind, a, b }: AttrView, where: string): Iterable<number> {
  switch (kind) {
    case AttrKind.int:
    case AttrKind.uint:
    case AttrKind.float:
    case AttrKind.nan:
    case AttrKind.bool:
      return [];
    case AttrKind.string:
    case AttrKind.enum:
    case AttrKind.symbol:
      inRange(a, view.strings.length, "string", where);
      return [];
    case AttrKind.type:
      inRange(a, view.types.length, "type", where);
      return [];
    case AttrKind.dim:
      checkDim(view, a, where);
      return [];
    case AttrKind.list:
      checkSpan(a, b, view.listItems.length, where);
      return view.listItems.subarray(a, a + b);
    case AttrKind.dict:
      checkSpan(a, b, view.dictItems.length, where);
      return dictValues(view, a, b, where);
    default:
      throw new RuntimeError("R0204", `kind ${kind} is unknown`, where);
  }
}

function dictValues(view: ProgramView, first: number, count: number, where: string): number[] {
  const items = view.dictItems.slice(first, first + count);
  for (const { key } of items) inRange(key, view.strings.length, "string", where);
  checkUnique(
    items.map(({ key }) => view.strings[key] ?? ""),
    "attributes",
    where,
  );
  return items.map(({ value }) => value);
}

function checkSpan(first: number, count: number, total: number, where: string): void {
  if (first < 0 || count < 0 || first + count > total) throw new RuntimeError("R0204", "its items lie outside their pool", where);
}
