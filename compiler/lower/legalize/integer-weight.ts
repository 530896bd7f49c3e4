/**
 * @file A weight as integers and scales: the same definition with the scale taken out, so that the compressed form survives. A mask, a codebook, sub-byte codes, transposes and
 * reshapes stay definitions over integers; nothing is evaluated but a zero point that must be subtracted from plain data.
 */
import { type DerivedConstant, type HostTensor, hostTensor, staticShape } from "../../../ir-spec/index.ts";
import type { Reader } from "./cluster.ts";
import type { Recipe } from "./step.ts";

export interface IntegerWeight {
  /** i8, zero point 0. */
  readonly codes: Recipe;
  /** One, or one per index of `axis`. */
  readonly scales: readonly number[];
  /** null: one scale for all. */
  readonly axis: number | null;
}

type Found = IntegerWeight | { readonly refuse: string };

/** @returns the integers behind a float constant, or why there are none */
export function integerWeight(reader: Reader, name: string): Found {
  const constant = reader.definition(name);
  if (!constant) return { refuse: `@${name} is no dequantized integers` };
  const rule = rules[constant.op];
  return rule ? rule(reader, constant) : { refuse: `@${name} is defined by ${constant.op}` };
}

type DefinitionRule = (reader: Reader, constant: DerivedConstant) => Found;

const rules: Readonly<Record<string, DefinitionRule>> = {
  "quant.dequantize": dequantized,
  "sparse.expand": expanded,
  "codebook.lookup": lookedUp,
  "shape.transpose": transposed,
  "shape.reshape": reshaped,
};

function dequantized(reader: Reader, constant: DerivedConstant): Found {
  const [codes, scale, zero] = constant.operands;
  if (!codes || !scale) return { refuse: `@${constant.name} lacks an operand` };
  const attrs = attrsOf(reader, constant);
  if (attrs.block !== 0) return { refuse: `the scales of @${constant.name} are in blocks` };
  const scales = Array.from(reader.constant(scale).data, Number);
  if (scales.some((value) => !(value > 0 && Number.isFinite(value)))) return { refuse: `@${scale} has a scale that is not positive` };
  const centred = withoutZero(reader, codes, zero ?? null, scales.length === 1 ? null : Number(attrs.axis));
  if (typeof centred === "object" && "refuse" in centred) return centred;
  const rank = constant.type.shape.length;
  const axis = Number(attrs.axis) < 0 ? Number(attrs.axis) + rank : Number(attrs.axis);
  return { codes: centred, scales, axis: reader.typeOf(scale).shape.length === 0 ? null : axis };
}

/** Codes as i8 that mean the same with zero point 0. */
function withoutZero(reader: Reader, codes: string, zero: string | null, axis: number | null): Recipe | { readonly refuse: string } {
  const { dtype } = reader.typeOf(codes);
  const zeros = zero === null ? [0] : Array.from(reader.constant(zero).data, Number);
  if (dtype === "i8" && zeros.every((value) => value === 0)) return codes;
  if ((dtype === "i4" || dtype === "i2") && zeros.every((value) => value === 0))
    return { kind: "derived", name: `${codes}.wide`, op: "type.unpack", operands: [codes], attrs: {} };
  if (dtype !== "i8" && dtype !== "u8") return { refuse: `@${codes} is ${dtype}${zeros.some((z) => z !== 0) ? " with a zero point" : ""}` };
  if (reader.definition(codes)) return { refuse: `@${codes} has a zero point and is compressed` };
  const value = reader.constant(codes);
  const shifted = subtract(value, zeros, axis);
  return shifted ? { kind: "data", name: `${codes}.centred`, value: shifted } : { refuse: `@${codes} less its zero point does not fit i8` };
}

function subtract(value: HostTensor, zeros: readonly number[], axis: number | null): HostTensor | null {
  const inner = axis === null ? value.data.length : value.shape.slice(axis + 1).reduce((n, size) => n * size, 1);
  const codes = Int16Array.from(value.data as ArrayLike<number>, (code, i) => {
    return code - (zeros[zeros.length === 1 ? 0 : Math.floor(i / inner) % zeros.length] as number);
  });
  return codes.every((code) => code >= -128 && code <= 127) ? hostTensor("i8", value.shape, Int8Array.from(codes)) : null;
}

/** Structural zeros stay zeros, as there is no zero point. */
function expanded(reader: Reader, constant: DerivedConstant): Found {
  const [values, index] = constant.operands;
  const inner = integerWeight(reader, values ?? "");
  if ("refuse" in inner) return inner;
  if (inner.axis !== null) return { refuse: `the stored values of @${constant.name} have scales in groups` };
  return derived(reader, constant, inner, [inner.codes, index ?? null], null);
}

/** Integer table, same codes. */
function lookedUp(reader: Reader, constant: DerivedConstant): Found {
  const [table, codes] = constant.operands;
  const inner = integerWeight(reader, table ?? "");
  if ("refuse" in inner) return inner;
  if (inner.axis !== null && inner.scales.length > 1) return { refuse: `the table of @${constant.name} has several scales` };
  return derived(reader, constant, inner, [inner.codes, codes ?? null], null);
}

function transposed(reader: Reader, constant: DerivedConstant): Found {
  const inner = integerWeight(reader, constant.operands[0] ?? "");
  if ("refuse" in inner) return inner;
  const rank = constant.type.shape.length;
  const given = attrsOf(reader, constant).perm as readonly number[];
  const perm = given.length === 0 ? Array.from({ length: rank }, (_, i) => rank - 1 - i) : given;
  const axis = inner.axis === null ? null : perm.indexOf(inner.axis);
  return derived(reader, constant, inner, [inner.codes], axis);
}

function reshaped(reader: Reader, constant: DerivedConstant): Found {
  const inner = integerWeight(reader, constant.operands[0] ?? "");
  if ("refuse" in inner) return inner;
  if (inner.axis === null || inner.scales.length === 1) return derived(reader, constant, inner, [inner.codes], null);
  const [from, to] = [staticShape(reader.typeOf(constant.operands[0] ?? null).shape) ?? [], staticShape(constant.type.shape) ?? []];
  const inside = (shape: readonly number[], axis: number) => shape.slice(axis + 1).reduce((n, size) => n * size, 1);
  const source = inner.axis;
  const axis = to.findIndex((size, i) => size === from[source] && inside(to, i) === inside(from, source));
  return axis < 0
    ? { refuse: `@${constant.name} breaks up the axis of the scales` }
    : derived(reader, constant, inner, [inner.codes], axis);
}

function derived(
  reader: Reader,
  constant: DerivedConstant,
  inner: IntegerWeight,
  operands: readonly (Recipe | null)[],
  axis: number | null,
): IntegerWeight {
  const codes: Recipe = { kind: "derived", name: `${constant.name}.codes`, op: constant.op, operands, attrs: attrsOf(reader, constant) };
  return { codes, scales: inner.scales, axis };
}

function attrsOf(reader: Reader, constant: DerivedConstant): Readonly<Record<string, unknown>> {
  return reader.registry.attrs(reader.registry.require(constant.op), constant.attrs);
}
