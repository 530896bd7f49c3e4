/** @file A target: which backend, with which features, limits, kernels and costs. */
import type { Manifest } from "../../runtime/manifest.ts";

export interface TargetSpec {
  /** `wasm-simd`, `webgpu`, `reference`. */
  readonly name: string;
  readonly doc: string;
  readonly backend: string;
  readonly features: readonly string[];
  /** null: the backend runs source functions (reference). */
  readonly manifest: Manifest | null;
}
