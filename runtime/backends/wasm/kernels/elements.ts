/** @file Elements of the session's memory as JavaScript sees them: one typed array per dtype over the whole memory. */
import { bitsPerElement, type RuntimeDType } from "../../../tensor.ts";
import type { MemoryViews } from "../memory.ts";

export type PlainArray = Float32Array | Int32Array | Int8Array | Uint8Array;

const arrays: { readonly [dtype: string]: ((memory: MemoryViews) => PlainArray) | undefined } = {
  f32: (memory) => memory.f32,
  i32: (memory) => memory.i32,
  i8: (memory) => memory.i8,
  u8: (memory) => memory.u8,
  bool: (memory) => memory.u8,
};

/** The array in which elements of the dtype are read, for those with one; ask again for each run, since memory may grow. */
export function arrayOf(dtype: RuntimeDType): ((memory: MemoryViews) => PlainArray) | null {
  return arrays[dtype] ?? null;
}

/** Index in that array of the first element at an address. */
export function indexAt(ptr: number, dtype: RuntimeDType): number {
  return ptr / (bitsPerElement(dtype) / 8);
}
