/** @file Lowers a syntax tree to a module: first every symbol, then constants' types, then definitions and bodies. */
import type { AttrDict } from "../../../ir-spec/core/attr.ts";
import type { Constant, Resource } from "../../../ir-spec/core/constant.ts";
import type { Func, Module } from "../../../ir-spec/core/graph.ts";
import type { TensorType } from "../../../ir-spec/core/type.ts";
import { type AstConstant, type AstFunc, type AstItem, type AstMeta, type AstModule, type AstResource, spanOf } from "../ast.ts";
import { readName } from "../names.ts";
import { lowerDict } from "./attrs.ts";
import { lowerConstant, lowerConstantType, lowerResource } from "./constants.ts";
import { type LowerContext, lowerDocs, type SymbolKind } from "./context.ts";
import { headerSignature, lowerFunction } from "./functions.ts";
import { DimScope } from "./types.ts";

export type ResourceReader = (path: string) => Uint8Array | null;

/** The module; only to be used when the context has no problems. */
export function lowerModule(ctx: LowerContext, ast: AstModule, read: ResourceReader): Module {
  const version = lowerVersion(ctx, ast);
  const name = ctx.name(ast.name, "@") ?? "";
  for (const item of ast.items) declare(ctx, item);
  const meta = lowerMeta(ctx, ast.items);
  const resources = named(itemsOf(ast, "resource").map((item): Resource => lowerResource(ctx, item, read)));
  const constants = lowerConstants(ctx, itemsOf(ast, "constant"));
  const funcs = itemsOf(ast, "func");
  const signatures = new Map(funcs.map((item) => [readName(item.name.image.slice(1)).name, headerSignature(ctx, item)]));
  const view = {
    constantTypes: constants.types,
    constant: (n: string) => constants.byName.get(n) ?? null,
    signature: (n: string) => signatures.get(n) ?? null,
  };
  const functions = named(funcs.map((item): Func => lowerFunction(ctx, item, view)));
  return { version, name, doc: lowerDocs(ast.docs), ...meta, resources, functions, constants: constants.byName };
}

interface ItemKinds {
  readonly meta: AstMeta;
  readonly resource: AstResource;
  readonly constant: AstConstant;
  readonly func: AstFunc;
}

function itemsOf<K extends keyof ItemKinds>(ast: AstModule, kind: K): readonly ItemKinds[K][] {
  return ast.items.filter((item): item is ItemKinds[K] & AstItem => item.kind === kind);
}

function lowerVersion(ctx: LowerContext, { version }: AstModule): string {
  if (!/^(0|[1-9][0-9]*)\.[0-9]+$/.test(version.image)) ctx.report("E0109", spanOf(version), [version.image, "a version, as 1.0"]);
  else if (!version.image.startsWith("1.")) ctx.report("E0105", spanOf(version), [version.image]);
  return version.image;
}

const kinds: Readonly<Record<"resource" | "constant" | "func", SymbolKind>> = {
  resource: "resource",
  constant: "constant",
  func: "function",
};

function declare(ctx: LowerContext, item: AstItem): void {
  if (item.kind === "meta") return;
  const name = ctx.name(item.name, "@") ?? "";
  const span = spanOf(item.name);
  const before = ctx.symbols.get(name);
  if (before) ctx.report("E0201", span, [name], { notes: [ctx.note(before.span, "first defined here")] });
  else ctx.symbols.set(name, { kind: kinds[item.kind], span });
}

function lowerMeta(ctx: LowerContext, items: readonly AstItem[]): { meta: AttrDict | null; metaDoc: string | null } {
  const [first, second] = items.filter((item) => item.kind === "meta");
  if (second) ctx.report("E0218", spanOf(second.keyword), []);
  if (!first) return { meta: null, metaDoc: null };
  return { meta: lowerDict(ctx, first.dict, { scope: new DimScope(), use: "free", checkSymbols: false }), metaDoc: lowerDocs(first.docs) };
}

function lowerConstants(ctx: LowerContext, items: readonly AstConstant[]) {
  const types = new Map<string, TensorType | null>();
  for (const item of items) types.set(ctx.name(item.name, "@") ?? "", lowerConstantType(ctx, item));
  const byName = new Map<string, Constant>();
  const lower = (item: AstConstant) => {
    const constant = lowerConstant(ctx, item, types, (name) => byName.get(name) ?? null);
    if (constant) byName.set(constant.name, constant);
  };
  // Data first: a definition may ask for the known integers of a constant below it.
  for (const item of items) if (item.definition.kind !== "call") lower(item);
  for (const item of items) if (item.definition.kind === "call") lower(item);
  return { types, byName: inOrder(byName, types) };
}

function inOrder(constants: ReadonlyMap<string, Constant>, order: ReadonlyMap<string, unknown>): ReadonlyMap<string, Constant> {
  const sorted = new Map<string, Constant>();
  for (const name of order.keys()) {
    const constant = constants.get(name);
    if (constant) sorted.set(name, constant);
  }
  return sorted;
}

function named<T extends { readonly name: string }>(items: readonly T[]): ReadonlyMap<string, T> {
  return new Map(items.map((item) => [item.name, item]));
}
