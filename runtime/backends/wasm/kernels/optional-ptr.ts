/** @file Addresses of operands that may be absent. */
import { demand } from "../../../step/step.ts";
import { elementCount, type RuntimeDType } from "../../../tensor.ts";
import type { StepShapes, TensorAt } from "../kernel.ts";

/** Address of an optional operand with `count` elements; 0 when it is absent. */
export function optionalPtr(step: StepShapes<TensorAt>, index: number, dtype: RuntimeDType, count: number): number {
  const tensor = step.operands[index];
  if (!tensor) return 0;
  demand(step, tensor.dtype === dtype && elementCount(tensor.shape) === count, `operand ${index} must be ${count} x ${dtype}`);
  return tensor.ptr;
}
