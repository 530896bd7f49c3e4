// @ts-check
/**
 * @file The package's build: every entry to dist/ as ES modules with shared chunks and source maps, and the same entries to
 * self-contained declarations. An entry whose source does not exist is left out (scripts/build.mjs says so). An import that
 * is neither local, `node:` nor a declared dependency is an error: the installed package could not resolve it.
 */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { dts } from "rollup-plugin-dts";
import esbuild from "rollup-plugin-esbuild";
import { DIST, entries, externalPackages, ROOT } from "./scripts/paths.mjs";

const packages = externalPackages();

/** @param {string} id */
const external = (id) => id.startsWith("node:") || packages.some((name) => id === name || id.startsWith(`${name}/`));

/** Generated FlatBuffers code imports its neighbours as `./x.js`, as Node wants compiled code to; here they are `./x.ts`. @returns {import("rollup").Plugin} */
export const tsForJs = () => ({
  name: "ts-for-js",
  resolveId(id, importer) {
    if (!importer || !/^\.{1,2}\/.*\.js$/.test(id)) return null;
    const source = resolve(dirname(importer), id.replace(/\.js$/, ".ts"));
    return existsSync(source) ? source : null;
  },
});

/** The command's `#!` line comes from the output's banner, whether or not the source has one. @returns {import("rollup").Plugin} */
const stripHashbang = () => ({
  name: "strip-hashbang",
  transform: (code) => (code.startsWith("#!") ? { code: code.replace(/^#!.*/, ""), map: null } : null),
});

/** Circles inside npm packages are their own affair. @type {import("rollup").LogHandlerWithDefault} */
export const refuseUnresolved = (level, log, handler) => {
  if (log.code === "CIRCULAR_DEPENDENCY" && log.ids?.every((id) => id.includes("node_modules"))) return;
  handler(log.code === "UNRESOLVED_IMPORT" ? "error" : level, log);
};

const { present } = entries();
const { cli: _, "conformance-worker": __, ...typed } = present;
/** @param {Record<string, string>} input */
const absolute = (input) => Object.fromEntries(Object.entries(input).map(([name, source]) => [name, join(ROOT, source)]));

/** @type {import("rollup").RollupOptions} */
export const javascript = {
  input: absolute(present),
  external,
  plugins: [tsForJs(), stripHashbang(), esbuild({ target: "es2022", tsconfig: join(ROOT, "tsconfig.json") })],
  onLog: refuseUnresolved,
  output: {
    dir: DIST,
    format: "es",
    sourcemap: true,
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name]-[hash].js",
    banner: (chunk) => (chunk.isEntry && chunk.name === "cli" ? "#!/usr/bin/env node" : ""),
  },
};

/** @type {import("rollup").RollupOptions} */
export const declarations = {
  input: absolute(typed),
  external,
  plugins: [dts({ tsconfig: join(ROOT, "compiler/tsconfig.json") })],
  onLog: refuseUnresolved,
  output: { dir: DIST, format: "es", entryFileNames: "[name].d.ts", chunkFileNames: "chunks/[name]-[hash].d.ts" },
};

export default [javascript, declarations];
