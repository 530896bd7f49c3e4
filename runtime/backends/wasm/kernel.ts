/**
 * @file What the wasm backend, or an extension of it, knows of a kernel. A step is bound once per set of shapes: sizes, tables and addresses are computed then, and what
 * `bind` returns only calls the WebAssembly export, so that running a model allocates nothing.
 */

import type { WeightDecoder } from "../../codec/codec.ts";
import type { StepShapes as Step, TensorShape } from "../../step/step.ts";
import type { Tensor } from "../../tensor.ts";
import type { Kernels } from "./gen/kernels.generated.ts";
import type { MemoryViews } from "./memory.ts";

export type { TensorShape };

/** A tensor in the session's memory: its bytes are canonical (row-major, sub-byte elements packed) from `ptr`, a multiple of 16, on. */
export interface TensorAt extends TensorShape {
  readonly ptr: number;
}

/** A step as far as it is known before anything is placed. */
export interface StepShapes<T extends TensorShape = TensorShape> extends Step<T> {
  /** Exports of the built-in module. */
  readonly kernels: Kernels;
}

export interface KernelCall extends StepShapes<TensorAt> {
  /** Address of the bytes that `scratch` asked for; 0 when it asked for none. Nothing in them survives the step. */
  readonly scratch: number;
  readonly memory: MemoryViews;
  /** Exports of the extension's own module; empty for built-in kernels. */
  readonly exports: WebAssembly.Exports;
}

export interface WasmKernel {
  /** `<types>_<kernel>`, or `plugin/kernel@abi` in an extension. */
  readonly id: string;
  /** The result is the first operand's bytes under another shape: storage is shared and nothing runs. */
  readonly view?: true;
  /** Bytes of working memory of one call. */
  scratch?(step: StepShapes): number;
  /** Element operations of one call beyond a few for each element of operands and results, as multiply-adds. */
  work?(step: StepShapes): number;
  /**
   * For results whose sizes a run tells: gives them, made on the host, when all before the step has run. `results` of the call are empty. Such a step ends a stage of the plan, and
   * `bind`, which is asked for where the plan claims to know the sizes, refuses.
   */
  find?(call: KernelCall): () => readonly Tensor[];
  /** @throws RuntimeError R0407 when the step is not one that the kernel computes */
  bind(call: KernelCall): () => void;
}

/** The calling convention above; `manifest.abi`. */
export const wasmAbi = 1;

/** The runtime half of a plugin: `wasm({ extend: [extension] })`. */
export interface WasmExtension {
  /** The plugin's name: its kernels are called `name/kernel@abi`. */
  readonly name: string;
  /** Must equal `wasmAbi`. */
  readonly abi: number;
  /** npm package, for errors; default `tersor-plugin-<name>`. */
  readonly npmPackage?: string;
  /** A module that imports the session's memory, `("env", "memory")`, and nothing else. It must have no data segments. */
  readonly wasm?: Uint8Array;
  readonly kernels: readonly WasmKernel[];
  /** Decoders of weight codings that the plugin's files use. */
  readonly codecs?: readonly WeightDecoder[];
}
