/** @file What the ops of the dialect share: attributes of the result and of zero points, their checks, and the saturation at the end. */
import { type DType, integerRange } from "../../core/dtype.ts";
import { TersorError } from "../../core/problem.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { a } from "../attr-spec.ts";
import type { InferContext } from "../define.ts";
import { roundShiftProduct } from "./fixed-point.ts";

/** Dtypes of activations. */
export const bytes = ["i8", "u8"] as const satisfies readonly DType[];

export const noGradient = "its values are integers; train with quant.fake and quantize afterwards";

export const zeroOf = (name: string) => a.int(`zero point of ${name}, in the range of its dtype`, 0);

export const outputAttrs = {
  y_zero: zeroOf("y"),
  to: a.dtype("dtype of the result, i8 or u8", "i8"),
  min: a.int("least result (a fused relu has the zero point here); cut to the range of `to`", -128),
  max: a.int("largest result; cut to the range of `to`", 255),
};

export interface OutputAttrs {
  readonly y_zero: number;
  readonly to: DType;
  readonly min: number;
  readonly max: number;
}

/** Scale of one whole tensor, for sums of at most 31 bits. */
export const productAttrs = {
  multiplier: a.int("factor of the sum: 2^30 to 2^31 - 1, or 0"),
  shift: a.int("places that the product is shifted right, 0 to 62, halves rounded up"),
};

/** The interval that results are clamped to. */
export function resultRange({ to, min, max }: OutputAttrs): readonly [number, number] {
  const range = integerRange(to);
  return [Math.max(min, Number(range.min)), Math.min(max, Number(range.max))];
}

export function checkOutput<A extends OutputAttrs>(ctx: InferContext<A>): void {
  const { to } = ctx.attrs;
  if (to !== "i8" && to !== "u8") ctx.fail(`to is ${to}, must be i8 or u8`);
  checkZero(ctx, "y_zero", ctx.attrs.y_zero, to);
  const [least, most] = resultRange(ctx.attrs);
  if (least > most) ctx.fail(`no ${to} lies between min ${ctx.attrs.min} and max ${ctx.attrs.max}`);
}

export function checkZero<A>(ctx: InferContext<A>, name: string, zero: number, dtype: DType): void {
  const { min, max } = integerRange(dtype);
  if (zero < min || zero > max) ctx.fail(`${name} is ${zero}, ${dtype} goes from ${min} to ${max}`);
}

export function checkBetween<A>(ctx: InferContext<A>, name: string, value: number, least: number, most: number): void {
  if (value < least || value > most) ctx.fail(`${name} is ${value}, must be ${least} to ${most}`);
}

/** Why a multiplier or a shift of a product is none, or null. */
export function productProblem(multiplier: number, shift: number): string | null {
  if (multiplier !== 0 && (multiplier < 2 ** 30 || multiplier >= 2 ** 31))
    return `multiplier is ${multiplier}, must be 2^30 to 2^31 - 1, or 0`;
  return shift < 0 || shift > 62 ? `shift is ${shift}, must be 0 to 62` : null;
}

export function checkProduct<A extends { readonly multiplier: number; readonly shift: number }>(ctx: InferContext<A>): void {
  const problem = productProblem(ctx.attrs.multiplier, ctx.attrs.shift);
  if (problem) ctx.fail(problem);
}

/** `x - zero` as doubles, in which sums of products are exact. */
export function centred(x: HostTensor, zero: number): Float64Array {
  const values = new Float64Array(x.data.length);
  for (let i = 0; i < values.length; i++) values[i] = (x.data[i] as number) - zero;
  return values;
}

/** A tensor that stores what `scaled(i)` gives, plus the zero point, clamped. */
export function saturated(shape: readonly number[], attrs: OutputAttrs, scaled: (index: number) => number): HostTensor {
  const y = hostTensor(attrs.to, shape);
  const [least, most] = resultRange(attrs);
  for (let i = 0; i < y.data.length; i++) y.data[i] = Math.min(most, Math.max(least, scaled(i) + attrs.y_zero));
  return y;
}

/** Multiplier and shift per output channel, from operands that are scalars or vectors. */
export interface ChannelScales {
  multiplier(channel: number): number;
  shift(channel: number): number;
}

/** @throws TersorError E0503 on a value outside the contract */
export function channelScales(op: string, multiplier: HostTensor, shift: HostTensor): ChannelScales {
  const at = (tensor: HostTensor, channel: number) => Number(tensor.data[tensor.shape.length === 0 ? 0 : channel]);
  for (let i = 0; i < multiplier.data.length; i++) {
    const problem = productProblem(at(multiplier, i), at(shift, i));
    if (problem) throw new TersorError({ code: "E0503", message: `${op}: ${problem} (channel ${i})`, operand: 3 });
  }
  return { multiplier: (channel) => at(multiplier, channel), shift: (channel) => at(shift, channel) };
}

/** Results of `[outer, channels, inner]` sums, which wrap to i32 as the accumulators of kernels do. */
export function scaledByChannel(
  sums: Float64Array,
  shape: readonly number[],
  attrs: OutputAttrs,
  scales: ChannelScales,
  channels: number,
  inner: number,
): HostTensor {
  return saturated(shape, attrs, (i) => {
    const channel = Math.floor(i / inner) % channels;
    return roundShiftProduct((sums[i] as number) | 0, scales.multiplier(channel), scales.shift(channel));
  });
}
