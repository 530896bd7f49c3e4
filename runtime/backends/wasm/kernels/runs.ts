/** @file Broadcasting walked in JavaScript, one call for each run of the innermost axis: for kernels that are rare, or whose runs are long. */
import { elementCount } from "../../../tensor.ts";
import type { KernelCall, TensorAt } from "../kernel.ts";
import { broadcastAxes } from "./binary.ts";
import { elementBytes } from "./strided-copy.ts";

export interface Runs {
  /** Elements of a run. */
  readonly length: number;
  /** Elements between neighbours of each operand within a run. */
  readonly steps: readonly number[];
  /** Calls back with the address at which each operand's run begins, and the result's; the array is reused. */
  each(run: (at: Float64Array, to: number) => void): void;
}

/** How `operands` are walked to give `y`, which is contiguous. */
export function runsOf(call: KernelCall, operands: readonly TensorAt[], y: TensorAt): Runs {
  const { sizes, strides } = broadcastAxes(call, operands, y.shape);
  const outer = sizes.length - 1;
  const length = sizes[outer] as number;
  const bytes = operands.map((operand) => elementBytes(call, operand));
  const empty = elementCount(y.shape) === 0;
  const row = length * elementBytes(call, y);
  const starts = operands.map(({ ptr }) => ptr);
  const at = new Float64Array(starts);
  const index = new Int32Array(outer);
  const advance = (): boolean => {
    for (let axis = outer - 1; axis >= 0; axis--) {
      const size = sizes[axis] as number;
      const more = (index[axis] as number) + 1 < size;
      index[axis] = more ? (index[axis] as number) + 1 : 0;
      const by = more ? 1 : 1 - size;
      for (let t = 0; t < at.length; t++) at[t] = (at[t] as number) + by * (strides[t]?.[axis] as number) * (bytes[t] as number);
      if (more) return true;
    }
    return false;
  };
  return {
    length,
    steps: strides.map((own) => own[outer] as number),
    each(run) {
      if (empty) return;
      let to = y.ptr;
      at.set(starts);
      do {
        run(at, to);
        to += row;
      } while (advance());
    },
  };
}
