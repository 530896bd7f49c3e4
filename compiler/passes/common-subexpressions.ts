/** @file Common subexpression elimination: of two ops with equal name, operands and attributes the first stays. Equal derived constants are merged too. */
import {
  type Attr,
  type AttrDict,
  type Constant,
  type Module,
  ModuleEditor,
  type Operand,
  type OpRegistry,
  printType,
  storageEquals,
  storageHash,
} from "../../ir-spec/index.ts";
import { definePass } from "../pass/pass.ts";

export const commonSubexpressions = definePass({
  name: "cse",
  doc: "Merges ops that compute the same thing, and constants with the same content or definition.",
  stage: "any",
  options: {},
  run: (module, ctx) => mergeOps(mergeConstants(module, ctx.registry), ctx.registry),
});

function mergeOps(module: Module, registry: OpRegistry): Module {
  const editor = new ModuleEditor(module, registry);
  for (const name of module.functions.keys()) {
    const body = editor.function(name);
    const seen = new Map<string, readonly number[]>();
    for (const op of body.ops()) {
      // The types are in the key for the ops that declare theirs.
      const types = op.results.map((id) => printType(body.info(id).type)).join(",");
      const key = `${op.name}(${op.operands.map(operandKey).join(",")})${attrsKey(op.attrs)}${types}`;
      const first = seen.get(key);
      if (!first) {
        seen.set(key, op.results);
        continue;
      }
      for (const [i, result] of op.results.entries()) body.replaceAllUses(result, first[i] as number);
      body.erase(op);
    }
  }
  return editor.freeze();
}

function mergeConstants(module: Module, registry: OpRegistry): Module {
  const replaced = new Map<string, string>();
  const seen = new Map<string, Constant>();
  for (const constant of module.constants.values()) {
    const key = constantKey(constant, replaced);
    const first = seen.get(key);
    if (first && sameContent(first, constant)) replaced.set(constant.name, first.name);
    else if (!first) seen.set(key, constant);
  }
  return replaced.size === 0 ? module : substitute(module, registry, replaced);
}

function substitute(module: Module, registry: OpRegistry, replaced: ReadonlyMap<string, string>): Module {
  const to = (name: string) => replaced.get(name) ?? name;
  const editor = new ModuleEditor(module, registry);
  for (const constant of module.constants.values()) {
    if (constant.kind === "derived" && constant.operands.some((o) => o !== null && replaced.has(o))) {
      editor.setConstant({ ...constant, operands: constant.operands.map((o) => (o === null ? null : to(o))) });
    }
  }
  for (const name of module.functions.keys()) {
    const body = editor.function(name);
    for (const op of body.ops()) {
      for (const [i, operand] of op.operands.entries()) if (typeof operand === "string") body.setOperand(op, i, to(operand));
    }
    for (const [i, operand] of body.returned().entries()) {
      if (typeof operand === "string" && replaced.has(operand)) body.setReturn(i, to(operand));
    }
  }
  for (const name of replaced.keys()) editor.removeConstant(name);
  return editor.freeze();
}

function constantKey(constant: Constant, replaced: ReadonlyMap<string, string>): string {
  const type = printType(constant.type);
  if (constant.kind === "data") return `${type} ${storageHash(constant.storage)}`;
  const operands = constant.operands.map((o) => (o === null ? "_" : `@${JSON.stringify(replaced.get(o) ?? o)}`));
  return `${type} ${constant.op}(${operands.join(",")})${attrsKey(constant.attrs)}`;
}

function sameContent(a: Constant, b: Constant): boolean {
  if (a.kind === "derived" || b.kind === "derived") return a.kind === b.kind;
  return storageEquals(a.storage, b.storage);
}

function operandKey(operand: Operand): string {
  return operand === null ? "_" : typeof operand === "number" ? `%${operand}` : `@${JSON.stringify(operand)}`;
}

const keys = new WeakMap<AttrDict, string>();

/** Text that is equal exactly when the attributes are, whatever their order. */
export function attrsKey(attrs: AttrDict): string {
  if (attrs.size === 0) return "";
  const cached = keys.get(attrs);
  if (cached !== undefined) return cached;
  const key = `{${[...attrs]
    .map(([name, value]) => `${JSON.stringify(name)}=${attrKey(value)}`)
    .sort()
    .join(",")}}`;
  keys.set(attrs, key);
  return key;
}

function attrKey(value: Attr): string {
  switch (value.kind) {
    case "list":
      return `[${value.value.map(attrKey).join(",")}]`;
    case "dict":
      return attrsKey(value.value) || "{}";
    case "type":
      return printType(value.value);
    case "dim":
      return `dim[${typeof value.value === "number" ? value.value : value.value.key}]`;
    case "float":
      return `float:${Object.is(value.value, -0) ? "-0" : value.value}:${value.bits ?? ""}`;
    case "string":
      return JSON.stringify(value.value);
    default:
      return `${value.kind}:${value.value}`;
  }
}
