/** @file Attribute values, dicts and locations of the text. */
import type { IToken } from "chevrotain";
import { type Attr, type AttrDict, attr, emptyAttrs } from "../../../ir-spec/core/attr.ts";
import { f64FromBits, readFloat } from "../../../ir-spec/core/float-text.ts";
import { type Location, type Place, unknownLocation } from "../../../ir-spec/core/location.ts";
import { isNote } from "../../../ir-spec/ops/attr-spec.ts";
import { type AstAttr, type AstDict, type AstPlace, spanOf } from "../ast.ts";
import * as t from "../tokens.ts";
import type { LowerContext } from "./context.ts";
import { type DimScope, lowerDimAttr, lowerType, type SymbolUse } from "./types.ts";

/** Where attributes stand: which dim symbols they may name, and whether `@names` must be defined (not in notes and `meta`). */
export interface AttrPlace {
  readonly scope: DimScope;
  readonly use: SymbolUse;
  readonly checkSymbols: boolean;
}

const defaultNan = 0x7ff8000000000000n;

export function lowerDict(ctx: LowerContext, dict: AstDict | null, place: AttrPlace): AttrDict {
  if (!dict || dict.entries.length === 0) return emptyAttrs;
  const lowered = new Map<string, Attr>();
  for (const { key, value } of dict.entries) {
    const name = key.image.startsWith('"') ? ctx.string(key) : key.image;
    if (lowered.has(name)) ctx.report("E0212", spanOf(key), [name]);
    const item = lowerAttr(ctx, value, isNote(name) ? { ...place, checkSymbols: false } : place);
    if (item) lowered.set(name, item);
  }
  return lowered;
}

/** null with a report when it cannot be read. */
export function lowerAttr(ctx: LowerContext, ast: AstAttr, place: AttrPlace): Attr | null {
  if (ast.kind === "dict") return { kind: "dict", value: lowerDict(ctx, ast.dict, place) };
  if (ast.kind === "token") return lowerToken(ctx, ast.token, place);
  const items: Attr[] = [];
  for (const item of ast.items) {
    const lowered = lowerAttr(ctx, item, place);
    if (lowered) items.push(lowered);
  }
  return { kind: "list", value: items };
}

function lowerToken(ctx: LowerContext, token: IToken, place: AttrPlace): Attr | null {
  const { image } = token;
  switch (token.tokenType) {
    case t.NumberText:
      return lowerNumber(ctx, token);
    case t.Inf:
      return attr.float(Number.POSITIVE_INFINITY);
    case t.Nan:
      return attr.float(Number.NaN);
    case t.True:
    case t.False:
      return attr.bool(image === "true");
    case t.StringText:
      return attr.string(ctx.string(token));
    case t.SymbolName: {
      const name = place.checkSymbols ? ctx.symbol(token, null) : ctx.name(token, "@");
      return name === null ? null : attr.symbol(name);
    }
    case t.Type: {
      const type = lowerType(ctx, place.scope, token, place.use === "introduce" ? "use" : place.use);
      return type && attr.type(type);
    }
    case t.DimText:
      return lowerDimAttr(ctx, place.scope, token, place.use);
    default:
      return attr.enum(image);
  }
}

/** No point, exponent, `inf`, `nan` or hex: an integer of 64 bits. */
function lowerNumber(ctx: LowerContext, token: IToken): Attr | null {
  const { image } = token;
  if (/^-?[0-9]+$/.test(image)) {
    const value = BigInt(image);
    if (BigInt.asIntN(64, value) === value) return attr.int(value);
    ctx.report("E0109", spanOf(token), [image, "a 64-bit integer"]);
    return null;
  }
  const bits = readFloat("f64", image);
  if (bits === null) {
    ctx.report("E0103", spanOf(token), [image], { hint: "a NaN payload has 1 to 52 bits, not all zero" });
    return null;
  }
  const value = f64FromBits(bits);
  return Number.isNaN(value) && bits !== defaultNan ? { kind: "float", value, bits } : { kind: "float", value };
}

export function lowerLocation(ctx: LowerContext, places: readonly AstPlace[]): Location {
  if (places.length === 0) return unknownLocation;
  return places.map(
    ({ file, parts }): Place => ({
      file: ctx.string(file),
      parts: parts.map((part) => (part.tokenType === t.StringText ? ctx.string(part) : (ctx.count(part, "a line, column or name") ?? 0))),
    }),
  );
}
