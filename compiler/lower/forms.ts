/** @file Weight forms as kernel selection sees them: which forms a constant can be read in, and the leaves that a kernel of that form takes. */
import { type Module, TersorError, weightForm } from "../../ir-spec/index.ts";

/** `dense` always; others where the definition normalises to exactly that form. */
export function readableForms(module: Module, name: string): readonly string[] {
  if (module.constants.get(name)?.kind !== "derived") return ["dense"];
  const form = singleForm(module, name);
  return form ? ["dense", form.kind] : ["dense"];
}

/** Constants that replace the operand, in the order that `runtime/manifest.ts` gives. */
export function formLeaves(module: Module, name: string, kind: string): readonly (string | null)[] {
  const form = singleForm(module, name);
  if (!form || form.kind !== kind) throw new TersorError({ code: "E0803", message: `constant @${name} has no ${kind} form` });
  return form.leaves;
}

/** Forms of one level: deeper nestings are expanded at load. */
function singleForm(module: Module, name: string): { readonly kind: string; readonly leaves: readonly (string | null)[] } | null {
  const form = weightForm(module, name);
  if (form.kind !== "form" || form.permutation !== null) return null;
  const levels = [form.sparsity, form.affine, form.codebook].filter((level) => level !== null);
  if (levels.length !== 1) return null;
  if (form.affine) return { kind: "affine", leaves: [form.leaf, form.affine.scale, form.affine.zero] };
  if (form.codebook) return { kind: "codebook", leaves: [form.codebook.table, form.codebook.codes] };
  if (form.sparsity?.format === "mask") return { kind: "mask", leaves: [form.leaf, form.sparsity.index] };
  return null;
}
