// @ts-check
/**
 * @file What an app's bundler makes of the runtime: the given entries and everything they reach, npm packages included, as one
 * minified browser module. `npm run build` prints its size; test/architecture/bundle.test.ts looks at what is inside.
 */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { nodeResolve } from "@rollup/plugin-node-resolve";
import { rollup } from "rollup";
import esbuild, { minify } from "rollup-plugin-esbuild";
import { refuseUnresolved, tsForJs } from "../rollup.config.mjs";
import { fromRoot, ROOT } from "./paths.mjs";

export const RUNTIME_ENTRIES = ["runtime/index.ts", "runtime/backends/wasm/index.ts"];
const VIRTUAL_ENTRY = "\0app";

/**
 * @typedef {object} RuntimeBundle
 * @property {string} code one minified ES module
 * @property {readonly string[]} modules source files that the bundler had to load, relative to the root, sorted
 * @property {readonly string[]} externals imports left in the bundle, by specifier, sorted; dynamic ones included
 * @property {number} raw bytes
 * @property {number} gzip bytes at level 9
 */

/**
 * @param {readonly string[]} sources files relative to the root that the app imports
 * @param {readonly string[]} externals packages left as imports (an app's bundler config would say the same of optional peers)
 * @returns {Promise<RuntimeBundle>}
 */
export async function bundleRuntime(sources = RUNTIME_ENTRIES, externals = ["onnxruntime-node", "webgpu"]) {
  const app = sources.map((source, i) => `export * as part${i} from ${JSON.stringify(join(ROOT, source))};`).join("\n");
  const bundle = await rollup({
    input: VIRTUAL_ENTRY,
    external: (id) => id.startsWith("node:") || externals.includes(id),
    plugins: [
      { name: "app", resolveId: (id) => (id === VIRTUAL_ENTRY ? id : null), load: (id) => (id === VIRTUAL_ENTRY ? app : null) },
      tsForJs(),
      nodeResolve({ browser: true, exportConditions: ["browser"] }),
      esbuild({ target: "es2022", tsconfig: join(ROOT, "tsconfig.json") }),
      minify({ target: "es2022", sourceMap: false }),
    ],
    onLog: refuseUnresolved,
  });
  const { output } = await bundle.generate({ format: "es", inlineDynamicImports: true });
  const loaded = [...bundle.watchFiles].filter((file) => !file.startsWith("\0"));
  await bundle.close();
  const chunk = output[0];
  return {
    code: chunk.code,
    modules: loaded.map(fromRoot).sort(),
    externals: [...chunk.imports, ...chunk.dynamicImports].sort(),
    raw: Buffer.byteLength(chunk.code),
    gzip: gzipSync(chunk.code, { level: 9 }).length,
  };
}
