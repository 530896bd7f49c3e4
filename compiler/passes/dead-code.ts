/** @file Dead code elimination: ops whose results nobody uses, and constants and resources that nothing reaches. */
import { type Module, ModuleEditor, type OpRegistry } from "../../ir-spec/index.ts";
import { reachableConstants } from "../analysis/reachable.ts";
import { definePass } from "../pass/pass.ts";

export const deadCode = definePass({
  name: "dce",
  doc: "Removes ops whose results are unused, and constants and resources that nothing reaches. Ops are pure, so nothing else can notice.",
  stage: "any",
  options: {},
  run: (module, ctx) => removeUnreached(removeDeadOps(module, ctx.registry)),
});

function removeDeadOps(module: Module, registry: OpRegistry): Module {
  const editor = new ModuleEditor(module, registry);
  for (const name of module.functions.keys()) {
    const body = editor.function(name);
    for (const op of body.opsReversed()) {
      if (op.results.every((id) => body.users(id).length === 0 && !body.isReturned(id))) body.erase(op);
    }
  }
  return editor.freeze();
}

function removeUnreached(module: Module): Module {
  const reached = reachableConstants(module);
  const used = new Set<string>();
  for (const constant of reached.values())
    if (constant.kind === "data" && constant.storage.kind === "resource") used.add(constant.storage.resource);
  if (reached.size === module.constants.size && used.size === module.resources.size) return module;
  return {
    ...module,
    constants: new Map([...module.constants].filter(([name]) => reached.has(name))),
    resources: new Map([...module.resources].filter(([name]) => used.has(name))),
  };
}
