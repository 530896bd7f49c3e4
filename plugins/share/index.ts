/** @file Plugin `share`: weight sharing by k-means. See README.md. */
import { definePlugin, type Plugin, pluginApiVersion } from "../../compiler/index.ts";
import { shareWeights } from "./share-weights.ts";

export { type Clustering, type ClusteringOptions, kMeans, starts } from "./k-means.ts";

export { type VectorClustering, type Vectors, vectorKMeans } from "./vector-k-means.ts";

export function share(): Plugin {
  return definePlugin({ name: "share", version: "0.1.0", apiVersion: pluginApiVersion, passes: [shareWeights] });
}
