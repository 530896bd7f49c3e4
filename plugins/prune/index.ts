/** @file Plugin `prune`: structural zeros. See README.md. */
import { definePlugin, type Plugin, pluginApiVersion } from "../../compiler/index.ts";
import { pruneCalibrated } from "./calibrated.ts";
import { pruneFilters } from "./filters.ts";
import { pruneLayers } from "./layers.ts";
import { pruneMagnitude } from "./magnitude.ts";

export function prune(): Plugin {
  return definePlugin({
    name: "prune",
    version: "0.1.0",
    apiVersion: pluginApiVersion,
    passes: [pruneMagnitude, pruneCalibrated, pruneFilters, pruneLayers],
  });
}
