/** @file A target: which backend, with which features, limits, kernels and costs. */
import type { Manifest } from "../../runtime/manifest.ts";
import { type CostModel, roughModel } from "../cost/model.ts";

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
  /** What a plan for it may not exceed: lowering refuses what does. Absent: nothing is known. */
  readonly limits?: TargetLimits;
  /** Predicts times: kernel selection, reports and warnings ask it. Absent: the manifest's rough terms. */
  readonly costModel?: CostModel;
  /** Lowering narrows the body's f32 to this; inputs and results stay f32. */
  readonly floats?: "f16";
  /** Its widest integers: lowering narrows i64 to them where all values are proven to fit. Absent: 64 bits. */
  readonly integers?: "i32";
}

export interface TargetLimits {
  /** Most bytes of one tensor. */
  readonly tensorBytes: number;
  /** Most bytes of everything that a run has in memory at once; null: what the machine has. */
  readonly memoryBytes: number | null;
}

const rough = new Map<string, CostModel>();

/** The target's cost model. */
export function costOf({ name, costModel }: Pick<TargetSpec, "name" | "costModel">): CostModel {
  if (costModel) return costModel;
  const made = rough.get(name) ?? roughModel(name);
  rough.set(name, made);
  return made;
}

/**
 * What kernels and places are chosen by: the target's own model, unless it was measured on a processor that plays the GPU. There no op would be worth a copy and no kernel would rank as on a GPU, so the manifest's rough
 * terms decide.
 */
export function decisionModel(target: Pick<TargetSpec, "name" | "costModel">): CostModel {
  const model = costOf(target);
  return model.profile?.measuredOn.adapter?.includes("(software)") ? roughModel(target.name) : model;
}
