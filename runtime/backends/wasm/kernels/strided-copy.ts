/** @file Copies of elements of any width through strides: the core of transpose, broadcast and slice. */

import { mergeAxes } from "../../../step/shapes.ts";
import { demand } from "../../../step/step.ts";
import { bitsPerElement, elementCount } from "../../../tensor.ts";
import type { KernelCall, StepShapes, TensorShape } from "../kernel.ts";

/** The kernels walk tables of sizes and strides of at most this many axes: those of the highest rank there is. */
const maxRank = 32;
/** Room for one table with up to three rows. */
export const tableBytes = 3 * maxRank * 4;

/** Whole bytes of an element. */
export function elementBytes(step: StepShapes, { dtype }: TensorShape): number {
  const bits = bitsPerElement(dtype);
  demand(step, bits >= 8, `elements of ${dtype} are not whole bytes`);
  return bits / 8;
}

/** Table rows as the exports read them, written to scratch before each use. */
export function table(step: StepShapes, ...rows: readonly (readonly number[])[]): Int32Array {
  demand(step, (rows[0]?.length ?? 0) <= maxRank, `more than ${maxRank} axes that do not merge`);
  return Int32Array.from(rows.flat());
}

export interface StridedSource {
  /** Address of the first element that is read. */
  readonly ptr: number;
  readonly strides: readonly number[];
}

/** to (contiguous, of `shape`) <- from. Uses `tableBytes` at `tableAt`. */
export function stridedCopy(
  call: KernelCall,
  size: number,
  from: StridedSource,
  shape: readonly number[],
  to: number,
  tableAt: number,
): () => void {
  if (elementCount(shape) === 0) return () => {};
  const { kernels, memory } = call;
  const { sizes, strides } = mergeAxes(shape, [from.strides]);
  const words = table(call, sizes, strides[0] as readonly number[]);
  return () => {
    memory.i32.set(words, tableAt >>> 2);
    kernels.copy_strided(size, from.ptr, to, sizes.length, tableAt);
  };
}
