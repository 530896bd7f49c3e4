/** @file Plugin `share`: weight sharing by k-means. See README.md. */
import { definePlugin, type Plugin, pluginApiVersion } from "../../compiler/index.ts";
import { shareWeights } from "./share-weights.ts";

export { type Clustering, kMeans } from "./k-means.ts";

export function share(): Plugin {
  return definePlugin({ name: "share", version: "0.1.0", apiVersion: pluginApiVersion, passes: [shareWeights] });
}
