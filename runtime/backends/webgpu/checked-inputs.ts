/**
 * @file Inputs of 64-bit integers on a device that has none: the plan casts them to i32 and says what they may hold (`checked`, by `compiler/lower/narrow-integers.ts`). Whoever hands them over
 * looks at every element first.
 */
import type { Plan, PlanAttr } from "../../backend.ts";
import { RuntimeError } from "../../errors.ts";
import type { Tensor } from "../../tensor.ts";

interface Bounds {
  readonly min: bigint;
  readonly max: bigint;
}

export type CheckedInputs = ReadonlyMap<number, Bounds>;

/** Bounds by index of the public input. */
export function checkedInputs({ main, inputCount }: Plan): CheckedInputs {
  const bounds = new Map<number, Bounds>();
  for (const { attrs, operands } of main.steps) {
    const [operand] = operands;
    const list = attrs.checked;
    if (!Array.isArray(list) || operand?.kind !== "value" || operand.value >= inputCount) continue;
    const [least, most] = list as readonly PlanAttr[];
    if (typeof least === "number" && typeof most === "number") bounds.set(operand.value, { min: BigInt(least), max: BigInt(most) });
  }
  return bounds;
}

/** @throws RuntimeError R0316 naming input, element and what is admitted */
export function refuseBeyond(plan: Plan, input: number, tensor: Tensor, { min, max }: Bounds): void {
  const { data } = tensor;
  if (!(data instanceof BigInt64Array)) return;
  const at = data.findIndex((value) => value < min || value > max);
  if (at < 0) return;
  const view = plan.file?.view;
  const name = view?.strings[view.inputs[input]?.name ?? -1];
  const where = name === undefined ? `input ${input}` : `input ${JSON.stringify(name)}`;
  throw new RuntimeError("R0316", `element ${at} is ${data[at]}; on this device it may hold ${min} to ${max}`, where);
}
