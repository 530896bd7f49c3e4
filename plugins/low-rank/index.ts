/** @file Plugin `low-rank`: factored layers. See README.md. */
import { definePlugin, type Plugin, pluginApiVersion } from "../../compiler/index.ts";
import { lowRank as lowRankPass } from "./low-rank.ts";

export { cholesky, solveNormal, solveRight } from "./linear-algebra/cholesky.ts";
export { jacobiSvd, type Svd } from "./linear-algebra/jacobi.ts";
export { type Matrix, matrix, multiply, multiplyTransposed, transposed } from "./linear-algebra/matrix.ts";
export { lazySvd, randomizedSvd } from "./linear-algebra/randomized.ts";

export function lowRank(): Plugin {
  return definePlugin({ name: "low-rank", version: "0.1.0", apiVersion: pluginApiVersion, passes: [lowRankPass] });
}
