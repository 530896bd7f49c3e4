// @ts-check
/**
 * @file `npm run bench [-- FILTER ... [-- ARGUMENT ...]]`: runs bench/**\/*.bench.ts one after the other, each in its own process, so that no
 * benchmark inherits another's heap or compiled code. Arguments after a second `--` go to the benchmark. Each prints, and writes as JSON, its own results.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./paths.mjs";

const given = process.argv.slice(2);
const split = given.indexOf("--");
const [filters, passed] = split < 0 ? [given, []] : [given.slice(0, split), given.slice(split + 1)];
const files = readdirSync(join(ROOT, "bench"), { recursive: true, encoding: "utf8" })
  .filter((f) => f.endsWith(".bench.ts") && (filters.length === 0 || filters.some((filter) => f.includes(filter))))
  .sort();
if (files.length === 0) console.log("no benchmark matches");
for (const file of files) {
  console.log(`\n# bench/${file}`);
  const { status } = spawnSync(process.execPath, ["--expose-gc", "--import", "tsx", join("bench", file), ...passed], {
    cwd: ROOT,
    stdio: "inherit",
  });
  if (status !== 0) process.exitCode = 1;
}
