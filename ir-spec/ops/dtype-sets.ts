/** @file The sets of dtypes that operand specs name. */
import type { DType } from "../core/dtype.ts";

export const floatTypes = ["f64", "f32", "f16", "bf16"] as const satisfies readonly DType[];

/** Integers that arithmetic works on. Smaller ones are for storage: unpack them first. */
export const integerTypes = ["i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8"] as const satisfies readonly DType[];

export const numericTypes = [...floatTypes, ...integerTypes] as const;

/** Dtypes of an index operand. */
export const indexTypes = ["i64", "i32", "i16", "i8", "u32", "u16", "u8"] as const satisfies readonly DType[];
