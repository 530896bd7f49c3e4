/**
 * @file A step of a plan with its sizes known, as every backend's kernels see it, and typed access to its operands and attributes: a plan comes from a file, so what is
 * not as the kernel expects is an error, never a wild read.
 */
import type { PlanAttr } from "../backend.ts";
import { RuntimeError } from "../errors.ts";
import { elementCount, type RuntimeDType } from "../tensor.ts";

export interface TensorShape {
  readonly dtype: RuntimeDType;
  readonly shape: readonly number[];
}

export interface StepShapes<T extends TensorShape = TensorShape> {
  readonly kernel: string;
  /** Name of the op that it came from, for errors. */
  readonly origin: string;
  /** Attributes of the op with every default filled in. */
  readonly attrs: Readonly<Record<string, PlanAttr>>;
  /** null: absent. */
  readonly operands: readonly (T | null)[];
  readonly results: readonly T[];
}

/** @throws RuntimeError R0407 naming step and kernel */
export function demand(step: StepShapes, holds: boolean, message: string): void {
  if (!holds) throw refusal(step, message);
}

export function refusal(step: StepShapes, message: string): RuntimeError {
  return new RuntimeError("R0407", `kernel ${step.kernel}: ${message}`, step.origin);
}

export function operand<T extends TensorShape>(step: StepShapes<T>, index: number, ...dtypes: readonly RuntimeDType[]): T {
  const tensor = step.operands[index];
  if (!tensor) throw refusal(step, `operand ${index} is absent`);
  demand(
    step,
    dtypes.length === 0 || dtypes.includes(tensor.dtype),
    `operand ${index} is ${tensor.dtype}, expected ${dtypes.join(" or ")}`,
  );
  return tensor;
}

export function result<T extends TensorShape>(step: StepShapes<T>, ...dtypes: readonly RuntimeDType[]): T {
  const [tensor] = step.results;
  if (!tensor) throw refusal(step, "it has no result");
  demand(step, dtypes.length === 0 || dtypes.includes(tensor.dtype), `the result is ${tensor.dtype}, expected ${dtypes.join(" or ")}`);
  return tensor;
}

export function sameCount(step: StepShapes, ...tensors: readonly TensorShape[]): number {
  const [n = 0, ...others] = tensors.map(({ shape }) => elementCount(shape));
  demand(
    step,
    others.every((count) => count === n),
    `operands and result differ in size: ${tensors.map(({ shape }) => `[${shape.join(", ")}]`).join(", ")}`,
  );
  return n;
}

export function intAttr(step: StepShapes, name: string, fallback: number): number {
  const value = step.attrs[name];
  if (value === undefined) return fallback;
  if (typeof value === "bigint") return Number(value);
  if (typeof value === "number") return value;
  throw refusal(step, `attribute ${name} must be a number`);
}

/** A float attribute reads the same way. */
export const floatAttr = intAttr;

/** An absent or empty list is `length` times the fallback. */
export function intsAttr(step: StepShapes, name: string, length: number, fallback: number): readonly number[] {
  const values = listAttr(step, name);
  if (values.length === 0) return new Array<number>(length).fill(fallback);
  demand(step, values.length === length, `attribute ${name} has ${values.length} entries, expected ${length}`);
  return values;
}

/** 64-bit extremes become the nearest double. */
export function listAttr(step: StepShapes, name: string): readonly number[] {
  const value = step.attrs[name] ?? [];
  if (!Array.isArray(value)) throw refusal(step, `attribute ${name} must be a list`);
  return value.map((item) => {
    if (typeof item === "number" || typeof item === "bigint") return Number(item);
    throw refusal(step, `attribute ${name} must hold numbers`);
  });
}

export function boolAttr(step: StepShapes, name: string): boolean {
  return step.attrs[name] === true;
}

/** Axis attribute, from 0. */
export function axisAttr(step: StepShapes, name: string, rank: number, fallback: number): number {
  return axisFrom(step, intAttr(step, name, fallback), rank);
}

export function axisFrom(step: StepShapes, axis: number, rank: number): number {
  const from = axis < 0 ? axis + rank : axis;
  demand(step, Number.isInteger(from) && from >= 0 && from < rank, `axis ${axis} is outside rank ${rank}`);
  return from;
}

const activations: readonly unknown[] = ["none", "relu", "relu6"];

/** Code of the fused activation: 0 none, 1 relu, 2 relu6. */
export function activationCode(step: StepShapes): number {
  const code = activations.indexOf(step.attrs.activation ?? "none");
  demand(step, code >= 0, `unknown activation ${String(step.attrs.activation)}`);
  return code;
}
