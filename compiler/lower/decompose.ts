/** @file Replaces ops that the target has no kernel for by their `decompose`, until nothing more can be replaced. */
import { type Func, type Module, ModuleEditor, type Op, type OpRegistry } from "../../ir-spec/index.ts";

export type Supported = (module: Module, func: Func, op: Op) => boolean;

const maxRounds = 8;

export function decomposeUnsupported(module: Module, registry: OpRegistry, supported: Supported): Module {
  let current = module;
  for (let round = 0; round < maxRounds; round++) {
    const next = decomposeOnce(current, registry, supported);
    if (next === current) return current;
    current = next;
  }
  return current;
}

function decomposeOnce(module: Module, registry: OpRegistry, supported: Supported): Module {
  const editor = new ModuleEditor(module, registry);
  for (const [name, func] of module.functions) {
    const unsupported = new Set(
      func.ops.filter((op) => registry.get(op.name)?.decompose && !supported(module, func, op)).map((op) => op.results[0]),
    );
    if (unsupported.size === 0) continue;
    const body = editor.function(name);
    for (const op of body.ops()) {
      const def = registry.require(op.name);
      if (!unsupported.has(op.results[0]) || !def.decompose) continue;
      body.insertBefore(op);
      const replacements = def.decompose({ builder: body, operands: op.operands, attrs: registry.attrs(def, op.attrs) });
      for (const [i, result] of op.results.entries()) body.replaceAllUses(result, replacements[i] ?? null);
      body.erase(op);
    }
  }
  return editor.freeze();
}
