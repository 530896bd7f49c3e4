/**
 * @file What LSTM, GRU and the simple recurrent layer share: operands, types, and the loop over a sequence. Rows of a batch do not depend on each other: each runs over its own
 * length, so that a reversed sequence begins at its last valid step.
 */
import { type Dim, dimAdd, dimMul, dimProduct } from "../../core/dim.ts";
import { TersorError } from "../../core/problem.ts";
import { asFloat64, roundedTensor } from "../../core/rounded.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { type TensorType, tensorType } from "../../core/type.ts";
import { a } from "../attr-spec.ts";
import type { InferContext, OperandSpec, ReferenceContext, TypeContext, Work } from "../define.ts";
import { demandDim, demandVector, dimAt, floats } from "./checks.ts";
import { addProducts } from "./dot-products.ts";

export const commonOperands = [
  { name: "x", role: "data", axes: ["time", "batch", "in"], dtypes: floats },
  { name: "weight", role: "weight", axes: ["gates*hidden", "in"], dtypes: floats },
  { name: "recurrence", role: "weight", axes: ["gates*hidden", "hidden"], dtypes: floats },
  {
    name: "bias",
    role: "bias",
    axes: ["2*gates*hidden"],
    optional: true,
    dtypes: floats,
    doc: "of the product by `weight`, then of that by `recurrence`",
  },
  { name: "h0", role: "state", axes: ["batch", "hidden"], optional: true, dtypes: floats, doc: "zeros when absent" },
] as const satisfies readonly OperandSpec[];

export const lengthsOperand = {
  name: "lengths",
  role: "index",
  axes: ["batch"],
  optional: true,
  dtypes: ["i32", "i64"],
  doc: "valid steps of each row; all when absent",
} as const satisfies OperandSpec;

export const hiddenResults = [
  { name: "y", axes: ["time", "batch", "hidden"], doc: "the state after each step; zeros beyond a row's length" },
  { name: "h", axes: ["batch", "hidden"], doc: "the state after the last valid step; zeros for a row without one" },
] as const;

export const loopAttrs = {
  reverse: a.bool("from each row's last valid step to the first", false),
  alpha: a.floats("first constant of each function, in the order of the attributes; absent: 0", []),
  beta: a.floats("second constant of each function; absent: 0", []),
  clip: a.float("bounds what functions are applied to, the state that leaves the cell excepted, to [-clip, clip]; 0: no bound", 0),
} as const;

export const noRecurrentGradient = "training through a recurrence is not supported: only layers after it can be trained";

/** Checks the operands that all have, `lengths` at `lengthsAt`; the types of y and h. */
export function inferLoop<A>(
  ctx: InferContext<A>,
  gates: number,
  lengthsAt: number,
  names: readonly string[],
): readonly [TensorType, TensorType] {
  const [x, weight, recurrence] = [ctx.type(0), ctx.type(1), ctx.type(2)];
  names.forEach((name, i) => {
    const type = ctx.types[i];
    if (type && i !== lengthsAt && type.dtype !== x.dtype) ctx.fail(`x is ${x.dtype}, ${name} is ${type.dtype}`, i);
  });
  demandRank(ctx, 0, x, 3, "x is [time, batch, in]");
  demandRank(ctx, 1, weight, 2, `weight is [${gates} * hidden, in]`);
  demandRank(ctx, 2, recurrence, 2, `recurrence is [${gates} * hidden, hidden]`);
  const [hidden, batch] = [dimAt(recurrence, 1), dimAt(x, 1)];
  const rows = dimMul(gates, hidden);
  demandDim(ctx, dimAt(x, 2), dimAt(weight, 1), (has, wants) => `x has ${has} features, weight expects ${wants}`, 1);
  demandDim(ctx, dimAt(weight, 0), rows, (has, wants) => `weight has ${has} rows, ${gates} gates of recurrence's columns are ${wants}`, 1);
  demandDim(ctx, dimAt(recurrence, 0), rows, (has, wants) => `recurrence has ${has} rows, ${gates} gates of its columns are ${wants}`, 2);
  demandVector(ctx, 3, dimMul(2, rows), "bias", "two for each row of weight are");
  demandState(ctx, 4, "h0", batch, hidden);
  demandVector(ctx, lengthsAt, batch, "lengths", "the batch is");
  return [tensorType(x.dtype, [dimAt(x, 0), batch, hidden]), tensorType(x.dtype, [batch, hidden])];
}

export function demandState<A>(ctx: InferContext<A>, operand: number, name: string, batch: Dim, hidden: Dim): void {
  const type = ctx.types[operand];
  if (!type) return;
  demandRank(ctx, operand, type, 2, `${name} is [batch, hidden]`);
  demandDim(ctx, dimAt(type, 0), batch, (has, wants) => `${name} has ${has} rows, the batch is ${wants}`, operand);
  demandDim(ctx, dimAt(type, 1), hidden, (has, wants) => `${name} has ${has} columns, recurrence ${wants}`, operand);
}

function demandRank<A>(ctx: InferContext<A>, operand: number, { shape }: TensorType, rank: number, message: string): void {
  if (shape.length !== rank) ctx.fail(`${message}, rank ${rank}; got rank ${shape.length}`, operand);
}

/** Both products at every step. */
export function loopWork<A>({ types, outputs }: TypeContext<A> & { readonly outputs: readonly TensorType[] }): Work {
  const [x, weight, recurrence] = types;
  const steps = dimProduct(x?.shape.slice(0, 2) ?? []);
  const product = (matrix: TensorType | null | undefined) => dimMul(steps, dimProduct(matrix?.shape ?? []));
  const gates = dimMul(steps, weight?.shape[0] ?? 0);
  return { macs: dimAdd(product(weight), product(recurrence)), elementOps: dimAdd(gates, dimProduct(outputs[0]?.shape ?? [])) };
}

/** What a cell sees of one row at one step. */
export interface CellInput {
  /** weight * x + its bias, [gates * hidden]. */
  readonly x: Float64Array;
  /** The state before, [hidden]; the cell overwrites it. */
  readonly h: Float64Array;
  /** recurrence * state + its bias for `count` gates from `first` on. */
  recur(state: Float64Array, first: number, count: number): Float64Array;
  readonly row: number;
}

/** Runs `cell` over every row of the batch; y and h, in f64 and rounded once. */
export function runLoop<A extends { readonly reverse: boolean }>(
  ctx: ReferenceContext<A>,
  gates: number,
  lengthsAt: number,
  cell: (input: CellInput) => void,
): readonly [HostTensor, HostTensor] {
  const x = ctx.input(0);
  const [time = 0, batch = 0, features = 0] = x.shape;
  const hidden = ctx.input(2).shape[1] ?? 0;
  const [inputs, weight, recurrence] = [0, 1, 2].map((i) => asFloat64(ctx.input(i).data)) as [Float64Array, Float64Array, Float64Array];
  const rows = gates * hidden;
  const bias = optional(ctx, 3, 2 * rows);
  const [y, last] = [new Float64Array(time * batch * hidden), new Float64Array(batch * hidden)];
  const start = optional(ctx, 4, batch * hidden);
  const recur: CellInput["recur"] = (state, first, count) => {
    const sums = bias.slice(rows + first * hidden, rows + (first + count) * hidden);
    addProducts(1, sums.length, hidden, state, recurrence.subarray(first * hidden * hidden), sums, 0, sums.length);
    return sums;
  };
  for (let row = 0; row < batch; row++) {
    const length = lengthOf(ctx, lengthsAt, row, time);
    const h = start.slice(row * hidden, (row + 1) * hidden);
    for (let step = 0; step < length; step++) {
      const at = (ctx.attrs.reverse ? length - 1 - step : step) * batch + row;
      const sums = bias.slice(0, rows);
      addProducts(1, rows, features, inputs.subarray(at * features, (at + 1) * features), weight, sums, 0, rows);
      cell({ x: sums, h, recur, row });
      y.set(h, at * hidden);
    }
    if (length > 0) last.set(h, row * hidden);
  }
  return [roundedTensor(x.dtype, [time, batch, hidden], y), roundedTensor(x.dtype, [batch, hidden], last)];
}

function lengthOf<A>(ctx: ReferenceContext<A>, at: number, row: number, time: number): number {
  const lengths = ctx.inputs[at];
  if (!lengths) return time;
  const length = Number(lengths.data[row]);
  if (length < 0 || length > time)
    throw new TersorError({ code: "E0503", message: `lengths[${row}] is ${length}, outside 0..${time}`, operand: at });
  return length;
}

/** An absent operand is zeros. */
export function optional<A>(ctx: ReferenceContext<A>, operand: number, count: number): Float64Array {
  const tensor = ctx.inputs[operand];
  return tensor ? asFloat64(tensor.data) : new Float64Array(count);
}

/** Bounds what a function is applied to. */
export function clipper(clip: number): (x: number) => number {
  return clip > 0 ? (x) => Math.min(Math.max(x, -clip), clip) : (x) => x;
}
