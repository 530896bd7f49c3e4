/**
 * @file The numbers that `module.fbs` stores: dtypes, kinds of attributes and of dim expressions, and the limits of the format. A number once given is
 * never reused; a new one goes to the end.
 */
import type { DType } from "../core/dtype.ts";

/** `Type.dtype` is the index. */
export const dtypeCodes = [
  ...(["f64", "f32", "f16", "bf16"] as const),
  ...(["i64", "i32", "i16", "i8", "i4", "i2"] as const),
  ...(["u64", "u32", "u16", "u8", "u4", "u2", "u1"] as const),
  "bool",
] as const satisfies readonly DType[];

/** Bits of one element, by dtype code. */
export const dtypeBits: readonly number[] = [64, 32, 16, 16, 64, 32, 16, 8, 4, 2, 64, 32, 16, 8, 4, 2, 1, 8];

/** `Expr.op`. The operands `a`, `b` of a function are earlier expressions. */
export const ExprOp = {
  /** `a`: index into `symbols`. */
  symbol: 0,
  /** A 64-bit integer: low half in `a`, high half in `b`; below 2^53 in size. */
  integer: 1,
  add: 2,
  mul: 3,
  /** Floor division. */
  div: 4,
  mod: 5,
  min: 6,
  max: 7,
  ceildiv: 8,
} as const;
export type ExprOp = (typeof ExprOp)[keyof typeof ExprOp];

/** `Attr.kind`. */
export const AttrKind = {
  /** Signed 64-bit: low half in `a`, high half in `b`. */
  int: 0,
  /** As `int`, for 2^63 .. 2^64 - 1. */
  uint: 1,
  /** The 64 bits of a double: low half in `a`, high half in `b`. */
  float: 2,
  /** A NaN with sign and payload given: its 64 bits. */
  nan: 3,
  /** `a`: 0 or 1. */
  bool: 4,
  /** `a`: string. */
  string: 5,
  /** `a`: string. A bare word. */
  enum: 6,
  /** `a`: string. The name of a function or constant. */
  symbol: 7,
  /** `a`: type. */
  type: 8,
  /** `a`: dim; `b`: 1 where it introduces its symbol. */
  dim: 9,
  /** `a`: first of `attr_items`, `b`: how many. Items are earlier attrs. */
  list: 10,
  /** `a`: first of `dict_items`, `b`: how many. Values are earlier attrs. */
  dict: 11,
} as const;

/** `Constant.flags`. */
export const ConstantFlag = {
  /** The module stores it as a splat: every element is the first one. */
  splat: 1,
} as const;

/** What a checker refuses; far above anything sensible, low enough to end quickly. */
export const limits = {
  rank: 32,
  /** Size of a dim expression, written out. */
  exprSize: 4096,
  /** Terms and degree of a dim expression in normal form. */
  exprTerms: 1024,
  exprDegree: 32,
  /** An attribute, written out. */
  attrSize: 1 << 20,
  attrDepth: 64,
  /** Constants derived from each other. */
  definitionDepth: 256,
} as const;
