/**
 * @file Turns derived constants into data, but only where the stored bytes do not grow: a transposed or reshaped weight, a folded batch norm. A quantized, shared or
 * sparse weight stays a definition, since its value is larger than what rebuilds it.
 */
import {
  type ByteSource,
  BytesElsewhere,
  type Constant,
  constantElsewhere,
  type DerivedConstant,
  dataConstant,
  encodeTensor,
  evaluateConstant,
  type HostTensor,
  type Module,
  ModuleEditor,
  type OpRegistry,
  typeByteLength,
} from "../../ir-spec/index.ts";
import { constantsOf, reachableConstants } from "../analysis/reachable.ts";
import { dataBytes } from "../analysis/stored-bytes.ts";
import { definePass } from "../pass/pass.ts";
import { turnedBytes } from "./turned-bytes.ts";

export const materialize = definePass({
  name: "materialize",
  doc: "Evaluates the definition of a derived constant and stores its value as data, where that takes no more bytes than the data it replaces.",
  stage: "any",
  options: {},
  run(module, ctx) {
    const users = countUsers(module);
    const editor = new ModuleEditor(module, ctx.registry);
    const cache = new Map<string, HostTensor>();
    for (const constant of reachableConstants(module).values()) {
      if (constant.kind !== "derived" || !pays(module, constant, users)) continue;
      const value = isElsewhere(module, constant)
        ? constantElsewhere(constant.name, constant.type, sourceOf(module, ctx.registry, constant), constant.loc)
        : dataConstant(
            constant.name,
            constant.type,
            encodeTensor(evaluateConstant(module, ctx.registry, constant.name, cache)),
            constant.loc,
          );
      editor.setConstant({ ...value, doc: constant.doc });
      ctx.report({ subject: constant.name, note: `${constant.op} evaluated`, numbers: { bytes: typeByteLength(constant.type) } });
    }
    return editor.freeze();
  },
});

/** Whether the value is made of bytes that are not in memory: then it is not kept there either, but evaluated when it is written. */
function isElsewhere(module: Module, constant: DerivedConstant): boolean {
  const parts = constant.operands.flatMap((operand) => (operand === null ? [] : (module.constants.get(operand) ?? [])));
  return parts.some((part) => (part.kind === "data" ? part.storage instanceof BytesElsewhere : isElsewhere(module, part)));
}

function sourceOf(module: Module, registry: OpRegistry, constant: DerivedConstant): ByteSource {
  return turnedBytes(module, constant) ?? { read: () => encodeTensor(evaluateConstant(module, registry, constant.name)) };
}

function pays(module: Module, constant: DerivedConstant, users: ReadonlyMap<string, number>): boolean {
  return typeByteLength(constant.type) <= ownedBytes(module, constant, users);
}

/** Data bytes that would leave the module with this definition. */
function ownedBytes(module: Module, constant: DerivedConstant, users: ReadonlyMap<string, number>): number {
  let total = 0;
  for (const operand of new Set(constant.operands)) {
    if (operand === null || (users.get(operand) ?? 0) > 1) continue;
    const part = module.constants.get(operand);
    if (part) total += part.kind === "data" ? dataBytes(part) : ownedBytes(module, part, users);
  }
  return total;
}

/** Functions and constants that mention each constant. */
function countUsers(module: Module): ReadonlyMap<string, number> {
  const users = new Map<string, number>();
  const add = (name: string) => users.set(name, (users.get(name) ?? 0) + 1);
  for (const func of module.functions.values()) constantsOf(func).forEach(add);
  for (const constant of module.constants.values()) new Set(operandsOf(constant)).forEach(add);
  return users;
}

function operandsOf(constant: Constant): readonly string[] {
  return constant.kind === "derived" ? constant.operands.filter((o) => o !== null) : [];
}
