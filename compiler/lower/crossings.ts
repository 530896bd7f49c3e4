/**
 * @file What a plan of two backends copies: where every value lies, what a run of steps needs from the other side, and what that is predicted to take. Values that cross at one point of
 * the plan cross together: one wait, all their bytes.
 */
import { type Func, printType, type TensorType, type ValueId } from "../../ir-spec/index.ts";
import type { Prediction } from "../cost/predict.ts";
import { type DimSizes, tensorBytes, unitSizes } from "../cost/step.ts";
import type { TargetSpec } from "../target/target.ts";
import type { Lowered } from "./lower.ts";
import { type CopyRates, copyTime, type Side } from "./placement.ts";

/** An op on the fallback. */
export interface Placed {
  /** Index in the body. */
  readonly op: number;
  /** Of its first result. */
  readonly name: string;
  /** `shape.gather`. */
  readonly kind: string;
  /** Why each kernel of the target was refused; null: it could run there, and this saves copies. */
  readonly why: readonly string[] | null;
}

/** One `rt.copy`. */
export interface Crossing {
  readonly direction: "upload" | "read-back";
  readonly values: readonly { readonly name: string; readonly type: TensorType }[];
  /** With every symbol 1, as the time: `crossingTime` takes other sizes. */
  readonly bytes: number;
  readonly microseconds: number;
  readonly rates: CopyRates;
}

/** Rates of a target whose values lie in the host's memory: nothing is copied. */
const none: CopyRates = { upload: { launch: 0, byteNs: 0 }, readBack: { launch: 0, byteNs: 0 } };

export function copyRates({ manifest }: TargetSpec): CopyRates {
  return manifest?.copies ?? none;
}

/** @param to the side of the steps that read @param names of the values, in the order of `types` */
export function crossingOf(to: Side, types: readonly TensorType[], names: readonly string[], rates: CopyRates): Crossing {
  const crossing = {
    direction: to === "target" ? ("upload" as const) : ("read-back" as const),
    values: types.map((type, i) => ({ name: names[i] ?? printType(type), type })),
    rates,
  };
  return { ...crossing, bytes: crossingBytes(crossing, unitSizes), microseconds: crossingTime(crossing, unitSizes) };
}

export function crossingBytes({ values }: Pick<Crossing, "values">, sizes: DimSizes): number {
  return values.reduce((sum, { type }) => sum + tensorBytes(type, sizes), 0);
}

/** Microseconds, with these sizes of symbols. */
export function crossingTime(crossing: Pick<Crossing, "values" | "direction" | "rates">, sizes: DimSizes): number {
  const { upload, readBack } = crossing.rates;
  return copyTime(crossing.direction === "upload" ? upload : readBack, crossingBytes(crossing, sizes));
}

/** The prediction with what the copies take. */
export function withCrossings(predicted: Prediction, crossings: readonly Crossing[], sizes: DimSizes = unitSizes): Prediction {
  const copies = crossings.reduce((sum, crossing) => sum + crossingTime(crossing, sizes), 0);
  return { ...predicted, total: predicted.total === null ? null : predicted.total + copies };
}

/**
 * The side that each value lies on. A public input that a kernel of the fallback reads stays in the host's memory, which costs nothing, and is uploaded from there for those of the
 * target; `segmentsOf` in the runtime goes by the same rule.
 */
export function homesOf(func: Func, sides: readonly Side[]): ReadonlyMap<ValueId, Side> {
  const homes = new Map<ValueId, Side>();
  func.ops.forEach((op, i) => {
    for (const result of op.results) homes.set(result, sides[i] ?? "target");
  });
  const readBelow = new Set(func.ops.flatMap((op, i) => (sides[i] === "fallback" ? op.operands : [])));
  for (const param of func.params) homes.set(param, readBelow.has(param) ? "fallback" : "target");
  return homes;
}

/** Values that the ops read and neither make nor have, in order of first use. */
export function foreignTo(func: Func, ops: readonly number[], has: (value: ValueId) => boolean): readonly ValueId[] {
  const made = new Set(ops.flatMap((i) => func.ops[i]?.results ?? []));
  const read = ops.flatMap((i) => func.ops[i]?.operands ?? []);
  return [...new Set(read.filter((operand) => typeof operand === "number"))].filter((value) => !made.has(value) && !has(value));
}

/** What to type. */
export function fallbackHint(backend: string): string {
  return `run such ops on wasm, with copies: --fallback wasm, or { fallback: "wasm" }; then load(file, { backends: [${backend}(), wasm()] })`;
}

/** What is said of a mixed plan, as lines. */
export function describePlacement({ target, placed, crossings }: Pick<Lowered, "target" | "placed" | "crossings">): readonly string[] {
  if (placed.length === 0) return [];
  const forced = placed.filter(({ why }) => why !== null).map(({ kind, name }) => `${kind} %${name}`);
  const moved = placed.length - forced.length;
  const beside = moved === 0 ? "" : `, and ${moved} beside them that would cost more copies`;
  const bytes = crossings.reduce((sum, crossing) => sum + crossing.bytes, 0);
  const microseconds = crossings.reduce((sum, crossing) => sum + crossing.microseconds, 0);
  const copies = `${crossings.length} ${crossings.length === 1 ? "copy" : "copies"} between them, ${bytes} bytes`;
  return [
    `${target}: ${forced.length} ops without a kernel run on the fallback (${abridged(forced)})${beside}; ${copies}, predicted ${microseconds.toFixed(0)} us a run`,
  ];
}

function abridged(names: readonly string[]): string {
  const shown = names.slice(0, 4).join(", ");
  return names.length > 4 ? `${shown} and ${names.length - 4} more` : shown;
}
