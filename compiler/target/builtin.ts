/** @file The targets that the package ships. */
import { manifest as wasmManifest } from "../../runtime/backends/wasm/manifest.ts";
import { manifest as webgpuManifest } from "../../runtime/backends/webgpu/manifest.ts";
import type { TargetSpec } from "./target.ts";

export const builtinTargets: readonly TargetSpec[] = [
  {
    name: "wasm-simd",
    doc: "WebAssembly with 128-bit SIMD: every current browser and Node 20 and newer.",
    backend: "wasm",
    features: ["simd128"],
    manifest: wasmManifest,
  },
  {
    name: "webgpu",
    doc: "WebGPU, f32.",
    backend: "webgpu",
    features: [],
    manifest: webgpuManifest,
  },
  {
    name: "reference",
    doc: "The ops' own reference functions: exact and slow; the oracle.",
    backend: "reference",
    features: [],
    manifest: null,
  },
];
