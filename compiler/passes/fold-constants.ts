/** @file Constant propagation: an op whose operands are all constant becomes a *derived* constant. Nothing is evaluated: `materialize` decides that, by bytes. */
import {
  derivedConstant,
  type EditableOp,
  ModuleEditor as Editor,
  type FunctionEditor,
  type ModuleEditor,
  staticShape,
} from "../../ir-spec/index.ts";
import { definePass } from "../pass/pass.ts";

export const foldConstants = definePass({
  name: "fold-constants",
  doc: "Turns ops that depend on constants only into derived constants. The definition is kept, not evaluated.",
  stage: "any",
  options: {},
  run(module, ctx) {
    const editor = new Editor(module, ctx.registry);
    for (const name of module.functions.keys()) {
      const body = editor.function(name);
      for (const op of body.ops()) if (isFoldable(op, body)) fold(op, body, editor);
    }
    return editor.freeze();
  },
});

/** What calls functions is no definition of a constant. */
function isFoldable(op: EditableOp, body: FunctionEditor): boolean {
  if (body.module.registry.require(op.name).execute) return false;
  if (op.results.length !== 1 || op.operands.every((o) => o === null) || !op.operands.every((o) => o === null || typeof o === "string"))
    return false;
  return staticShape(body.info(op.results[0] as number).type.shape) !== null;
}

function fold(op: EditableOp, body: FunctionEditor, editor: ModuleEditor): void {
  const result = op.results[0] as number;
  const { name, type } = body.info(result);
  const first = op.operands.find((o) => o !== null) as string;
  const constant = editor.freshSymbol(name ?? `${first}.folded`);
  editor.setConstant(derivedConstant(constant, type, op.name, op.operands as readonly (string | null)[], op.attrs, op.loc));
  body.replaceAllUses(result, constant);
  body.erase(op);
}
