/** @file The compiler's half: op, pass, codec, and the row of the kernel that the runtime half brings. */
import { definePlugin, type Plugin, pluginApiVersion } from "tersor/compiler";
import type { Manifest } from "tersor/runtime";
import { codec } from "./codec.mts";
import { swish2 } from "./op.mts";
import { samplePass } from "./pass.mts";
import { abi, kernelId } from "./runtime.mts";

const manifest: Manifest = {
  backend: "wasm",
  abi,
  kernels: [
    {
      id: kernelId,
      op: "sample.swish2",
      operands: [{ dtypes: ["f32"] }],
      results: ["f32"],
      cost: { launch: 0.3, macNs: 0, byteNs: 0.1, opNs: 2 },
    },
  ],
};

/** @param options.kernel false: without the kernel's row, so that lowering decomposes the op */
export function sample(options: { readonly kernel?: boolean } = {}): Plugin {
  return definePlugin({
    name: "sample",
    version: "0.1.0",
    apiVersion: pluginApiVersion,
    ops: [swish2],
    passes: [samplePass],
    codecs: [codec],
    manifests: options.kernel === false ? [] : [manifest],
  });
}
