/**
 * @file How each op that may define a weight acts on the form of its operand. A rule gives the new form, or the reason why there is none. Ops without a rule
 * are opaque. What each rule relies on is said beside it; `test/ops/weight-form.test.ts` evaluates both sides.
 */
import { type AttrSpecs, type AttrValues, readAttrs } from "../ops/attr-spec.ts";
import { constantBytes } from "../ops/evaluate.ts";
import { dequantize } from "../ops/quant/quantize.ts";
import { canonicalAxis } from "../ops/quant/scales.ts";
import { expand } from "../ops/sparse/expand.ts";
import type { DerivedConstant } from "./constant.ts";
import { byteLengthOf, type DType, dtypeInfo, isFloat } from "./dtype.ts";
import type { Module } from "./graph.ts";
import { TersorError } from "./problem.ts";
import { countOf, decodeTensor } from "./tensor.ts";
import { staticShape, type TensorType } from "./type.ts";
import type { NormalForm, WeightForm } from "./weight-form.ts";

interface Step {
  readonly module: Module;
  readonly constant: DerivedConstant;
  readonly shape: readonly number[];
  /** Form of another constant. */
  readonly formOf: (name: string) => WeightForm;
}

/** The operand's form to the result's (whose `name`, `type` and `shape` are filled in), or why not. */
type Rule = (step: Step, inner: NormalForm) => NormalForm | string;

export function normalize(module: Module, name: string, formOf: (name: string) => WeightForm): WeightForm {
  const constant = module.constants.get(name);
  if (!constant) throw new TersorError({ code: "E0204", message: `no constant @${name}` });
  const opaque = (reason: string): WeightForm => ({ kind: "opaque", name, reason });
  const shape = staticShape(constant.type.shape);
  if (!shape) return opaque("its shape is symbolic");
  if (constant.kind === "data") return leafForm(name, constant.type, shape);
  const entry = rules.get(constant.op);
  if (!entry) return opaque(`${constant.op} is no part of a weight form`);
  const step: Step = { module, constant, shape, formOf };
  const operand = constant.operands[entry.operand(step)];
  const inner = operand ? formOf(operand) : opaque(`${constant.op} lacks an operand`);
  if (inner.kind === "opaque") return opaque(inner.name === name ? inner.reason : `@${inner.name}: ${inner.reason}`);
  const form = entry.rule(step, inner);
  return typeof form === "string" ? opaque(form) : { ...form, name, type: constant.type, shape };
}

function leafForm(name: string, type: TensorType, shape: readonly number[]): NormalForm {
  const none = { permutation: null, sparsity: null, affine: null, codebook: null } as const;
  return { kind: "form", name, type, shape, coreShape: shape, ...none, leaf: name, leafDtype: type.dtype, leafCount: countOf(shape) };
}

/** (q - zero) * scale. A zero point would move structural zeros, unless it is zero. */
const dequantized: Rule = ({ module, constant, formOf }, inner) => {
  const [, scale, zeroPoint] = constant.operands;
  if (!scale) return "its scale is absent";
  if (inner.affine) return "two scales";
  const given = zeroPoint ? flatLeaf(zeroPoint, formOf) : null;
  const zero = given !== null && !isAllZero(module, given) ? given : null;
  if (zero !== null && inner.sparsity) return `zero point @${zero} moves the structural zeros`;
  const { axis, block } = attrsOf(dequantize.attrs, constant);
  return withScale(inner, flatLeaf(scale, formOf), zero, module.constants.get(scale)?.type.shape.length === 0 ? null : axis, block);
};

/** A product with a scalar or with one factor per index of an axis. Zeros stay zeros. */
const scaled: Rule = ({ module, constant, shape, formOf }, inner) => {
  const scale = constant.operands[1 - mulOperand(constant, module, shape)];
  if (!scale) return "a factor is absent";
  if (inner.affine) return "two scales";
  if (!isFloat(constant.type.dtype)) return `a product of ${constant.type.dtype}`;
  if (!sameNumbers(inner.shape, shape)) return "factors that broadcast each other";
  const factor = staticShape(module.constants.get(scale)?.type.shape ?? []) ?? [];
  const wide = factor.flatMap((size, i) => (size === 1 ? [] : [i - factor.length + shape.length]));
  if (wide.length > 1) return `factor @${scale} varies along ${wide.length} axes`;
  return withScale(inner, flatLeaf(scale, formOf), null, wide[0] ?? null, 0);
};

/** A reshaped constant, which reads the same flat, is the constant itself. */
function flatLeaf(name: string, formOf: (name: string) => WeightForm): string {
  const form = formOf(name);
  const plain =
    form.kind === "form" && !form.permutation && !form.sparsity && !form.affine && !form.codebook && form.leafDtype === form.type.dtype;
  return plain ? form.leaf : name;
}

function withScale(inner: NormalForm, scale: string, zero: string | null, given: number | null, block: number): NormalForm | string {
  if (given === null) return { ...inner, affine: { scale, zero, axis: null, block: 0, over: "weight" } };
  const axis = coreAxis(inner, canonicalAxis(given, inner.shape.length));
  if (axis === null) return "a scale along an axis that a reshape made from permuted axes";
  if (block > 0 && inner.permutation) return "a blocked scale over a permutation";
  return { ...inner, affine: { scale, zero, axis, block, over: "weight" } };
}

/** Axis of the core that is this axis of the weight. */
function coreAxis(form: NormalForm, axis: number): number | null {
  if (!form.permutation) return axis;
  return isReshaped(form) ? null : (form.permutation[axis] ?? null);
}

function isReshaped(form: NormalForm): boolean {
  return !sameNumbers(permutedShape(form), form.shape);
}

function permutedShape({ permutation, coreShape }: NormalForm): readonly number[] {
  return permutation ? permutation.map((axis) => coreShape[axis] as number) : coreShape;
}

/** Values are a vector, so their own form has neither permutation nor sparsity; a scale per value or per group of values stays one. */
const expanded: Rule = ({ constant, shape, formOf }, inner) => {
  const index = constant.operands[1];
  if (!index) return "its index is absent";
  if (inner.sparsity) return "two sparse levels";
  if (inner.permutation) return "stored values are permuted";
  const affine = inner.affine && inner.affine.axis !== null ? { ...inner.affine, over: "values" as const } : inner.affine;
  const { format, n, m, axis } = attrsOf(expand.attrs, constant);
  const groups = format === "nm" ? { n, m, axis: canonicalAxis(axis, shape.length) } : { n: 0, m: 0, axis: 0 };
  return { ...inner, coreShape: shape, affine, sparsity: { format, index: flatLeaf(index, formOf), ...groups } };
};

/** table[codes]. Codes that were expanded from stored ones read entry 0 at the zeros: it must be 0. */
const lookedUp: Rule = ({ module, constant, formOf }, inner) => {
  const table = constant.operands[0];
  if (!table) return "its table is absent";
  if (inner.affine || inner.codebook) return "codes are computed";
  if (module.constants.get(table)?.type.shape.length !== 1) return "its codes stand for vectors";
  const tableForm = formOf(table);
  if (inner.sparsity && !startsWithZero(module, tableForm))
    return `entry 0 of table @${table} is not known to be 0, which the structural zeros read`;
  const entries = Number(module.constants.get(table)?.type.shape[0] ?? 0);
  return { ...inner, codebook: { table, tableForm, codes: inner.leaf, entries } };
};

/** Transposes are outermost: they compose. One that moves only axes of size 1 is a reshape. */
const permuted: Rule = (step, inner) => {
  const rank = inner.shape.length;
  const order = permOf(step.constant, rank);
  if (inner.permutation && isReshaped(inner)) return "a transpose over a reshape over a transpose";
  const wide = order.filter((axis) => inner.shape[axis] !== 1);
  if (wide.every((axis, i) => i === 0 || (wide[i - 1] as number) < axis)) return reshaped(step, inner);
  const under = inner.permutation;
  const permutation = order.map((axis) => (under ? (under[axis] as number) : axis));
  return { ...inner, permutation: permutation.every((axis, i) => axis === i) ? null : permutation };
};

/** Row-major order does not change: it goes below everything that has no axis, through axes that keep their place, and stays on top of a permutation. */
const reshaped: Rule = ({ shape }, inner) => {
  if (inner.permutation) return inner;
  const { affine, sparsity } = inner;
  const axis = affine && affine.axis !== null && affine.over === "weight" ? keptAxis(inner.coreShape, affine.axis, shape) : -1;
  const groups = sparsity?.format === "nm" ? keptAxis(inner.coreShape, sparsity.axis, shape) : -1;
  if (axis === null || groups === null)
    return `a reshape to [${shape.join(", ")}] breaks up the axis of ${axis === null ? "the scale" : "the groups"}`;
  return {
    ...inner,
    coreShape: shape,
    affine: affine && axis >= 0 ? { ...affine, axis } : affine,
    sparsity: sparsity && groups >= 0 ? { ...sparsity, axis: groups } : sparsity,
  };
};

/** The axis of `to` with as many indices and as many elements inside it, or null. */
function keptAxis(from: readonly number[], axis: number, to: readonly number[]): number | null {
  const inside = countOf(from.slice(axis + 1));
  const found = to.findIndex((size, i) => size === from[axis] && countOf(to.slice(i + 1)) === inside);
  return found < 0 ? null : found;
}

/** A cast that keeps every value. After a scale it would round in another dtype, so it stays. */
const widened: Rule = ({ constant }, inner) => {
  const [from, to] = [inner.type.dtype, constant.type.dtype];
  if (inner.affine) return `${constant.op} from ${from} to ${to} after a scale`;
  return keepsValues(from, to) ? inner : `${constant.op} from ${from} to ${to} loses values`;
};

const integersIn: { readonly [D in DType]?: number } = { f64: 53, f32: 24, f16: 11, bf16: 8 };
const widerFloats: { readonly [D in DType]?: readonly DType[] } = { f16: ["f32", "f64"], bf16: ["f32", "f64"], f32: ["f64"] };

function keepsValues(from: DType, to: DType): boolean {
  if (from === to) return true;
  const [a, b] = [dtypeInfo(from), dtypeInfo(to)];
  if (a.kind === "float") return widerFloats[from]?.includes(to) ?? false;
  const magnitude = a.kind === "int" ? a.bits - 1 : a.kind === "bool" ? 1 : a.bits;
  if (b.kind === "float") return magnitude <= (integersIn[to] ?? 0);
  if (b.kind === "bool" || (a.kind === "int" && b.kind === "uint")) return false;
  return magnitude <= (b.kind === "int" ? b.bits - 1 : b.bits);
}

const first = () => 0;
const rules: ReadonlyMap<string, { readonly operand: (step: Step) => number; readonly rule: Rule }> = new Map([
  ["quant.dequantize", { operand: first, rule: dequantized }],
  ["math.mul", { operand: (step: Step) => mulOperand(step.constant, step.module, step.shape), rule: scaled }],
  ["sparse.expand", { operand: first, rule: expanded }],
  ["codebook.lookup", { operand: () => 1, rule: lookedUp }],
  ["shape.transpose", { operand: first, rule: permuted }],
  ["shape.reshape", { operand: first, rule: reshaped }],
  ["type.cast", { operand: first, rule: widened }],
  ["type.unpack", { operand: first, rule: widened }],
]);

/** Which factor is the weight: the one with the product's shape (the first, where both have it). */
function mulOperand(constant: DerivedConstant, module: Module, shape: readonly number[]): number {
  const of = (i: number) => staticShape(module.constants.get(constant.operands[i] ?? "")?.type.shape ?? [-1]) ?? [-1];
  return sameNumbers(of(0), shape) ? 0 : 1;
}

function permOf(constant: DerivedConstant, rank: number): readonly number[] {
  const stored = constant.attrs.get("perm");
  if (stored?.kind !== "list") return Array.from({ length: rank }, (_, i) => rank - 1 - i);
  return stored.value.map((item) => (item.kind === "int" ? Number(item.value) : -1));
}

function attrsOf<S extends AttrSpecs>(specs: S, constant: DerivedConstant): AttrValues<S> {
  const reading = readAttrs(specs, constant.attrs);
  if (!reading.ok)
    throw new TersorError({ code: "E0303", message: `@${constant.name}: ${constant.op}: ${reading.message}`, loc: constant.loc });
  return reading.values as AttrValues<S>;
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

/** Known to hold zeros only; constants without bytes at hand are not known. */
function isAllZero(module: Module, name: string): boolean {
  return dataBytes(module, name)?.every((byte) => byte === 0) ?? false;
}

/** Known to map code 0 to 0. */
function startsWithZero(module: Module, table: WeightForm): boolean {
  if (table.kind === "opaque" || table.permutation || table.sparsity || table.codebook || table.affine?.zero) return false;
  const bytes = dataBytes(module, table.leaf);
  if (!bytes || table.leafCount === 0) return false;
  const [value] = decodeTensor(table.leafDtype, [1], bytes.slice(0, byteLengthOf(table.leafDtype, 1))).data;
  return Number(value) === 0;
}

/** Bytes of a data constant, null where they are not at hand. */
export function dataBytes(module: Module, name: string): Uint8Array | null {
  const constant = module.constants.get(name);
  if (constant?.kind !== "data" || constant.storage.kind === "elided") return null;
  if (constant.storage.kind === "resource" && !module.resources.get(constant.storage.resource)?.bytes) return null;
  return constantBytes(module, constant);
}
