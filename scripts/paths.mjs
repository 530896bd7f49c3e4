// @ts-check
/**
 * @file What the build is made of: the package's entries (subpath export -> source file) and the fingerprint of all sources,
 * by which `npm start` knows whether dist/ is older than they are.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url)).replace(/[/\\]$/, "");
export const DIST = join(ROOT, "dist");

/** Source of each built file that is not found by rule, relative to the root; the key is its path in dist/ without extension. */
const NAMED_ENTRIES = {
  ir: "ir-spec/index.ts",
  compiler: "compiler/index.ts",
  testing: "compiler/testing/index.ts",
  cli: "compiler/cli/main.ts",
  "conformance-worker": "compiler/cli/conformance/worker.ts",
  runtime: "runtime/index.ts",
};

/** @param {string} folder @returns {string[]} */
function subfolders(folder) {
  const path = join(ROOT, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((e) => e.isDirectory())
    .map((e) => e.name)
    .sort();
}

/**
 * Every entry the package can have, `runtime/<backend>` and `plugins/<name>` by folder, split by whether its source exists.
 * @returns {{ present: Record<string, string>, missing: Record<string, string> }}
 */
export function entries() {
  /** @type {Record<string, string>} */
  const all = { ...NAMED_ENTRIES };
  for (const backend of subfolders("runtime/backends")) all[`runtime/${backend}`] = `runtime/backends/${backend}/index.ts`;
  for (const plugin of subfolders("plugins")) all[`plugins/${plugin}`] = `plugins/${plugin}/index.ts`;
  const rows = Object.entries(all);
  const exists = ([, source] = ["", ""]) => existsSync(join(ROOT, source));
  return { present: Object.fromEntries(rows.filter(exists)), missing: Object.fromEntries(rows.filter((row) => !exists(row))) };
}

/** @returns {{ dependencies: Record<string, string>, peerDependencies: Record<string, string>, exports: Record<string, unknown> }} */
export function packageJson() {
  const { dependencies = {}, peerDependencies = {}, exports = {} } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  return { dependencies, peerDependencies, exports };
}

/** Names of packages that the installed package resolves at run time: never bundled into dist/. */
export function externalPackages() {
  const { dependencies, peerDependencies } = packageJson();
  return [...Object.keys(dependencies), ...Object.keys(peerDependencies)];
}

const BUILT_FROM = ["ir-spec", "compiler", "runtime", "plugins"];
const BUILT_WITH = [
  "package.json",
  "package-lock.json",
  "tsconfig.json",
  "rollup.config.mjs",
  "scripts/build.mjs",
  "scripts/bundle-runtime.mjs",
];

/** A hash over path, size and modification time of everything dist/ is made from. */
export function sourceFingerprint() {
  const hash = createHash("sha256");
  const inRooms = BUILT_FROM.flatMap((room) =>
    existsSync(join(ROOT, room)) ? readdirSync(join(ROOT, room), { recursive: true, encoding: "utf8" }).map((f) => join(room, f)) : [],
  );
  for (const file of [...inRooms, ...BUILT_WITH].sort()) {
    const stat = statSync(join(ROOT, file), { throwIfNoEntry: false });
    if (stat?.isFile()) hash.update(`${file.split(sep).join("/")} ${stat.size} ${stat.mtimeMs}\n`);
  }
  return hash.digest("hex");
}

/** @param {string} path */
export const fromRoot = (path) => relative(ROOT, path).split(sep).join("/");
