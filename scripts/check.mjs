// @ts-check
/**
 * @file `npm run check`: strict `tsc` once per room, each with its own `lib` and `types`, then Biome over everything.
 * A room is a folder with a tsconfig.json; one that holds no source yet is named and passed over.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { ROOT } from "./paths.mjs";

const ROOMS = ["ir-spec", "runtime", "compiler", "compiler/cli", "plugins", "test", "examples", "bench", "scripts"];
const requireHere = createRequire(import.meta.url);

/** @param {string} room */
function holdsSource(room) {
  const folder = join(ROOT, room);
  if (!existsSync(join(folder, "tsconfig.json"))) return false;
  const nested = room === "compiler" ? "cli" : undefined;
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).some(
    (f) => /\.(ts|mjs)$/.test(f) && dirname(f).split(/[/\\]/)[0] !== nested,
  );
}

/** @param {string} label @param {string} script @param {string[]} args */
function passes(label, script, args) {
  const started = performance.now();
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: ROOT, stdio: "inherit" });
  const verdict = status === 0 ? "ok  " : "FAIL";
  console.log(`${verdict} ${label} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return status === 0;
}

const tsc = requireHere.resolve("typescript/bin/tsc");
const biome = requireHere.resolve("@biomejs/biome/bin/biome");
/** @type {string[]} */
const failed = [];
for (const room of ROOMS) {
  if (!holdsSource(room)) console.log(`--   tsc ${room}: no source`);
  else if (!passes(`tsc ${room}`, tsc, ["-p", room])) failed.push(`tsc ${room}`);
}
if (!passes("biome", biome, ["check"])) failed.push("biome");
if (failed.length > 0) console.log(`\ncheck failed: ${failed.join(", ")}`);
process.exitCode = failed.length > 0 ? 1 : 0;
