/** @file Plain records as attributes: what a file declares about its inputs. */
import type { Attr, AttrDict } from "../../ir-spec/core/attr.ts";

/** Plain values, nested lists and records. */
export type PreprocessingValue = number | string | boolean | readonly PreprocessingValue[] | { readonly [key: string]: PreprocessingValue };
export type Preprocessing = { readonly [key: string]: PreprocessingValue };

/** Whole numbers become ints, but for -0. */
export function recordDict(values: Preprocessing): AttrDict {
  return new Map(Object.entries(values).map(([key, value]) => [key, valueAttr(value)]));
}

function valueAttr(value: PreprocessingValue): Attr {
  if (typeof value === "number")
    return Number.isSafeInteger(value) && !Object.is(value, -0) ? { kind: "int", value } : { kind: "float", value };
  if (typeof value === "string") return { kind: "string", value };
  if (typeof value === "boolean") return { kind: "bool", value };
  return Array.isArray(value)
    ? { kind: "list", value: (value as readonly PreprocessingValue[]).map(valueAttr) }
    : { kind: "dict", value: recordDict(value as Preprocessing) };
}
