// @ts-check
/** @file `npm start [-- ARGS]`: `tersor start ARGS` from a dist/ that fits the sources, building first when it does not. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DIST, ROOT } from "./paths.mjs";

/** @param {string[]} args */
const node = (...args) => spawnSync(process.execPath, args, { stdio: "inherit" }).status ?? 1;

const built = node(join(ROOT, "scripts/build.mjs"), "--if-stale");
const cli = join(DIST, "cli.js");
if (built !== 0 || !existsSync(cli)) {
  console.error(built !== 0 ? "start: the build failed" : "start: the build made no dist/cli.js");
  process.exitCode = 1;
} else {
  process.exitCode = node(cli, "start", ...process.argv.slice(2));
}
