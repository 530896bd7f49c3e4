// @ts-check
/**
 * @file `npm run build`: dist/ from the sources. It writes beside dist/ and swaps at the end, so that a failed build leaves the
 * last good one, and stamps the result with the sources' fingerprint. `--if-stale` does nothing when the stamp still fits.
 * Generated sources are committed and not made here: that is `npm run gen`.
 */
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rollup } from "rollup";
import { declarations, javascript } from "../rollup.config.mjs";
import { bundleRuntime, RUNTIME_ENTRIES } from "./bundle-runtime.mjs";
import { DIST, entries, fromRoot, ROOT, sourceFingerprint } from "./paths.mjs";

const STAMP = ".sources";

/** True when dist/ was built from exactly the sources that stand here now. */
function isFresh() {
  const stamp = join(DIST, STAMP);
  return existsSync(stamp) && readFileSync(stamp, "utf8") === sourceFingerprint();
}

/** @param {import("rollup").RollupOptions} config @param {string} dir */
async function write(config, dir) {
  const outputs = [config.output ?? []].flat();
  const bundle = await rollup(config);
  for (const output of outputs) await bundle.write({ ...output, dir });
  await bundle.close();
}

/** @param {string} built */
function swapIn(built) {
  const old = `${built}-old`;
  if (existsSync(DIST)) renameSync(DIST, old);
  renameSync(built, DIST);
  rmSync(old, { recursive: true, force: true });
}

async function printRuntimeSize() {
  if (!RUNTIME_ENTRIES.every((source) => existsSync(join(ROOT, source)))) return;
  const { raw, gzip } = await bundleRuntime();
  console.log(`runtime + wasm backend, bundled and minified for the browser: ${raw} bytes, ${gzip} bytes gzip`);
}

async function build() {
  const { present, missing } = entries();
  for (const [name, source] of Object.entries(missing)) console.log(`skipped ${name}: no ${source}`);
  if (Object.keys(present).length === 0) return console.log("nothing to build");
  const started = performance.now();
  const fingerprint = sourceFingerprint();
  const built = join(ROOT, `.dist-${process.pid}`);
  try {
    await write(javascript, built);
    await write(declarations, built);
    if (present.cli !== undefined) chmodSync(join(built, "cli.js"), 0o755);
    writeFileSync(join(built, STAMP), fingerprint);
    swapIn(built);
  } finally {
    rmSync(built, { recursive: true, force: true });
  }
  console.log(`built ${Object.keys(present).join(", ")} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  await printRuntimeSize();
}

/** What a reader can act on: rollup's message, the place and the lines around it, not the bundler's own stack. @param {unknown} error */
function report(error) {
  if (!(error instanceof Error) || !("watchFiles" in error)) throw error;
  const { message, loc, frame } = /** @type {import("rollup").RollupError} */ (error);
  const place = loc ? `${fromRoot(loc.file ?? "")}:${loc.line}:${loc.column}: ` : "";
  console.error(`build failed: ${place}${message}${frame ? `\n${frame}` : ""}`);
  process.exitCode = 1;
}

if (!process.argv.includes("--if-stale") || !isFresh()) await build().catch(report);
