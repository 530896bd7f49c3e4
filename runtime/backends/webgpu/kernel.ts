/** @file What the WebGPU backend needs to know of a kernel: WGSL, uniforms and a grid. Bindings: operands, results, then the uniform, in order. */
import type { PlanAttr } from "../../backend.ts";
import type { RuntimeDType } from "../../tensor.ts";

export interface BoundTensor {
  readonly dtype: RuntimeDType;
  readonly shape: readonly number[];
}

export interface KernelCall {
  readonly attrs: Readonly<Record<string, PlanAttr>>;
  /** Present operands only. */
  readonly operands: readonly BoundTensor[];
  readonly results: readonly BoundTensor[];
}

export interface WebGpuKernel {
  readonly id: string;
  readonly code: string;
  /** A multiple of 16 bytes. */
  uniforms(call: KernelCall): Uint32Array;
  workgroups(call: KernelCall): readonly [number, number, number];
}
