/**
 * @file The order of constants on paper. A constant that only one other constant uses is owned by it and prints below it, indented; every other one is
 * a root and prints in module order; what no root reaches (an ownership cycle, an error anyway) follows.
 */
import type { Constant } from "../../../ir-spec/core/constant.ts";
import type { Module } from "../../../ir-spec/core/graph.ts";
import { collectSymbols } from "../../verify/verify.ts";

export interface PlacedConstant {
  readonly constant: Constant;
  /** 0 for a root. */
  readonly depth: number;
}

export function orderConstants(module: Module): readonly PlacedConstant[] {
  const mentions = new Map<string, readonly string[]>();
  for (const constant of module.constants.values()) mentions.set(constant.name, mentionedBy(constant, module));
  const owner = owners(module, mentions);
  const placed: PlacedConstant[] = [];
  const done = new Set<string>();
  const place = (root: string) => {
    const stack = [{ name: root, depth: 0 }];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const { name, depth } = top;
      const constant = module.constants.get(name);
      if (!constant || done.has(name)) continue;
      done.add(name);
      placed.push({ constant, depth });
      const owned = (mentions.get(name) ?? []).filter((child) => owner.get(child) === name);
      for (const child of owned.reverse()) stack.push({ name: child, depth: depth + 1 });
    }
  };
  for (const name of module.constants.keys()) if (!owner.has(name)) place(name);
  for (const name of module.constants.keys()) place(name);
  return placed;
}

/** Constants that the definition names, each once, in order of first mention. */
function mentionedBy(constant: Constant, module: Module): readonly string[] {
  if (constant.kind === "data") return [];
  const names = new Set(constant.operands.filter((operand): operand is string => operand !== null));
  collectSymbols(constant.attrs, names);
  return [...names].filter((name) => module.constants.has(name));
}

/** The one constant that uses each; absent for roots. */
function owners(module: Module, mentions: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, string> {
  const owner = new Map<string, string>();
  const shared = namedByFunctions(module);
  for (const [user, names] of mentions) {
    for (const name of names) {
      if (owner.has(name)) shared.add(name);
      owner.set(name, user);
    }
  }
  for (const name of shared) owner.delete(name);
  return owner;
}

function namedByFunctions(module: Module): Set<string> {
  const names = new Set<string>();
  for (const func of module.functions.values()) {
    for (const op of func.ops) {
      for (const operand of op.operands) if (typeof operand === "string") names.add(operand);
      if (op.attrs.size > 0) collectSymbols(op.attrs, names);
    }
    for (const returned of func.returns) if (typeof returned === "string") names.add(returned);
  }
  return names;
}
