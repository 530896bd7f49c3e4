/** @file The machinery of element-wise ops: one function of numbers makes a record. Floats compute in f64 and round once; integers wrap as ONNX's do. */
import { dimProduct } from "../../core/dim.ts";
import { type DType, dtypes, isFloat } from "../../core/dtype.ts";
import type { Operand } from "../../core/graph.ts";
import { roundedTensor } from "../../core/rounded.ts";
import { countOf, type HostTensor, hostTensor, type TensorData } from "../../core/tensor.ts";
import { type TensorType, tensorType } from "../../core/type.ts";
import type { AttrSpecs, AttrValues } from "../attr-spec.ts";
import { type Builder, defineOp, type GradientContext, type OpDef, type OperandSpec, type ReferenceContext, type Work } from "../define.ts";
import { broadcastView, stridedLoop, wholeView } from "../shape/strided.ts";
import { broadcastShapes, elementwiseMaps, unbroadcast } from "./broadcast.ts";

export const floats = ["f64", "f32", "f16", "bf16"] as const satisfies readonly DType[];
/** Floats and integers of at least a byte. */
export const numeric: readonly DType[] = dtypes.filter((d) => !["i4", "i2", "u4", "u2", "u1", "bool"].includes(d));

export interface UnarySpec<S extends AttrSpecs> {
  readonly name: string;
  readonly doc: string;
  readonly attrs?: S;
  readonly dtypes?: readonly DType[];
  f(x: number, attrs: AttrValues<S>): number;
  /** For 64-bit integers, where numbers would lose bits. */
  big?(x: bigint, attrs: AttrValues<S>): bigint;
  /** d loss / d x. */
  gradient?(g: UnaryGradient<S>): Operand;
  readonly noGradient?: string;
}

export interface UnaryGradient<S extends AttrSpecs> {
  readonly builder: Builder;
  readonly x: Operand;
  readonly y: Operand;
  readonly dy: Operand;
  readonly attrs: AttrValues<S>;
  readonly dtype: DType;
  mul(a: Operand, b: Operand): Operand;
}

export function defineUnary<const S extends AttrSpecs = Record<never, never>>(spec: UnarySpec<S>): OpDef<S> {
  return defineOp<S>({
    name: spec.name,
    since: 1,
    doc: spec.doc,
    operands: [{ name: "x", role: "data", axes: ["..."], dtypes: spec.dtypes ?? floats, doc: "any shape" }],
    results: [{ name: "y", axes: ["..."] }],
    attrs: (spec.attrs ?? {}) as S,
    infer: (ctx) => [ctx.type(0)],
    reference: (ctx) => [applyUnary(ctx, spec)],
    work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
    maps: ({ types, outputs }) => elementwiseMaps([types[0]?.shape ?? null], outputs[0]?.shape ?? []),
    ...(spec.gradient ? { gradient: (ctx: GradientContext<AttrValues<S>>) => [unaryGradient(ctx, spec)] } : {}),
    ...(spec.noGradient ? { noGradient: spec.noGradient } : {}),
  });
}

function unaryGradient<S extends AttrSpecs>(ctx: GradientContext<AttrValues<S>>, spec: UnarySpec<S>): Operand {
  const { builder, operands, results, grads, attrs } = ctx;
  const [x = null] = operands;
  const mul = (a: Operand, b: Operand) => builder.one("math.mul", [a, b]);
  const dtype = builder.typeOf(x).dtype;
  return spec.gradient?.({ builder, x, y: results[0] ?? null, dy: grads[0] ?? null, attrs, dtype, mul }) ?? null;
}

function applyUnary<S extends AttrSpecs>(ctx: ReferenceContext<AttrValues<S>>, spec: UnarySpec<S>): HostTensor {
  const x = ctx.input(0);
  const { data } = x;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    const y = hostTensor(x.dtype, x.shape);
    if (!spec.big) throw new RangeError(`${spec.name} has no function of 64-bit integers`);
    for (let i = 0; i < data.length; i++) y.data[i] = spec.big(data[i] as bigint, ctx.attrs);
    return y;
  }
  if (x.dtype === "f32" || !isFloat(x.dtype)) {
    const y = hostTensor(x.dtype, x.shape);
    for (let i = 0; i < data.length; i++) y.data[i] = spec.f(data[i] as number, ctx.attrs);
    return y;
  }
  const values = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) values[i] = spec.f(data[i] as number, ctx.attrs);
  return roundedTensor(x.dtype, x.shape, values);
}

export interface BinarySpec {
  readonly name: string;
  readonly doc: string;
  readonly dtypes?: readonly DType[];
  readonly commutative?: boolean;
  f(x: number, y: number): number;
  big(x: bigint, y: bigint): bigint;
  /** Integers narrower than 64 bits; default `f`, wrapped by the typed array. */
  integer?(x: number, y: number): number;
  /** [d loss / d x, d loss / d y] before broadcasting is undone. */
  gradient?(g: BinaryGradient): readonly [Operand, Operand];
  readonly noGradient?: string;
}

export interface BinaryGradient {
  readonly builder: Builder;
  readonly x: Operand;
  readonly y: Operand;
  readonly z: Operand;
  readonly dz: Operand;
  make(op: string, ...operands: readonly Operand[]): Operand;
}

export function defineBinary(spec: BinarySpec): OpDef {
  return defineOp({
    name: spec.name,
    since: 1,
    doc: spec.doc,
    operands: [
      { name: "x", role: "data", axes: ["..."], dtypes: spec.dtypes ?? numeric, doc: "any shape" },
      { name: "y", role: "data", axes: ["..."], dtypes: spec.dtypes ?? numeric, doc: "a shape that broadcasts with x" },
    ],
    results: [{ name: "z", axes: ["..."] }],
    attrs: {},
    ...(spec.commutative ? { commutative: true } : {}),
    infer(ctx) {
      const [x, y] = [ctx.type(0), ctx.type(1)];
      if (x.dtype !== y.dtype) ctx.fail(`x is ${x.dtype}, y is ${y.dtype}`, 1);
      return [tensorType(x.dtype, broadcastShapes(ctx, x.shape, y.shape))];
    },
    reference: (ctx) => [applyBinary(ctx, spec)],
    work: ({ outputs }) => ({ macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) }),
    maps: ({ types, outputs }) => elementwiseMaps([types[0]?.shape ?? null, types[1]?.shape ?? null], outputs[0]?.shape ?? []),
    ...(spec.gradient ? { gradient: (ctx: GradientContext<object>) => binaryGradient(ctx, spec) } : {}),
    ...(spec.noGradient ? { noGradient: spec.noGradient } : {}),
  });
}

function binaryGradient(ctx: GradientContext<object>, spec: BinarySpec): readonly (Operand | null)[] {
  const { builder, operands, results, grads, wanted } = ctx;
  const [x = null, y = null] = operands;
  const make = (op: string, ...of: readonly Operand[]) => builder.one(op, of);
  const pair = spec.gradient?.({ builder, x, y, z: results[0] ?? null, dz: grads[0] ?? null, make }) ?? [null, null];
  return [x, y].map((operand, i) => (wanted[i] && pair[i] !== null ? unbroadcast(builder, pair[i] as Operand, operand) : null));
}

function applyBinary(ctx: ReferenceContext<object>, spec: BinarySpec): HostTensor {
  const [x, y] = [ctx.input(0), ctx.input(1)];
  const out = ctx.outputs[0]?.shape ?? [];
  if (x.data instanceof BigInt64Array || x.data instanceof BigUint64Array) {
    const z = hostTensor(x.dtype, out);
    combine(x, y, out, z.data as { [index: number]: bigint }, spec.big);
    return z;
  }
  if (x.dtype === "f32") {
    const z = hostTensor(x.dtype, out);
    combine(x, y, out, z.data as { [index: number]: number }, spec.f);
    return z;
  }
  if (!isFloat(x.dtype)) {
    const z = hostTensor(x.dtype, out);
    combine(x, y, out, z.data as { [index: number]: number }, spec.integer ?? spec.f);
    return z;
  }
  const values = new Float64Array(countOf(out));
  combine(x, y, out, values, spec.f);
  return roundedTensor(x.dtype, out, values);
}

/** z = f(x, y) with broadcasting; tensors of one shape are a single run. */
export function combine<T extends number | bigint, R>(
  x: HostTensor,
  y: HostTensor,
  out: readonly number[],
  z: { [index: number]: R },
  f: (a: T, b: T) => R,
): void {
  const [a, b] = [x.data as unknown as ArrayLike<T>, y.data as unknown as ArrayLike<T>];
  const loop = stridedLoop(out, [broadcastView(x.shape, out), broadcastView(y.shape, out), wholeView(out)]);
  const [stepX = 0, stepY = 0] = loop.steps;
  loop.forEach(([i = 0, j = 0, k = 0]) => {
    combineRun(loop.length, a, i, stepX, b, j, stepY, z, k, f);
  });
}

function combineRun<T, R>(
  n: number,
  x: ArrayLike<T>,
  i: number,
  stepX: number,
  y: ArrayLike<T>,
  j: number,
  stepY: number,
  z: { [index: number]: R },
  k: number,
  f: (a: T, b: T) => R,
): void {
  for (let e = 0; e < n; e++) z[k + e] = f(x[i + e * stepX] as T, y[j + e * stepY] as T);
}

/** Data of 64-bit integers. */
export type Wide = BigInt64Array | BigUint64Array;

/** The operand spec of an element-wise op. */
export function elementOperand(name: string, allowed: readonly DType[] = floats): OperandSpec {
  return { name, role: "data", axes: ["..."], dtypes: allowed, doc: "any shape" };
}

export function isWide(data: TensorData): data is Wide {
  return data instanceof BigInt64Array || data instanceof BigUint64Array;
}

/** One operation per element of the result. */
export function elementWork({ outputs }: { readonly outputs: readonly TensorType[] }): Work {
  return { macs: 0, elementOps: dimProduct(outputs[0]?.shape ?? []) };
}
