/** @file A target: which backend, with which features, limits, kernels and costs. */
import type { Manifest } from "../../runtime/manifest.ts";

export interface TargetSpec {
  /** `wasm-simd`, `webgpu`, `webgpu-f16`, `ort-cpu`, `reference`. */
  readonly name: string;
  readonly doc: string;
  readonly backend: string;
  readonly features: readonly string[];
  /** null: the backend runs source functions (reference). For style `onnx-graph`: the kernels that rebuild weights in `init`. */
  readonly manifest: Manifest | null;
  /** What `main` of a plan is: a kernel per op (default), or one step that holds the whole function as an ONNX graph. */
  readonly style?: "kernels" | "onnx-graph";
  /** Lowering narrows the body's f32 to this; inputs and results stay f32. */
  readonly floats?: "f16";
}
