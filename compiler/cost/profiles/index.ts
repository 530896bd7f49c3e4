/** @file The profiles that the package ships, one per target. `npm run calibrate:ship` writes them again; where each was measured stands in it. */
import type { CostProfile } from "../profile.ts";
import { ortCpu } from "./ort-cpu.ts";
import { reference } from "./reference.ts";
import { wasmRelaxedSimd } from "./wasm-relaxed-simd.ts";
import { wasmSimd } from "./wasm-simd.ts";
import { webgpu } from "./webgpu.ts";
import { webgpuF16 } from "./webgpu-f16.ts";

const all: readonly CostProfile[] = [wasmSimd, wasmRelaxedSimd, webgpu, webgpuF16, ortCpu, reference];
const shipped: ReadonlyMap<string, CostProfile> = new Map(all.map((profile) => [profile.target, profile]));

export function shippedProfile(target: string): CostProfile | null {
  return shipped.get(target) ?? null;
}
