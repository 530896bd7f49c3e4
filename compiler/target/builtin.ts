/** @file The targets that the package ships. */
import { manifest as wasmManifest } from "../../runtime/backends/wasm/manifest.ts";
import { manifest as webgpuManifest } from "../../runtime/backends/webgpu/manifest.ts";
import { costModel, countedFamilies, graphFamilies, wasmFamilies } from "../cost/model.ts";
import { shippedProfile } from "../cost/profiles/index.ts";
import type { TargetSpec } from "./target.ts";

const gibibyte = 2 ** 30;
/** A wasm memory of 32-bit addresses. */
const wasmLimits = { tensorBytes: 2 * gibibyte, memoryBytes: 4 * gibibyte } as const;
/** What every WebGPU device has: `maxStorageBufferBindingSize`. */
const webgpuLimits = { tensorBytes: gibibyte / 8, memoryBytes: null } as const;
const hostLimits = { tensorBytes: 2 * gibibyte, memoryBytes: null } as const;

export const builtinTargets: readonly TargetSpec[] = [
  {
    name: "wasm-simd",
    doc: "WebAssembly with 128-bit SIMD: every current browser and Node 20 and newer.",
    backend: "wasm",
    features: ["simd128"],
    manifest: wasmManifest,
    limits: wasmLimits,
    costModel: costModel("wasm-simd", shippedProfile("wasm-simd"), wasmFamilies),
  },
  {
    name: "wasm-relaxed-simd",
    doc: "WebAssembly with relaxed SIMD: float products fused. Chrome 114, Firefox 145, Node 22 and newer; load it with wasm({ relaxed: relaxedSimd }).",
    backend: "wasm",
    features: ["simd128", "relaxed-simd"],
    manifest: wasmManifest,
    limits: wasmLimits,
    costModel: costModel("wasm-relaxed-simd", shippedProfile("wasm-relaxed-simd"), wasmFamilies),
  },
  {
    name: "webgpu",
    doc: "WebGPU, f32.",
    backend: "webgpu",
    features: [],
    manifest: webgpuManifest,
    integers: "i32",
    limits: webgpuLimits,
    costModel: costModel("webgpu", shippedProfile("webgpu"), countedFamilies),
  },
  {
    name: "webgpu-f16",
    doc: "WebGPU, stored and moved in f16, summed in f32, for devices with shader-f16. Inputs and results stay f32.",
    backend: "webgpu",
    features: ["shader-f16"],
    manifest: webgpuManifest,
    integers: "i32",
    limits: webgpuLimits,
    costModel: costModel("webgpu-f16", shippedProfile("webgpu-f16"), countedFamilies),
    floats: "f16",
  },
  {
    name: "ort-cpu",
    doc: "ONNX Runtime's CPU engine in Node, through the package onnxruntime-node; weights are rebuilt by the wasm kernels.",
    backend: "ort",
    features: ["simd128"],
    manifest: wasmManifest,
    limits: hostLimits,
    costModel: costModel("ort-cpu", shippedProfile("ort-cpu"), graphFamilies),
    style: "onnx-graph",
  },
  {
    name: "reference",
    doc: "The ops' own reference functions: exact and slow; the oracle.",
    backend: "reference",
    features: [],
    manifest: null,
    limits: hostLimits,
    costModel: costModel("reference", shippedProfile("reference"), countedFamilies),
  },
];
