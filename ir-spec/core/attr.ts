/**
 * @file Attribute values as the text and the file store them. Tagged, so that `1` and `1.0`, an enum member and a string, keep their
 * difference. Ops read attributes through their record (`ops/attr-spec.ts`) as plain JavaScript values.
 */
import { type Dim, dimEquals } from "./dim.ts";
import { type TensorType, typeEquals } from "./type.ts";

export type Attr =
  /** 64-bit integer; BigInt only beyond the safe integers. */
  | { readonly kind: "int"; readonly value: number | bigint }
  /** f64; a NaN keeps its sign and payload in `bits` (absent for the default quiet NaN). */
  | { readonly kind: "float"; readonly value: number; readonly bits?: bigint }
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "string"; readonly value: string }
  /** A bare word: the member of an enum, or a dtype. */
  | { readonly kind: "enum"; readonly value: string }
  /** `@name`: a function or a constant. */
  | { readonly kind: "symbol"; readonly value: string }
  | { readonly kind: "type"; readonly value: TensorType }
  /** `dim[N]`: a symbolic size. `introduces` for `dim[?K]`. */
  | { readonly kind: "dim"; readonly value: Dim; readonly introduces?: true }
  | { readonly kind: "list"; readonly value: readonly Attr[] }
  | { readonly kind: "dict"; readonly value: AttrDict };

/** Key order is kept. */
export type AttrDict = ReadonlyMap<string, Attr>;

export const emptyAttrs: AttrDict = new Map();

export const attr = {
  int(value: number | bigint): Attr {
    const safe = typeof value === "bigint" && value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER);
    return { kind: "int", value: safe ? Number(value) : value };
  },
  float: (value: number): Attr => ({ kind: "float", value }),
  bool: (value: boolean): Attr => ({ kind: "bool", value }),
  string: (value: string): Attr => ({ kind: "string", value }),
  enum: (value: string): Attr => ({ kind: "enum", value }),
  symbol: (value: string): Attr => ({ kind: "symbol", value }),
  type: (value: TensorType): Attr => ({ kind: "type", value }),
  /** A static dim is an integer. */
  dim: (value: Dim): Attr => (typeof value === "number" ? { kind: "int", value } : { kind: "dim", value }),
  list: (value: readonly Attr[]): Attr => ({ kind: "list", value }),
  ints: (values: readonly number[]): Attr => ({ kind: "list", value: values.map((v) => attr.int(v)) }),
  dict: (entries: Readonly<Record<string, Attr>>): Attr => ({ kind: "dict", value: new Map(Object.entries(entries)) }),
};

export function attrEquals(a: Attr, b: Attr): boolean {
  if (a === b) return true;
  switch (a.kind) {
    case "float":
      return b.kind === "float" && Object.is(a.value, b.value) && a.bits === b.bits;
    case "list":
      return b.kind === "list" && a.value.length === b.value.length && a.value.every((v, i) => attrEquals(v, b.value[i] as Attr));
    case "dict":
      return b.kind === "dict" && attrDictEquals(a.value, b.value);
    case "type":
      return b.kind === "type" && typeEquals(a.value, b.value);
    case "dim":
      return b.kind === "dim" && dimEquals(a.value, b.value) && a.introduces === b.introduces;
    default:
      return a.kind === b.kind && a.value === b.value;
  }
}

/** Equality in entries and in key order. */
export function attrDictEquals(a: AttrDict, b: AttrDict): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  const others = [...b];
  return [...a].every(([key, value], i) => {
    const other = others[i];
    return other !== undefined && other[0] === key && attrEquals(value, other[1]);
  });
}
