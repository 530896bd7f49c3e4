/**
 * @file What an ONNX name stands for while its graph is translated. Initializers and sizes become constants of the module only when an op
 * uses them as data: the shape operand of a `Reshape` ends as an attribute and leaves no constant behind.
 */
import {
  type Dim,
  type DType,
  decodeTensor,
  type Location,
  staticShape,
  type TensorType,
  toNumbers,
  type ValueId,
} from "../../../ir-spec/index.ts";
import { ImportFailure } from "./errors.ts";
import type { Region } from "./external-data.ts";
import { saturate } from "./int64.ts";

export type Value =
  /** A parameter or an op's result. */
  | { readonly kind: "result"; readonly type: TensorType; readonly id: ValueId }
  /** Data of the file, or a constant made by the importer. */
  | {
      readonly kind: "constant";
      readonly type: TensorType;
      readonly name: string;
      readonly bytes: Uint8Array;
      readonly loc: Location;
      /** Where large data in another file lies: `bytes` reads it each time. */
      readonly elsewhere?: Region | undefined;
    }
  /** Integers known at compile time, perhaps as expressions over the dim symbols (`Shape` and what is computed from it). */
  | { readonly kind: "sizes"; readonly type: TensorType; readonly elements: readonly Dim[] };

/** Shapes and what is computed from them are short; lists that are joined with themselves, or ranges, must not fill the memory. */
export const longestList = 1 << 16;
/** Of all such lists of a model. */
export const mostListed = 1 << 20;

/** A rank-0 or rank-1 list of sizes. @throws ImportFailure E0605 for a list that is too long to be one */
export function sizes(elements: readonly Dim[], rank: 0 | 1 = 1, dtype: DType = "i64"): Value {
  if (elements.length > longestList)
    throw new ImportFailure("E0605", `a computed list of ${elements.length} integers is not supported, at most ${longestList} are`);
  return { kind: "sizes", type: { dtype, shape: rank === 0 ? [] : [elements.length] }, elements };
}

/** Shape arithmetic stays small; a large integer constant is data. */
const mostKnown = 1024;

/** Integer elements known at compile time (row-major), else null. */
export function knownElements(value: Value): readonly Dim[] | null {
  if (value.kind === "sizes") return value.elements;
  const { dtype } = value.type;
  if (value.kind !== "constant" || (dtype !== "i64" && dtype !== "i32" && dtype !== "bool")) return null;
  const shape = staticShape(value.type.shape);
  if (!shape || shape.reduce((n, d) => n * d, 1) > mostKnown) return null;
  const { data } = decodeTensor(dtype, shape, value.bytes);
  return Array.from(data as ArrayLike<number | bigint>, (v) => (typeof v === "bigint" ? saturate(v) : v));
}

/** Elements of a constant of any dtype as numbers, else null. */
export function constantElements(value: Value): readonly number[] | null {
  if (value.kind === "sizes") return value.elements.every((e) => typeof e === "number") ? (value.elements as readonly number[]) : null;
  const shape = staticShape(value.type.shape);
  return value.kind === "constant" && shape ? toNumbers(decodeTensor(value.type.dtype, shape, value.bytes)) : null;
}
