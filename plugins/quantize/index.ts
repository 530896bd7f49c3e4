/** @file Plugin `quantize`: integers and half floats for weights. See README.md. */
import { definePlugin, type Plugin, pluginApiVersion } from "../../compiler/index.ts";
import { equalize } from "./equalize.ts";
import { quantizeMixed } from "./mixed.ts";
import { quantizeWeights } from "./quantize.ts";
import { awq, smooth } from "./smooth.ts";

export function quantize(): Plugin {
  return definePlugin({
    name: "quantize",
    version: "0.1.0",
    apiVersion: pluginApiVersion,
    passes: [quantizeWeights, quantizeMixed, equalize, smooth, awq],
  });
}
