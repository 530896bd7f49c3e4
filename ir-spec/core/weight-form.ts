/**
 * @file Weight form: what a constant's definition means, apart from the order in which its tree happens to nest. Every tree that normalises is
 *
 *     weight = reshape ∘ permutation ∘ sparsity(index) ∘ affine(scale, zero point) ∘ codebook(table) ∘ leaf        (rightmost first)
 *
 * with each part optional. Axes in `sparsity` and `affine` are axes of the *core*, the tensor below the permutation, of shape `coreShape`. Kernels, costs and
 * passes name a form, never a tree. A definition that does not normalise is legal: `opaque`, expanded at load, with the reason for the report.
 *
 * Same weight, same form: a mask commutes with whatever keeps zero at zero (a scale, a dequantize without zero point, a lookup whose entry 0 is 0); transposes go
 * outermost; a reshape goes through axes that it keeps; widening casts and `type.unpack` vanish; a zero point of zeros is none. `formKey` compares forms.
 */

import type { DType } from "./dtype.ts";
import type { Module } from "./graph.ts";
import type { TensorType } from "./type.ts";
import { normalize } from "./weight-form-rules.ts";

export interface FormSparsity {
  readonly format: "mask" | "nm";
  /** Constant that says where values go (`sparse.expand`). */
  readonly index: string;
  /** nm only, else 0. */
  readonly n: number;
  readonly m: number;
  /** nm only: axis of the core along which groups lie. */
  readonly axis: number;
}

export interface FormAffine {
  /** Read flat, row-major: one element, one per index of `axis`, or [outer, ceil(size / block), inner] around `axis`. The zero point likewise. */
  readonly scale: string;
  readonly zero: string | null;
  /** Axis of the scale; null: per tensor. */
  readonly axis: number | null;
  /** Elements along `axis` that share a scale; 0: one scale per index of the axis. */
  readonly block: number;
  /** What `axis` is an axis of: the core, or the vector of stored values (groups of non-zeros that share a scale). */
  readonly over: "weight" | "values";
}

export interface FormCodebook {
  /** Constant with the values, and its own form: a quantized table is `int8/tensor`. */
  readonly table: string;
  readonly tableForm: WeightForm;
  /** Constant with the codes: the form's leaf. */
  readonly codes: string;
  readonly entries: number;
}

export interface NormalForm {
  readonly kind: "form";
  /** The constant that this is the form of. */
  readonly name: string;
  /** Its type, static. */
  readonly type: TensorType;
  readonly shape: readonly number[];
  /** Shape of the tensor below the permutation; without one it is `shape`. */
  readonly coreShape: readonly number[];
  /** Axis i of the permuted tensor is axis permutation[i] of the core; null: none. It is then reshaped to `shape`, where that differs. */
  readonly permutation: readonly number[] | null;
  readonly sparsity: FormSparsity | null;
  readonly affine: FormAffine | null;
  readonly codebook: FormCodebook | null;
  /** Data constant with the stored values or codes, row-major, and its dtype and number of elements. */
  readonly leaf: string;
  readonly leafDtype: DType;
  readonly leafCount: number;
}

export interface OpaqueForm {
  readonly kind: "opaque";
  readonly name: string;
  readonly reason: string;
}

export type WeightForm = NormalForm | OpaqueForm;

const cache = new WeakMap<Module, Map<string, WeightForm>>();

/** The form of a constant. @throws TersorError E0204 when there is none of that name. */
export function weightForm(module: Module, name: string): WeightForm {
  const known = cache.get(module) ?? new Map<string, WeightForm>();
  cache.set(module, known);
  const present = known.get(name);
  if (present) return present;
  const form = normalize(module, name, (inner) => weightForm(module, inner));
  known.set(name, form);
  return form;
}

/**
 * Canonical text of what the form means, without the names of derived constants: equal keys are equal weights. A scalar scale over a table of integers is
 * the same as a lookup in the scaled table, and reads as that.
 */
export function formKey(form: WeightForm): string {
  if (form.kind === "opaque") return `opaque(@${form.name})`;
  return `${bodyKey(form)}: ${form.shape.join("x")}x${form.type.dtype}`;
}

function bodyKey(form: WeightForm): string {
  if (form.kind === "opaque") return `opaque(@${form.name})`;
  const { codebook, affine, sparsity, permutation } = form;
  const tableAffine = affine !== null && affine.axis === null && codebook?.tableForm.kind === "form" && codebook.tableForm.affine === null;
  let key = `@${form.leaf}`;
  if (codebook) key = `lookup(${tableAffine ? affineKey(affine, bodyKey(codebook.tableForm)) : bodyKey(codebook.tableForm)}, ${key})`;
  if (affine && !tableAffine) key = affineKey(affine, key);
  if (sparsity) {
    const groups = sparsity.format === "nm" ? `${sparsity.n}:${sparsity.m}/${sparsity.axis}` : "mask";
    key = `${groups}(@${sparsity.index}, ${key}: ${form.coreShape.join("x")})`;
  }
  return permutation ? `permute(${key}: ${form.coreShape.join("x")}, ${permutation.join()})` : key;
}

function affineKey(affine: FormAffine, inner: string): string {
  return `affine(${inner}, @${affine.scale}, ${affine.zero ? `@${affine.zero}` : "_"}, ${affine.axis ?? "_"}, ${affine.block}, ${affine.over})`;
}

/** Short text for reports: `mask ∘ codebook16(u4)`, `int8/channel`, `int4/32`, `dense f32`. Outermost first. */
export function describeForm(form: WeightForm): string {
  if (form.kind === "opaque") return `opaque (${form.reason})`;
  const { sparsity, permutation } = form;
  const outer: string[] = [];
  if (permutation) outer.push(`transpose(${permutation.join(",")})`);
  if (sparsity) outer.push(sparsity.format === "mask" ? "mask" : `${sparsity.n}:${sparsity.m}`);
  const inner = describeValues(form);
  const bare = outer.length === 0 && inner.length === 1 && inner[0] === form.leafDtype;
  return bare ? `dense ${form.leafDtype}` : [...outer, ...inner].join(" ∘ ");
}

function describeValues({ affine, codebook, leafDtype }: NormalForm): string[] {
  const values = codebook ? describeCodebook(codebook, leafDtype) : leafDtype;
  if (!affine) return [values];
  const unit =
    affine.axis === null ? "tensor" : affine.block > 0 ? String(affine.block) : affine.axis === 0 ? "channel" : `axis${affine.axis}`;
  const share = `/${unit}${affine.over === "values" ? " of values" : ""}${affine.zero ? "+zero" : ""}`;
  const integer = /^(i|u)(\d+)$/.exec(leafDtype);
  if (codebook || !integer) return [`scale${share}`, values];
  return [`${integer[1] === "i" ? "int" : "uint"}${integer[2]}${share}`];
}

function describeCodebook({ entries, tableForm }: FormCodebook, codes: DType): string {
  const plain = tableForm.kind === "form" && tableForm.affine === null && tableForm.codebook === null && tableForm.sparsity === null;
  return `codebook${entries}(${codes}${plain ? "" : `, table ${describeForm(tableForm)}`})`;
}
