/**
 * @file A cluster: a float op between dequantized operands and the `quant.quantize` of its result, as rules see it. Relu and clip between the op and the quantize are part of it: as
 * quantization is monotonic, they are bounds on the codes.
 */
import {
  type EditableOp,
  evaluateConstant,
  evaluateOp,
  type FunctionEditor,
  type HostTensor,
  hostTensor,
  type Module,
  type Operand,
  type OpRegistry,
  type TensorType,
  type ValueId,
} from "../../../ir-spec/index.ts";
import type { Step } from "./step.ts";

/** Scale and zero point of a whole tensor of bytes. */
export interface Affine {
  readonly dtype: "i8" | "u8";
  readonly scale: number;
  readonly zero: number;
}

/** Bounds on float values: what relu and clip leave. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
}

export const unbounded: Bounds = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };

export interface Dequantized extends Affine {
  /** The bytes: a value or a constant. */
  readonly codes: ValueId | string;
  readonly type: TensorType;
}

export type Answer = readonly Step[] | { readonly refuse: string };

export interface Cluster {
  /** The float op. */
  readonly op: EditableOp;
  readonly attrs: Readonly<Record<string, unknown>>;
  /** The quantize op that ends it. */
  readonly root: EditableOp;
  readonly out: Affine;
  readonly bounds: Bounds;
  readonly reader: Reader;
}

/** A rule for ops of some names. */
export interface Rule {
  readonly ops: readonly string[];
  apply(cluster: Cluster): Answer;
}

export function refuse(why: string): { readonly refuse: string } {
  return { refuse: why };
}

/** Reads a function under edit: definitions, quantized operands, values of constants. */
export class Reader {
  readonly body: FunctionEditor;
  readonly registry: OpRegistry;
  private readonly base: Module;
  private readonly values = new Map<string, HostTensor>();

  constructor(base: Module, body: FunctionEditor, registry: OpRegistry) {
    [this.base, this.body, this.registry] = [base, body, registry];
  }

  attrs(op: EditableOp): Readonly<Record<string, unknown>> {
    return this.registry.attrs(this.registry.require(op.name), op.attrs);
  }

  /** A constant of the module that came in. */
  constant(name: string): HostTensor {
    return evaluateConstant(this.base, this.registry, name, this.values);
  }

  definition(name: string) {
    const constant = this.base.constants.get(name);
    return constant?.kind === "derived" ? constant : null;
  }

  typeOf(operand: Operand): TensorType {
    return this.body.typeOf(operand);
  }

  /** The op that defines the value, when nothing but `user` reads it. */
  soleProducer(operand: Operand | undefined): EditableOp | null {
    if (typeof operand !== "number" || this.body.users(operand).length !== 1 || this.body.isReturned(operand)) return null;
    return this.body.def(operand);
  }

  /** What a dequantize makes of bytes with one scale, or null. */
  dequantized(operand: Operand | undefined): Dequantized | null {
    if (operand === null || operand === undefined) return null;
    const op = typeof operand === "string" ? this.definition(operand) : this.body.def(operand);
    const name = op && "op" in op ? op.op : op?.name;
    if (!op || name !== "quant.dequantize") return null;
    const [codes, scale, zero = null] = op.operands;
    if (codes === null || codes === undefined) return null;
    const type = this.typeOf(codes);
    const affine = this.affine(type.dtype, scale, zero);
    return affine ? { ...affine, codes, type } : null;
  }

  /** What the quantize op makes, when it is bytes with one constant scale. */
  quantized(root: EditableOp): Affine | null {
    const type = this.body.info(root.results[0] as ValueId).type;
    return this.affine(type.dtype, root.operands[1], root.operands[2] ?? null);
  }

  private affine(dtype: string, scale: Operand | undefined, zero: Operand): Affine | null {
    if (dtype !== "i8" && dtype !== "u8") return null;
    if (typeof scale !== "string" || typeof zero === "number") return null;
    const [s, z] = [this.single(scale), zero === null ? 0 : this.single(zero)];
    return s !== null && z !== null && s > 0 && Number.isFinite(s) ? { dtype, scale: s, zero: z } : null;
  }

  /** The one element of a constant. A vector of one scale along an axis of size 1 is that scale, too. */
  private single(name: string): number | null {
    const value = this.constant(name);
    return value.data.length === 1 ? Number(value.data[0]) : null;
  }
}

export function sameAffine(a: Affine, b: Affine): boolean {
  return a.dtype === b.dtype && a.scale === b.scale && a.zero === b.zero;
}

/** Least and largest code under the bounds: what `quant.quantize` makes of them. */
export function codeBounds(cluster: Pick<Cluster, "out" | "bounds" | "reader">): { readonly min: number; readonly max: number } {
  const { out, bounds, reader } = cluster;
  const [min, max] = codesOf(reader.registry, out, [bounds.low, bounds.high]);
  return { min: min as number, max: max as number };
}

/** Codes of float values. */
export function codesOf(registry: OpRegistry, out: Affine, values: readonly number[]): readonly number[] {
  const floats = hostTensor("f32", [values.length], Float32Array.from(values));
  const [codes] = evaluateOp(registry, "quant.quantize", [floats, ...paramTensors(out)], toAttr(out));
  return Array.from((codes as HostTensor).data, Number);
}

/** Scale and zero point as tensors. */
export function paramTensors({ dtype, scale, zero }: Affine): readonly [HostTensor, HostTensor] {
  const code = dtype === "i8" ? Int8Array.of(zero) : Uint8Array.of(zero);
  return [hostTensor("f32", [], Float32Array.of(scale)), hostTensor(dtype, [], code)];
}

export function toAttr({ dtype }: Affine): ReadonlyMap<string, { readonly kind: "enum"; readonly value: string }> {
  return dtype === "i8" ? new Map() : new Map([["to", { kind: "enum", value: dtype }]]);
}

/** Attributes of the result that all ops of the dialect have. */
export function outputAttrs(cluster: Cluster): {
  readonly y_zero: number;
  readonly to: string;
  readonly min?: number;
  readonly max?: number;
} {
  const { min, max } = codeBounds(cluster);
  const [least, most] = cluster.out.dtype === "i8" ? [-128, 127] : [0, 255];
  return {
    y_zero: cluster.out.zero,
    to: cluster.out.dtype,
    ...(min > least ? { min } : {}),
    ...(max < most ? { max } : {}),
  };
}
