/** @file What the scatter ops do where an element is written: replace it, or combine it with what is there, in the order of the updates. */
import { isFloat } from "../../core/dtype.ts";
import { roundedTensor } from "../../core/rounded.ts";
import { type HostTensor, hostTensor } from "../../core/tensor.ts";
import { a } from "../attr-spec.ts";
import type { InferContext } from "../define.ts";

/** Names as ONNX has them. */
export const scatterReduction = a.enum(
  ["none", "add", "mul", "min", "max"],
  "How an update meets the element that is there; updates of one element follow each other in row-major order.",
  "none",
);

export type ScatterReduction = "none" | "add" | "mul" | "min" | "max";

/** Two numbers, or two BigInts: the operators are those of both. A NaN wins over any number. */
type Combine = (old: number, update: number) => number;

const combines = {
  none: (_, update) => update,
  add: (old, update) => old + update,
  mul: (old, update) => old * update,
  // biome-ignore lint/suspicious/noSelfCompare: a NaN, of bigints too
  min: (old, update) => (update < old || update !== update ? update : old),
  // biome-ignore lint/suspicious/noSelfCompare: a NaN, of bigints too
  max: (old, update) => (update > old || update !== update ? update : old),
} satisfies Record<ScatterReduction, Combine>;

/** x and updates have one dtype, which a reduction can compute with. */
export function demandScatterTypes(ctx: InferContext<{ readonly reduction: ScatterReduction }>): void {
  const [x, updates] = [ctx.type(0).dtype, ctx.type(2).dtype];
  if (x !== updates) ctx.fail(`x is ${x}, updates are ${updates}`, 2);
  if (x === "bool" && (ctx.attrs.reduction === "add" || ctx.attrs.reduction === "mul"))
    ctx.fail(`reduction = ${ctx.attrs.reduction} of bool`, 0);
}

/** A copy of x in which update u, a run of `run` elements, meets the run that starts at `places[u]`. Floats are combined in f64 and rounded once. */
export function scattered(x: HostTensor, places: Float64Array, run: number, updates: HostTensor, reduction: ScatterReduction): HostTensor {
  const wide = isFloat(x.dtype) && reduction !== "none";
  const y = wide ? new Float64Array(x.data as Float64Array) : x.data.slice();
  // The product of two 32-bit integers has bits that no f64 holds.
  const imul = reduction === "mul" && !wide && typeof y[0] === "number";
  const combine: Combine = imul ? Math.imul : combines[reduction];
  // Both arrays hold numbers, or both hold BigInts.
  const [from, to] = [updates.data as Float64Array, y as Float64Array];
  for (let u = 0, next = 0; u < places.length; u++) {
    const start = places[u] as number;
    for (let e = start; e < start + run; e++, next++) to[e] = combine(to[e] as number, from[next] as number);
  }
  return wide ? roundedTensor(x.dtype, x.shape, y as Float64Array) : hostTensor(x.dtype, x.shape, y);
}
