/**
 * @file The op record. From it come attribute parsing and printing, verification, the interpreter, every kernel's oracle, training, structured pruning,
 * the cost model's work term and OPS.md. One op, or one close family, per file; there is no switch over all ops anywhere.
 */
import type { Attr } from "../core/attr.ts";
import type { Dim } from "../core/dim.ts";
import type { DType } from "../core/dtype.ts";
import type { Operand, ValueId } from "../core/graph.ts";
import type { HostTensor } from "../core/tensor.ts";
import type { TensorType } from "../core/type.ts";
import type { AttrInput, AttrSpecs, AttrValues } from "./attr-spec.ts";
import type { Signature } from "./signature.ts";

export type OperandRole = "data" | "weight" | "bias" | "scale" | "state" | "index";

export interface OperandSpec {
  readonly name: string;
  readonly role: OperandRole;
  /** Named axes for people and for pruning: `out`, `in`, `batch`, `spatial`... `...` stands for any number. */
  readonly axes?: readonly string[];
  readonly optional?: boolean;
  /** The last operand may repeat (concat). */
  readonly variadic?: boolean;
  /** Allowed dtypes; absent: any. Checked before `infer` runs. */
  readonly dtypes?: readonly DType[];
  readonly doc?: string;
}

export interface ResultSpec {
  readonly name: string;
  readonly axes?: readonly string[];
  readonly doc?: string;
}

export interface TypeContext<A> {
  /** Types of the operands, null where absent. */
  readonly types: readonly (TensorType | null)[];
  readonly attrs: A;
}

export interface InferContext<A> extends TypeContext<A> {
  /** Type of a required operand. */
  type(operand: number): TensorType;
  /** Elements of an integer operand when they are known (constant or symbolic), row-major; else null. */
  known(operand: number): readonly Dim[] | null;
  /** Result types written in the text, if any: ops whose result type is not a function of the operands return them. */
  readonly declared: readonly TensorType[] | null;
  /** Signature of a function of the module, null when there is none; absent where functions are not at hand. */
  readonly callee?: (name: string) => Signature | null;
  /** Demands a == b: proved, or added to the function's `require`s, or a failure with `message` and both values. */
  require(a: Dim, b: Dim, message: string, operand?: number): void;
  /** Ends inference with a message; `operand` gets the caret. */
  fail(message: string, operand?: number): never;
}

export interface ReferenceContext<A> {
  readonly inputs: readonly (HostTensor | null)[];
  readonly attrs: A;
  /** Static result types, inferred. */
  readonly outputs: readonly { readonly dtype: DType; readonly shape: readonly number[] }[];
  /** A required input. */
  input(operand: number): HostTensor;
}

/** Runs a function of the module. */
export type CallFunction = (name: string, inputs: readonly (HostTensor | null)[]) => readonly HostTensor[];

/** For the ops that call functions, in place of a reference: their results' sizes are known when they are done. */
export interface ExecuteContext<A> {
  readonly inputs: readonly (HostTensor | null)[];
  readonly attrs: A;
  /** Result types with the sizes that are known, where they were written. */
  readonly declared: readonly TensorType[] | null;
  readonly call: CallFunction;
}

export interface Work {
  /** Multiply-accumulates. */
  readonly macs: Dim;
  /** Other element operations (compares, exps, adds), for the ops that have no MACs. */
  readonly elementOps?: Dim;
}

/** Makes ops. Types are inferred; results are unnamed. */
export interface Builder {
  emit(op: string, operands: readonly Operand[], attrs?: AttrInput): readonly ValueId[];
  /** `emit` for an op with one result. */
  one(op: string, operands: readonly Operand[], attrs?: AttrInput): ValueId;
  /** A constant scalar. */
  scalar(value: number, dtype: DType): Operand;
  typeOf(operand: Operand): TensorType;
}

export interface GradientContext<A> {
  readonly builder: Builder;
  readonly operands: readonly Operand[];
  readonly results: readonly ValueId[];
  /** d loss / d result, null where nothing depends on it. */
  readonly grads: readonly (Operand | null)[];
  readonly attrs: A;
  /** Which operands' gradients are wanted: others may be returned as null. */
  readonly wanted: readonly boolean[];
}

export interface DecomposeContext<A> {
  readonly builder: Builder;
  readonly operands: readonly Operand[];
  readonly attrs: A;
}

/**
 * Index k of the row-major product of `operandAxes` is index k + `offset` of the row-major product of `resultAxes`:
 * one axis to one (element-wise), merges and splits (reshape), concatenation (offset). Without an offset the two products are equal; with one, 0 too,
 * an index whose counterpart is out of range has none.
 */
export interface AxisMap {
  readonly operand: number;
  readonly operandAxes: readonly number[];
  readonly result: number;
  readonly resultAxes: readonly number[];
  readonly offset?: Dim;
}

export interface SelectContext<A> extends TypeContext<A> {
  readonly side: "operand" | "result";
  /** Index of that operand or result, and the axis that is cut to `indices`. */
  readonly index: number;
  readonly axis: number;
  readonly indices: readonly number[];
}

export type Selection = { readonly attrs: AttrInput } | { readonly refuse: string };

export interface OpDef<S extends AttrSpecs = AttrSpecs> {
  readonly name: string;
  /** Version of the op's dialect that introduced it. */
  readonly since: number;
  /** Markdown: formula, shapes, source. */
  readonly doc: string;
  readonly operands: readonly OperandSpec[];
  readonly results: readonly ResultSpec[];
  readonly attrs: S;
  infer(ctx: InferContext<AttrValues<S>>): readonly TensorType[];
  reference(ctx: ReferenceContext<AttrValues<S>>): readonly HostTensor[];
  /** Results of an op that calls functions; such an op's `reference` refuses. */
  execute?(ctx: ExecuteContext<AttrValues<S>>): readonly HostTensor[];
  work(ctx: TypeContext<AttrValues<S>> & { readonly outputs: readonly TensorType[] }): Work;
  /** Gradients of the operands; absent: by `decompose`, or none. */
  gradient?(ctx: GradientContext<AttrValues<S>>): readonly (Operand | null)[];
  /** Why there is no gradient, for the ops that have none by nature (argmax): shown to the user. */
  readonly noGradient?: string;
  decompose?(ctx: DecomposeContext<AttrValues<S>>): readonly Operand[];
  maps?(ctx: TypeContext<AttrValues<S>> & { readonly outputs: readonly TensorType[] }): readonly AxisMap[];
  select?(ctx: SelectContext<AttrValues<S>>): Selection;
  /** The results do not depend on the operand order of the first two operands. */
  readonly commutative?: boolean;
}

/** Types the record by its attributes and checks what the type system cannot. */
export function defineOp<const S extends AttrSpecs>(def: OpDef<S>): OpDef<S> {
  if (!/^[a-z][a-z0-9]*(\.[a-z][a-z0-9_]*)+$/.test(def.name)) throw new RangeError(`op name "${def.name}" must be dialect.name`);
  const names = def.operands.map((o) => o.name);
  if (new Set(names).size !== names.length) throw new RangeError(`${def.name}: two operands share a name`);
  def.operands.forEach((operand, i) => {
    if (operand.variadic && i !== def.operands.length - 1) throw new RangeError(`${def.name}: only the last operand may be variadic`);
  });
  return def;
}

export type StoredAttrs = ReadonlyMap<string, Attr>;
