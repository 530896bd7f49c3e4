/** @file Resources and constants of the text: data to its bytes, definitions to derived constants with their types checked. */

import { hexToBytes } from "@noble/hashes/utils";
import type { IToken } from "chevrotain";
import type { AttrDict } from "../../../ir-spec/core/attr.ts";
import type { Constant, DataStorage, DerivedConstant, Resource } from "../../../ir-spec/core/constant.ts";
import { byteLengthOf, dtypeInfo } from "../../../ir-spec/core/dtype.ts";
import { knownIntegers } from "../../../ir-spec/core/editor.ts";
import { elementCount, printType, staticShape, type TensorType, typeEquals } from "../../../ir-spec/core/type.ts";
import { checkCall } from "../../verify/call-check.ts";
import { resourceProblems } from "../../verify/resource-check.ts";
import { type AstAttr, type AstCall, type AstConstant, type AstData, type AstResource, attrSpan, spanFrom, spanOf } from "../ast.ts";
import { elementRange, writeElement } from "../elements.ts";
import * as t from "../tokens.ts";
import { lowerDict, lowerLocation } from "./attrs.ts";
import { placeCallProblems } from "./calls.ts";
import { type LowerContext, lowerDocs } from "./context.ts";
import { DimScope, lowerType } from "./types.ts";

const free = () => ({ scope: new DimScope(), use: "free", checkSymbols: true }) as const;

export function lowerResource(ctx: LowerContext, ast: AstResource, read: (path: string) => Uint8Array | null): Resource {
  const name = ctx.name(ast.name, "@") ?? "";
  const path = ctx.string(ast.path);
  const attrs = lowerDict(ctx, ast.dict, { ...free(), checkSymbols: false });
  const resource: Resource = { name, path, attrs, doc: lowerDocs(ast.docs), bytes: read(path) };
  for (const problem of resourceProblems(resource)) ctx.place(spanOf(ast.name), problem);
  return resource;
}

/** Types of all constants, before any definition is looked at: constants may be used before they are defined. */
export function lowerConstantType(ctx: LowerContext, ast: AstConstant): TensorType | null {
  const type = lowerType(ctx, new DimScope(), ast.type, "free");
  if (!type || staticShape(type.shape)) return type;
  ctx.report("E0207", spanOf(ast.type), [ctx.name(ast.name, "@") ?? "", printType(type)]);
  return null;
}

/** null with a report when it cannot be made. */
export function lowerConstant(
  ctx: LowerContext,
  ast: AstConstant,
  types: ReadonlyMap<string, TensorType | null>,
  lookup: (name: string) => Constant | null,
): Constant | null {
  const name = ctx.name(ast.name, "@") ?? "";
  const common = { name, doc: lowerDocs(ast.docs), loc: lowerLocation(ctx, ast.loc) };
  const type = types.get(name) ?? null;
  if (ast.definition.kind === "call") return lowerDefinition(ctx, ast, ast.definition, { ...common, type }, types, lookup);
  const storage = lowerData(ctx, ast.definition, type);
  return storage && type ? { kind: "data", ...common, type, storage } : null;
}

type DerivedHead = Pick<DerivedConstant, "name" | "doc" | "loc"> & { readonly type: TensorType | null };

function lowerDefinition(
  ctx: LowerContext,
  ast: AstConstant,
  call: AstCall,
  head: DerivedHead,
  types: ReadonlyMap<string, TensorType | null>,
  lookup: (name: string) => Constant | null,
): Constant | null {
  const operands = call.operands.map((token) => constantOperand(ctx, token));
  const told = ctx.problems.length;
  const attrs = lowerDict(ctx, call.dict, free());
  if (!head.type || ctx.problems.length > told) return null;
  checkDefinition(ctx, ast, call, operands, attrs, head.type, types, lookup);
  const names = operands.map((operand) => operand ?? null);
  return { kind: "derived", name: head.name, type: head.type, op: call.op.image, operands: names, attrs, doc: head.doc, loc: head.loc };
}

/** undefined: reported. null: absent. */
function constantOperand(ctx: LowerContext, token: IToken): string | null | undefined {
  if (token.tokenType === t.Absent) return null;
  if (token.tokenType === t.SymbolName) return ctx.symbol(token, "constant") ?? undefined;
  ctx.report("E0203", spanOf(token), [token.image], { hint: "a constant is defined by other constants only" });
  return undefined;
}

function checkDefinition(
  ctx: LowerContext,
  ast: AstConstant,
  call: AstCall,
  operands: readonly (string | null | undefined)[],
  attrs: AttrDict,
  declared: TensorType,
  types: ReadonlyMap<string, TensorType | null>,
  lookup: (name: string) => Constant | null,
): void {
  const operandTypes: (TensorType | null)[] = [];
  for (const operand of operands) {
    const type = operand === null ? null : operand === undefined ? undefined : (types.get(operand) ?? undefined);
    if (type === undefined) return; // told where it went wrong
    operandTypes.push(type);
  }
  const known = (i: number) => {
    const constant = typeof operands[i] === "string" ? lookup(operands[i]) : null;
    return constant ? knownIntegers(constant) : null;
  };
  const checked = checkCall(ctx.registry, { op: call.op.image, types: operandTypes, attrs, declared: [declared], known });
  placeCallProblems(ctx, call, checked.problems, [], operandTypes);
  if (!checked.types) return;
  const [inferred, ...more] = checked.types;
  if (!inferred || more.length > 0) ctx.report("E0307", spanOf(call.op), [call.op.image, checked.types.length]);
  else if (!typeEquals(inferred, declared)) ctx.report("E0313", spanOf(ast.type), [printType(declared), printType(inferred)]);
}

function lowerData(ctx: LowerContext, data: AstData, type: TensorType | null): DataStorage | null {
  switch (data.kind) {
    case "slice":
      return lowerSlice(ctx, data);
    case "random":
      return lowerSeed(ctx, data.seed);
    case "elided":
      return lowerElided(ctx, data);
    case "hex":
      return lowerHex(ctx, data.text, type);
    default:
      return type && lowerElements(ctx, data, type);
  }
}

function lowerSlice(ctx: LowerContext, data: AstData & { readonly kind: "slice" }): DataStorage | null {
  const resource = ctx.symbol(data.resource, "resource");
  const offset = ctx.count(data.offset, "an offset in bytes");
  const length = ctx.count(data.length, "a number of bytes");
  return resource === null || offset === null || length === null ? null : { kind: "resource", resource, offset, length };
}

function lowerSeed(ctx: LowerContext, token: IToken): DataStorage | null {
  const value = /^-?[0-9]+$/.test(token.image) ? BigInt(token.image) : null;
  if (value === null || BigInt.asIntN(64, value) !== value) {
    ctx.report("E0109", spanOf(token), [token.image, "a 64-bit integer"]);
    return null;
  }
  return { kind: "random", seed: BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value };
}

function lowerElided(ctx: LowerContext, data: AstData & { readonly kind: "elided" }): DataStorage | null {
  const length = ctx.count(data.length, "a number of bytes");
  return length === null ? null : { kind: "elided", sha256: ctx.string(data.sha256), length };
}

function lowerHex(ctx: LowerContext, token: IToken, type: TensorType | null): DataStorage | null {
  const digits = token.image.slice(4, -1);
  if (digits.length % 2 !== 0) {
    ctx.report("E0110", spanOf(token), [digits.length]);
    return null;
  }
  const bytes = hexToBytes(digits);
  if (type) checkCount(ctx, token, bytes.length, byteLengthOf(type.dtype, countOf(type)), "bytes", type);
  return { kind: "bytes", bytes };
}

/** Elements of a static type. */
function countOf(type: TensorType): number {
  const count = elementCount(type);
  return typeof count === "number" ? count : 0;
}

function checkCount(ctx: LowerContext, token: IToken, given: number, wanted: number, noun: string, type: TensorType): void {
  if (given !== wanted) ctx.report("E0206", spanOf(token), [`${given} ${noun}`, printType(type), String(wanted)]);
}

function lowerElements(
  ctx: LowerContext,
  data: AstData & { readonly kind: "scalar" | "list" | "splat" },
  type: TensorType,
): DataStorage | null {
  if (data.kind === "splat") {
    const element = elementBytes(ctx, [data.value], type);
    return element && { kind: "splat", element };
  }
  const tokens = data.kind === "scalar" ? [data.value] : listTokens(ctx, data.list.items);
  if (!tokens || !fits(ctx, data, type)) return null;
  const bytes = elementBytes(ctx, tokens, type);
  return bytes && { kind: "bytes", bytes };
}

function fits(ctx: LowerContext, data: AstData & { readonly kind: "scalar" | "list" }, type: TensorType): boolean {
  const wanted = countOf(type);
  if (data.kind === "scalar") {
    if (type.shape.length === 0) return true;
    const hint = { hint: "a list [...], or splat for one value everywhere" };
    ctx.report("E0206", spanOf(data.value), ["a bare scalar", printType(type), `${wanted} elements`], hint);
    return false;
  }
  const { items, open, close } = data.list;
  if (items.length === wanted) return true;
  ctx.report("E0206", spanFrom(open, close), [`${items.length} element${items.length === 1 ? "" : "s"}`, printType(type), String(wanted)]);
  return false;
}

/** Lists of data are flat and hold scalars only. */
function listTokens(ctx: LowerContext, items: readonly AstAttr[]): IToken[] | null {
  const scalars: readonly unknown[] = [t.NumberText, t.True, t.False, t.Inf, t.Nan];
  const tokens: IToken[] = [];
  for (const item of items) {
    if (item.kind === "token" && scalars.includes(item.token.tokenType)) tokens.push(item.token);
    else ctx.report("E0104", attrSpan(item), ["a number, true or false", "something else"], { hint: "data is one flat list, row-major" });
  }
  return tokens.length === items.length ? tokens : null;
}

/** Packed bytes of the elements; null with a report of each that does not fit. */
function elementBytes(ctx: LowerContext, tokens: readonly IToken[], type: TensorType): Uint8Array | null {
  const { dtype } = type;
  const bytes = new Uint8Array(Math.ceil((dtypeInfo(dtype).bits * tokens.length) / 8));
  let good = true;
  for (const [i, token] of tokens.entries()) {
    if (writeElement(dtype, token.image, bytes, i)) continue;
    ctx.report("E0208", spanOf(token), [token.image, dtype], { hint: `${dtype} is ${elementRange(dtype)}` });
    good = false;
  }
  return good ? bytes : null;
}
