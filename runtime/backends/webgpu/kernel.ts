/**
 * @file What the WebGPU backend knows of a kernel. A step becomes one or more programs; their WGSL depends on dtypes, ranks, attributes and sizes that are known at load, so that
 * every pipeline is compiled then, once; what depends on bound sizes travels in a uniform block.
 */
import type { PlanAttr } from "../../backend.ts";
import type { StepShapes } from "../../step/step.ts";
import type { RuntimeDType } from "../../tensor.ts";

export interface TensorDims {
  readonly dtype: RuntimeDType;
  /** null: known only when inputs arrive. */
  readonly dims: readonly (number | null)[];
}

/** A step as far as it is known at load. */
export interface StepTypes {
  readonly kernel: string;
  /** Name of the op that it came from, for errors. */
  readonly origin: string;
  readonly attrs: Readonly<Record<string, PlanAttr>>;
  readonly operands: readonly (TensorDims | null)[];
  readonly results: readonly TensorDims[];
}

export type BufferRef = { readonly operand: number } | { readonly result: number } | { readonly scratch: number };

export interface Launch {
  /** The uniform block; a multiple of 16 bytes. */
  readonly uniform: Uint32Array;
  /** Workgroups. */
  readonly grid: readonly [number, number, number];
}

export interface Program {
  /** Names the code: programs with equal keys are one pipeline. */
  readonly key: string;
  readonly code: string;
  /** Bindings 0, 1, ... of group 0; the uniform block follows them. */
  readonly buffers: readonly BufferRef[];
  /** null: nothing to do for these sizes. @throws RuntimeError R0407 when the step is not one that the kernel computes */
  launch(call: StepShapes): Launch | null;
}

export interface WebGpuKernel {
  /** `<types>_<kernel>`. */
  readonly id: string;
  /** The result is the first operand's bytes under another shape: storage is shared and nothing runs. */
  readonly view?: true;
  /** Run in order. */
  programs(step: StepTypes): readonly Program[];
  /** Element operations of one call beyond a few for each element of operands and results, as multiply-adds. */
  work?(call: StepShapes): number;
  /** Bytes of each working buffer. */
  scratch?(call: StepShapes): readonly number[];
}
