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
    name: "webgpu-f16",
    doc: "WebGPU, stored and moved in f16, summed in f32, for devices with shader-f16. Inputs and results stay f32.",
    backend: "webgpu",
    features: ["shader-f16"],
    manifest: webgpuManifest,
    floats: "f16",
  },
  {
    name: "ort-cpu",
    doc: "ONNX Runtime's CPU engine in Node, through the package onnxruntime-node; weights are rebuilt by the wasm kernels.",
    backend: "ort",
    features: ["simd128"],
    manifest: wasmManifest,
    style: "onnx-graph",
  },
  {
    name: "reference",
    doc: "The ops' own reference functions: exact and slow; the oracle.",
    backend: "reference",
    features: [],
    manifest: null,
  },
];
