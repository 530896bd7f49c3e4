/** @file Single elements of the session's memory as JavaScript numbers. */
import type { MemoryViews } from "../memory.ts";

/** Element i of a tensor at an address. */
export type Read = (memory: MemoryViews, at: number, i: number) => number;

const readByte: Read = ({ u8 }, at, i) => u8[at + i] as number;
/** By dtype, for those that JavaScript reads one by one. */
export const readers: { readonly [dtype: string]: Read | undefined } = {
  f32: ({ f32 }, at, i) => f32[(at >>> 2) + i] as number,
  i32: ({ i32 }, at, i) => i32[(at >>> 2) + i] as number,
  /** Rounded to 53 bits. */
  i64: ({ i32 }, at, i) => (i32[(at >>> 2) + 2 * i + 1] as number) * 2 ** 32 + ((i32[(at >>> 2) + 2 * i] as number) >>> 0),
  i8: ({ u8 }, at, i) => ((u8[at + i] as number) << 24) >> 24,
  u8: readByte,
  bool: readByte,
};
