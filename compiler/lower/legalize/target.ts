/** @file What a target can run of the integer ops: its manifest is asked op by op. */
import type { TargetSpec } from "../../target/target.ts";
import { type Prices, selectKernel } from "../select.ts";
import type { StepRequest } from "./step.ts";

/** Whether the target has any integer kernel; without one there is nothing to legalize. */
export function hasIntegerKernels({ manifest }: TargetSpec): boolean {
  return manifest?.kernels.some((row) => row.op.startsWith("int.")) ?? false;
}

/** For `LegalizeOptions.unsupported`. A target without a manifest runs everything. */
export function unsupportedBy(target: TargetSpec, prices: Prices): (request: StepRequest) => string | null {
  const { manifest } = target;
  if (!manifest) return () => null;
  return (request) => {
    const selected = selectKernel(manifest, target.features, request, prices);
    if (selected.ok) return null;
    return `target ${target.name} has no kernel for ${request.def.name}${selected.refusals.length > 0 ? ` (${selected.refusals.join("; ")})` : ""}`;
  };
}
