/** @file Plugin `repair`: gives a compressed network back the statistics that it had. See README.md. */
import { definePlugin, type Plugin, pluginApiVersion } from "../../compiler/index.ts";
import { reestimateBatchNorm } from "./batch-norm.ts";
import { correctBias, correctStatistics } from "./correct.ts";
import { rememberStatistics } from "./remember.ts";

export function repair(): Plugin {
  return definePlugin({
    name: "repair",
    version: "0.1.0",
    apiVersion: pluginApiVersion,
    passes: [rememberStatistics, correctBias, correctStatistics, reestimateBatchNorm],
  });
}
