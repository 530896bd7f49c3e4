/**
 * @file Turns derived constants into data, but only where the stored bytes do not grow: a transposed or reshaped weight, a folded batch norm. A quantized, shared or
 * sparse weight stays a definition, since its value is larger than what rebuilds it.
 */
import {
  type Constant,
  type DerivedConstant,
  dataConstant,
  encodeTensor,
  evaluateConstant,
  type HostTensor,
  type Module,
  ModuleEditor,
  typeByteLength,
} from "../../ir-spec/index.ts";
import { constantsOf, reachableConstants } from "../analysis/reachable.ts";
import { dataBytes } from "../analysis/stored-bytes.ts";
import { definePass } from "../pass/pass.ts";

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
      const bytes = encodeTensor(evaluateConstant(module, ctx.registry, constant.name, cache));
      const data = { ...dataConstant(constant.name, constant.type, bytes, constant.loc), doc: constant.doc };
      editor.setConstant(data);
      ctx.report({ subject: constant.name, note: `${constant.op} evaluated`, numbers: { bytes: bytes.length } });
    }
    return editor.freeze();
  },
});

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
