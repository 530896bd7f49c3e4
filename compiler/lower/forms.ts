/** @file Weight forms as kernel selection sees them: which forms a constant can be read in, and the leaves that a kernel of that form takes. */
import { type AttrDict, attr, type Module, TersorError, weightForm } from "../../ir-spec/index.ts";

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

interface SingleForm {
  readonly kind: string;
  readonly leaves: readonly (string | null)[];
  /** What the kernel must know of the form beside its leaves. */
  readonly params: Readonly<Record<string, number>>;
}

/** Attributes that a kernel reading the form in place gets, prefixed with the operand's name: `weight_axis`, `weight_block` for `affine`. */
export function formParams(module: Module, name: string, operand: string): AttrDict {
  const params = singleForm(module, name)?.params ?? {};
  return new Map(Object.entries(params).map(([key, value]) => [`${operand}_${key}`, attr.int(value)]));
}

/** Forms of one level: deeper nestings are expanded at load. */
function singleForm(module: Module, name: string): SingleForm | null {
  const form = weightForm(module, name);
  if (form.kind !== "form" || form.permutation !== null || form.coreShape.join() !== form.shape.join()) return null;
  const levels = [form.sparsity, form.affine, form.codebook].filter((level) => level !== null);
  if (levels.length !== 1) return null;
  if (form.affine?.over === "weight") {
    return {
      kind: "affine",
      leaves: [form.leaf, form.affine.scale, form.affine.zero],
      params: { axis: form.affine.axis ?? -1, block: form.affine.block },
    };
  }
  if (form.codebook) return { kind: "codebook", leaves: [form.codebook.table, form.codebook.codes], params: {} };
  if (form.sparsity?.format === "mask") return { kind: "mask", leaves: [form.leaf, form.sparsity.index], params: {} };
  return null;
}
