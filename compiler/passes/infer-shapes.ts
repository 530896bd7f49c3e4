/** @file Re-runs inference over every function: types follow changed inputs and constants. */
import { ModuleEditor } from "../../ir-spec/index.ts";
import { definePass } from "../pass/pass.ts";

export const inferShapes = definePass({
  name: "infer-shapes",
  doc: "Recomputes the type of every value from the ops' records.",
  stage: "any",
  options: {},
  run(module, ctx) {
    const editor = new ModuleEditor(module, ctx.registry);
    for (const name of module.functions.keys()) editor.function(name).refreshTypes();
    return editor.freeze();
  },
});
