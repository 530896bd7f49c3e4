/** @file Makes derived constants: the op is written down, never evaluated. */
import {
  type AttrInput,
  type Constant,
  derivedConstant,
  inferOp,
  knownIntegers,
  type Location,
  type ModuleEditor,
  TersorError,
  writeAttrs,
} from "../../ir-spec/index.ts";

/** Adds `name = op(operands)` (or `name.2`...) to the module and returns its name. @throws TersorError as `inferOp`. */
export function deriveConstant(
  module: ModuleEditor,
  name: string,
  op: string,
  operands: readonly (string | null)[],
  attrs: AttrInput = {},
  loc: Location = [],
): string {
  const def = module.registry.require(op);
  const stored = writeAttrs(def.attrs, attrs);
  const constants = operands.map((operand) => (operand === null ? null : constantNamed(module, operand)));
  const known = (i: number) => {
    const constant = constants[i];
    return constant ? knownIntegers(constant) : null;
  };
  const { types } = inferOp(module.registry, def, { types: constants.map((c) => c?.type ?? null), attrs: stored, known });
  const type = types[0];
  if (!type || types.length !== 1)
    throw new TersorError({ code: "E0304", message: `${op} has ${types.length} results: it cannot define a constant` });
  const fresh = module.freshSymbol(name);
  module.setConstant(derivedConstant(fresh, type, op, operands, stored, loc));
  return fresh;
}

function constantNamed(module: ModuleEditor, name: string) {
  const constant = module.constant(name);
  if (!constant) throw new TersorError({ code: "E0204", message: `no constant @${name}` });
  return constant;
}

/** Gives a constant a definition under its own name, doc and location kept: `@w` stays `@w`, what it means moves into its operands. */
export function redefineAs(
  module: ModuleEditor,
  old: Constant,
  op: string,
  operands: readonly (string | null)[],
  attrs: AttrInput = {},
): void {
  const made = deriveConstant(module, `${old.name}.definition`, op, operands, attrs);
  const derived = constantNamed(module, made);
  module.removeConstant(made);
  module.setConstant({ ...derived, name: old.name, doc: old.doc, loc: old.loc });
}
