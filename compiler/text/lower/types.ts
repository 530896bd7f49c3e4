/**
 * @file Types and dims of the text, and the dim symbols that a function knows. A parameter's type makes its symbols known; `?K` in an op's
 * result types or attributes introduces one; everywhere else a symbol must be known.
 */
import type { IToken } from "chevrotain";
import type { Attr } from "../../../ir-spec/core/attr.ts";
import { compareDims, dimKey, isDimSymbolName } from "../../../ir-spec/core/dim.ts";
import { type DimReading, readDimAttr, readRequire, readType, type SymbolMention } from "../../../ir-spec/core/dim-text.ts";
import type { Require } from "../../../ir-spec/core/graph.ts";
import type { TensorType } from "../../../ir-spec/core/type.ts";
import { spanOf } from "../ast.ts";
import type { LowerContext } from "./context.ts";

/**
 * `bind`: parameters, every symbol becomes known. `use`: every symbol must be known. `introduce`: known, or `?K`.
 * `free`: outside of functions, where symbols have no scope.
 */
export type SymbolUse = "bind" | "use" | "introduce" | "free";

export class DimScope {
  readonly known = new Set<string>();
}

/** The reading's value, or null with a report at its place. */
function take<T>(ctx: LowerContext, token: IToken, reading: DimReading<T>): { value: T; symbols: readonly SymbolMention[] } | null {
  if (reading.ok) return reading;
  const { message, start, end } = reading.error;
  ctx.report("E0107", { start: token.startOffset + start, end: token.startOffset + end }, [message]);
  return null;
}

interface Mentions {
  readonly token: IToken;
  readonly symbols: readonly SymbolMention[];
}

/** Introductions first: `tensor<[K + 1]x?Kxf32>` is in order. */
function resolve(ctx: LowerContext, scope: DimScope, mentions: readonly Mentions[], use: SymbolUse): void {
  for (const { token, symbols } of mentions) for (const symbol of symbols) if (symbol.introduced) introduce(ctx, scope, token, symbol, use);
  for (const { token, symbols } of mentions) {
    for (const symbol of symbols) {
      if (use === "bind") scope.known.add(symbol.name);
      if (use === "free" || scope.known.has(symbol.name)) continue;
      const hint = use === "introduce" ? { hint: `?${symbol.name} introduces it` } : {};
      ctx.report("E0213", mentionSpan(token, symbol), [symbol.name], hint);
      scope.known.add(symbol.name); // told once
    }
  }
}

function introduce(ctx: LowerContext, scope: DimScope, token: IToken, symbol: SymbolMention, use: SymbolUse): void {
  if (use !== "introduce") ctx.report("E0215", mentionSpan(token, symbol), [symbol.name]);
  else if (scope.known.has(symbol.name)) ctx.report("E0214", mentionSpan(token, symbol), [symbol.name]);
  scope.known.add(symbol.name);
}

function mentionSpan(token: IToken, { introduced, start, end }: SymbolMention) {
  return { start: token.startOffset + start - (introduced ? 1 : 0), end: token.startOffset + end };
}

function typeReading(ctx: LowerContext, text: string): DimReading<TensorType> {
  const reading = ctx.typeReadings.get(text) ?? readType(text);
  ctx.typeReadings.set(text, reading);
  return reading;
}

/** The type, or null with no report: something else reads the token too. */
export function readTypeQuietly(ctx: LowerContext, token: IToken): TensorType | null {
  const reading = typeReading(ctx, token.image);
  return reading.ok ? reading.value : null;
}

/** Types that stand together; null where one cannot be read. */
export function lowerTypes(ctx: LowerContext, scope: DimScope, tokens: readonly IToken[], use: SymbolUse): (TensorType | null)[] {
  const mentions: Mentions[] = [];
  const types = tokens.map((token) => {
    const taken = take(ctx, token, typeReading(ctx, token.image));
    if (taken && taken.symbols.length > 0) mentions.push({ token, symbols: taken.symbols });
    return taken ? taken.value : null;
  });
  resolve(ctx, scope, mentions, use);
  return types;
}

export function lowerType(ctx: LowerContext, scope: DimScope, token: IToken, use: SymbolUse): TensorType | null {
  return lowerTypes(ctx, scope, [token], use)[0] ?? null;
}

export function lowerDimAttr(ctx: LowerContext, scope: DimScope, token: IToken, use: SymbolUse): Attr | null {
  const taken = take(ctx, token, readDimAttr(token.image));
  if (!taken) return null;
  resolve(ctx, scope, [{ token, symbols: taken.symbols }], use);
  const { value } = taken;
  if (typeof value === "number") return { kind: "int", value };
  return taken.symbols[0]?.introduced && isDimSymbolName(value.key) ? { kind: "dim", value, introduces: true } : { kind: "dim", value };
}

export function lowerRequire(ctx: LowerContext, scope: DimScope, token: IToken): Require | null {
  const taken = take(ctx, token, readRequire(token.image));
  if (!taken) return null;
  resolve(ctx, scope, [{ token, symbols: taken.symbols }], "use");
  const { left, right } = taken.value;
  if (compareDims(left, right) === false) ctx.report("E0406", spanOf(token), [`require [${dimKey(left)}] == [${dimKey(right)}]`]);
  return { left, right };
}
