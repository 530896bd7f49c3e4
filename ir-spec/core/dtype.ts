/**
 * @file Element types. A sub-byte element takes exactly its bits: elements are packed low bits first, row-major,
 * with no padding inside a tensor; only the last byte of a tensor may hold unused (zero) bits.
 */

export const dtypes = [
  "f64",
  "f32",
  "f16",
  "bf16",
  "i64",
  "i32",
  "i16",
  "i8",
  "i4",
  "i2",
  "u64",
  "u32",
  "u16",
  "u8",
  "u4",
  "u2",
  "u1",
  "bool",
] as const;

export type DType = (typeof dtypes)[number];
export type DTypeKind = "float" | "int" | "uint" | "bool";

export interface DTypeInfo {
  readonly kind: DTypeKind;
  /** Bits of one element in memory; `bool` takes 8. */
  readonly bits: number;
}

const table: { readonly [D in DType]: DTypeInfo } = {
  f64: { kind: "float", bits: 64 },
  f32: { kind: "float", bits: 32 },
  f16: { kind: "float", bits: 16 },
  bf16: { kind: "float", bits: 16 },
  i64: { kind: "int", bits: 64 },
  i32: { kind: "int", bits: 32 },
  i16: { kind: "int", bits: 16 },
  i8: { kind: "int", bits: 8 },
  i4: { kind: "int", bits: 4 },
  i2: { kind: "int", bits: 2 },
  u64: { kind: "uint", bits: 64 },
  u32: { kind: "uint", bits: 32 },
  u16: { kind: "uint", bits: 16 },
  u8: { kind: "uint", bits: 8 },
  u4: { kind: "uint", bits: 4 },
  u2: { kind: "uint", bits: 2 },
  u1: { kind: "uint", bits: 1 },
  bool: { kind: "bool", bits: 8 },
};

const known: ReadonlySet<string> = new Set(dtypes);

export function isDType(name: string): name is DType {
  return known.has(name);
}

export function dtypeInfo(dtype: DType): DTypeInfo {
  return table[dtype];
}

export function isFloat(dtype: DType): boolean {
  return table[dtype].kind === "float";
}

export function isInteger(dtype: DType): boolean {
  return table[dtype].kind === "int" || table[dtype].kind === "uint";
}

/** Bytes that `count` elements of `dtype` take. */
export function byteLengthOf(dtype: DType, count: number): number {
  return Math.ceil((table[dtype].bits * count) / 8);
}

/** Smallest and largest integer of an integer dtype, or 0 and 1 for `bool`. */
export function integerRange(dtype: DType): { readonly min: bigint; readonly max: bigint } {
  const { kind, bits } = table[dtype];
  if (kind === "bool") return { min: 0n, max: 1n };
  if (kind === "float") throw new RangeError(`${dtype} has no integer range`);
  const one = 1n;
  return kind === "uint"
    ? { min: 0n, max: (one << BigInt(bits)) - one }
    : { min: -(one << BigInt(bits - 1)), max: (one << BigInt(bits - 1)) - one };
}
