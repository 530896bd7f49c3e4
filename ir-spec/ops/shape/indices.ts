/** @file Index operands: whole numbers from 0 below the size, negative ones counted from the end. */
import { TersorError } from "../../core/problem.ts";
import type { HostTensor } from "../../core/tensor.ts";

/** Every index from 0. @throws TersorError E0503 on one that is out of range. */
export function checkedIndices(op: string, indices: HostTensor, size: number, operand: number): Float64Array {
  const checked = Float64Array.from(indices.data as ArrayLike<number | bigint>, Number);
  for (let i = 0; i < checked.length; i++) {
    const index = checked[i] as number;
    const from = index < 0 ? index + size : index;
    if (from < 0 || from >= size)
      throw new TersorError({ code: "E0503", message: `${op}: index ${index} at position ${i}, the axis has ${size} elements`, operand });
    checked[i] = from;
  }
  return checked;
}
