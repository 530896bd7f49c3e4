/** @file What `int.conv` and `int.linear` share: operands and the checks of weights, bias and scales. */
import { type Dim, dimProduct } from "../../core/dim.ts";
import type { TensorType } from "../../core/type.ts";
import type { AxisMap, InferContext, OperandSpec } from "../define.ts";
import { demandDim, demandVector, dimAt } from "../nn/checks.ts";
import { checkOutput, checkZero, type OutputAttrs, productProblem, zeroOf } from "./output.ts";

export const inputZero = { x_zero: zeroOf("x") };

export interface LayerAttrs extends OutputAttrs {
  readonly x_zero: number;
}

/** With 65536 products of at most 255 * 128 a sum still fits i32. */
const mostProducts = 65536;

export const scaleOperands: readonly OperandSpec[] = [
  { name: "bias", role: "bias", axes: ["out"], optional: true, dtypes: ["i32"], doc: "In units of the sum: x's step times the weight's." },
  { name: "multiplier", role: "scale", axes: ["out"], dtypes: ["i32"], doc: "2^30 to 2^31 - 1, or 0: one, or one per output." },
  { name: "shift", role: "scale", axes: ["out"], dtypes: ["i32"], doc: "0 to 62, in the shape of `multiplier`." },
];

/** Everything about the operands but the shapes of x and weight. */
export function checkLayer<A extends LayerAttrs>(ctx: InferContext<A>): void {
  const [x, weight, multiplier, shift] = [ctx.type(0), ctx.type(1), ctx.type(3), ctx.type(4)];
  checkZero(ctx, "x_zero", ctx.attrs.x_zero, x.dtype);
  checkOutput(ctx);
  const products = dimProduct(weight.shape.slice(1));
  if (typeof products === "number" && products > mostProducts)
    ctx.fail(`a sum of ${products} products could overflow i32; at most ${mostProducts} are allowed`, 1);
  const outs = dimAt(weight, 0);
  demandVector(ctx, 2, outs, "bias", "weight makes");
  checkScale(ctx, multiplier, 3, "multiplier", outs);
  checkScale(ctx, shift, 4, "shift", outs);
  if (multiplier.shape.length !== shift.shape.length)
    ctx.fail(`multiplier has rank ${multiplier.shape.length}, shift has rank ${shift.shape.length}`, 4);
  checkKnownScales(ctx);
}

function checkScale<A>(ctx: InferContext<A>, type: TensorType, operand: number, name: string, outs: Dim): void {
  if (type.shape.length === 0) return;
  if (type.shape.length > 1) ctx.fail(`${name} must be a scalar or have rank 1, has rank ${type.shape.length}`, operand);
  demandDim(ctx, dimAt(type, 0), outs, (has, wants) => `${name} has ${has} elements, weight makes ${wants}`, operand);
}

function checkKnownScales<A>(ctx: InferContext<A>): void {
  const [multipliers, shifts] = [ctx.known(3) ?? [], ctx.known(4) ?? []];
  for (const value of multipliers) {
    const problem = typeof value === "number" ? productProblem(value, 0) : null;
    if (problem) ctx.fail(problem, 3);
  }
  for (const value of shifts) {
    const problem = typeof value === "number" ? productProblem(0, value) : null;
    if (problem) ctx.fail(problem, 4);
  }
}

/** Weight, bias and per-channel scales run along the result's channel axis. */
export function outputMaps(types: readonly (TensorType | null)[], channelAxis: number): readonly AxisMap[] {
  return [1, 2, 3, 4].flatMap((operand): readonly AxisMap[] =>
    (types[operand]?.shape.length ?? 0) > 0 ? [{ operand, operandAxes: [0], result: 0, resultAxes: [channelAxis] }] : [],
  );
}
