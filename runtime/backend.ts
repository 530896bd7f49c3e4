/**
 * @file The backend interface. A plan knows kernels, not ops: an `init` list that runs once at load (it rebuilds compressed weights), then `main`, whose
 * steps name values, never offsets; each backend places them. Asynchronous everywhere, since a GPU may be behind it.
 */
import type { WeightDecoder } from "./codec/codec.ts";
import type { DeviceTensor } from "./device-tensor.ts";
import type { RunLimits } from "./limits.ts";
import type { OpenedFile } from "./open-file.ts";
import type { RuntimeDType, Tensor } from "./tensor.ts";

/** A size: a number, or an expression over the symbols that are bound when inputs arrive. */
export type PlanDim = number | { evaluate(bindings: ReadonlyMap<string, number>): number; readonly text: string };

export interface PlanType {
  readonly dtype: RuntimeDType;
  readonly shape: readonly PlanDim[];
}

/** Attributes as plain values. Ints beyond 2^53 are bigint; enum members and dtypes are strings. */
export type PlanAttr = number | bigint | boolean | string | PlanDim | readonly PlanAttr[] | { readonly [key: string]: PlanAttr };

export type PlanOperand =
  | { readonly kind: "value"; readonly value: number }
  /** Index into the plan's constants. */
  | { readonly kind: "constant"; readonly constant: number }
  | { readonly kind: "absent" };

export interface PlanStep {
  /** Kernel id: `f32_conv`, or `plugin/kernel@abi` from an extension. */
  readonly kernel: string;
  readonly attrs: Readonly<Record<string, PlanAttr>>;
  readonly operands: readonly PlanOperand[];
  /** Value ids, defined once. */
  readonly results: readonly number[];
  /** For profiles and errors: the name of the op this came from. */
  readonly origin: string;
  /** Which backend runs it, where that is not the plan's own: such a plan is mixed, and its steps of kernel `rt.copy` bring values to the backend that they name. */
  readonly backend?: string;
}

export interface PlanFunction {
  /** Type of every value; parameters are values 0 .. params-1. */
  readonly values: readonly PlanType[];
  readonly params: number;
  readonly steps: readonly PlanStep[];
  readonly returns: readonly PlanOperand[];
}

export interface PlanConstant {
  readonly name: string;
  readonly dtype: RuntimeDType;
  readonly shape: readonly number[];
  /** Decoded canonical bytes, row-major; a view where the codec is raw. Not kept by the plan once returned. */
  bytes(): Uint8Array;
}

export interface Plan {
  readonly target: string;
  /** No parameters; its results are the values that `main` takes after its public inputs. */
  readonly init: PlanFunction;
  /** Parameters: public inputs in order, then the results of `init`. */
  readonly main: PlanFunction;
  readonly inputCount: number;
  readonly constants: readonly PlanConstant[];
  /** Symbols that are bound besides those that stand alone in the types of its inputs: a part of a plan runs with the sizes of the whole. */
  readonly symbols?: readonly string[];
  /** The file that it came from, for backends that run its source functions; absent when a plan was built by hand. */
  readonly file?: OpenedFile;
}

export interface Backend {
  readonly name: string;
  /** Target names whose plans it runs, best first. */
  readonly targets: readonly string[];
  /** Decoders of coded weights that its extensions bring. */
  readonly codecs?: readonly WeightDecoder[];
  /** Names of backends that may run steps of its plans. */
  readonly companions?: readonly string[];
  /** Makes it ready (compile WebAssembly, get a device). @throws RuntimeError R0401 with the reason when it cannot run here. */
  open(): Promise<void>;
  /** Asked for every kernel of a plan before `prepare`; a missing one is an error that names kernel and package. */
  hasKernel(id: string): boolean;
  /**
   * Loads constants and runs `init` once. Refuses, by code and before it works, what is above the limits, then and in every run; without them it has its own.
   * @param companions those that run steps of this plan, open, by name
   */
  prepare(plan: Plan, limits?: RunLimits, companions?: ReadonlyMap<string, Backend>): Promise<Executable>;
  /** Frees what `open` took. */
  dispose(): void;
}

export interface Executable {
  /** `inputs` are checked by the session. Calls do not overlap. Outputs are fresh tensors. */
  run(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>): Promise<readonly Tensor[]>;
  /** Absent where the device is asynchronous. */
  runSync?(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>): readonly Tensor[];
  /** One run with a clock before and after each step; absent where a step cannot be timed alone. Views, which do nothing, are left out. */
  profile?(inputs: readonly Tensor[], bindings: ReadonlyMap<string, number>, now: () => number): readonly StepTime[];
  /** Absent where the backend has no memory of its own. */
  readonly onDevice?: DeviceRuns;
  dispose(): void;
}

export interface StepTime {
  /** Index among the steps of `main`. */
  readonly step: number;
  /** In the clock's unit. */
  readonly time: number;
}

/**
 * Runs whose tensors need not travel. Results of `runToDevice` belong to the caller and outlive the executable, until they are disposed or the backend is.
 * @throws RuntimeError R0312 from a run where an input was disposed
 */
export interface DeviceRuns {
  /** Whether the tensor lies in this executable's device. The session asks before each run. */
  holds(tensor: DeviceTensor): boolean;
  runToHost(inputs: readonly (Tensor | DeviceTensor)[], bindings: ReadonlyMap<string, number>): Promise<readonly Tensor[]>;
  runToDevice(inputs: readonly (Tensor | DeviceTensor)[], bindings: ReadonlyMap<string, number>): Promise<readonly DeviceTensor[]>;
  /** Each result where it is wanted, all that go to the host by one read-back. */
  runTo(
    places: readonly ("host" | "device")[],
    inputs: readonly (Tensor | DeviceTensor)[],
    bindings: ReadonlyMap<string, number>,
  ): Promise<readonly (Tensor | DeviceTensor)[]>;
}

/** Kernel of a step that brings values of another backend to its own; nothing but `mixed` plans have it. */
export const copyKernel = "rt.copy";

/** Last step index that uses each value (`steps.length` for returned ones, -1 for never). The lifetime of a value is [definition, last use]. */
export function lastUses(func: PlanFunction): Int32Array {
  const last = new Int32Array(func.values.length).fill(-1);
  func.steps.forEach((step, index) => {
    for (const operand of step.operands) if (operand.kind === "value") last[operand.value] = index;
  });
  for (const operand of func.returns) if (operand.kind === "value") last[operand.value] = func.steps.length;
  return last;
}
