/** @file Backends by the names that `--backend` takes. */

import { ort } from "../../runtime/backends/ort/index.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { relaxedSimd } from "../../runtime/backends/wasm-relaxed/index.ts";
import { webgpu } from "../../runtime/backends/webgpu/index.ts";
import type { Backend } from "../../runtime/index.ts";
import { UsageError } from "./failure.ts";

const backends: Readonly<Record<string, { readonly target: string; make(): Backend }>> = {
  wasm: { target: "wasm-simd", make: () => wasm() },
  "wasm-relaxed": { target: "wasm-relaxed-simd", make: () => wasm({ relaxed: relaxedSimd }) },
  reference: { target: "reference", make: () => reference() },
  webgpu: { target: "webgpu", make: () => webgpu() },
  "webgpu-f16": { target: "webgpu-f16", make: () => webgpu({ f16: true }) },
  ort: { target: "ort-cpu", make: () => ort() },
};

export const backendNames = Object.keys(backends);

/** @throws UsageError with the names there are. */
export function backendNamed(name: string): { readonly target: string; make(): Backend } {
  const found = backends[name];
  if (found) return found;
  throw new UsageError(`unknown backend "${name}"; there are: ${backendNames.join(", ")}`);
}

/** The backend that runs a target's plans; null for a target of a plugin. */
export function backendOfTarget(target: string): { readonly name: string; make(): Backend } | null {
  const found = Object.entries(backends).find(([, backend]) => backend.target === target);
  return found ? { name: found[0], make: found[1].make } : null;
}
