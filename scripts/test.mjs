// @ts-check
/**
 * @file The test runner: every test/**\/*.test.ts in a process of its own (a crash, a leak or a changed global stays there), two
 * at a time. uvu runs a file that is executed and prints its totals; this adds them up, shows the whole output of a file that
 * failed, and ends with the line `N passed, N failed, N skipped`. A file that crashes, hangs or runs no test counts as a failure.
 * Usage: node scripts/test.mjs [--update] [--long] [FILE|FOLDER|PART ...]; `--update` sets TERSOR_UPDATE=1, with which golden tests bless; `--long` sets
 * TERSOR_LONG=1, with which tests that take a sample take everything.
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { ROOT } from "./paths.mjs";
import { countFile } from "./test-counts.mjs";

const CONCURRENCY = 2;
const LIMIT_S = Number(process.env.TERSOR_TEST_LIMIT_S ?? 900);

const args = process.argv.slice(2);
const update = args.includes("--update");
const long = args.includes("--long");
const filters = args.filter((arg) => arg !== "--update" && arg !== "--long");

/** A filter is a path, from here or from the root, to a file or folder, or any part of one. @param {string} file @param {string} filter */
function matches(file, filter) {
  const path = relative(ROOT, resolve(filter)).split(sep).join("/");
  return file === path || file.startsWith(`${path}/`) || file.includes(filter);
}

function testFiles() {
  return readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
    .map((f) => `test/${f.split(sep).join("/")}`)
    .filter((f) => f.endsWith(".test.ts") && (filters.length === 0 || filters.some((filter) => matches(f, filter))))
    .sort();
}

/**
 * @param {string} file
 * @returns {Promise<{ output: string, exit: string, ms: number }>} `exit` is "0", another exit code, or why there is none
 */
function runFile(file) {
  const started = performance.now();
  const { FORCE_COLOR: _, ...environment } = process.env;
  const env = { ...environment, NO_COLOR: "1", ...(update ? { TERSOR_UPDATE: "1" } : {}), ...(long ? { TERSOR_LONG: "1" } : {}) };
  const child = spawn(process.execPath, ["--import", "tsx", file], { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, LIMIT_S * 1000);
  /** @type {Buffer[]} */
  const parts = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part) => parts.push(part));
  return new Promise((done, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const exit = timedOut ? `no end after ${LIMIT_S} s` : (signal ?? String(code));
      done({ output: Buffer.concat(parts).toString("utf8"), exit, ms: performance.now() - started });
    });
  });
}

const total = { passed: 0, failed: 0, skipped: 0 };
/** @type {Map<string, number>} */
const causes = new Map();
/** @type {string[]} */
const failedFiles = [];

/** @param {string} file */
async function runAndReport(file) {
  const { output, exit, ms } = await runFile(file);
  const counts = countFile(output, exit);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skips.length;
  for (const { cause } of counts.skips) causes.set(cause, (causes.get(cause) ?? 0) + 1);
  const skipped = counts.skips.length > 0 ? `, ${counts.skips.length} skipped` : "";
  console.log(`${counts.failed > 0 ? "FAIL" : "ok  "} ${file}: ${counts.passed} passed${skipped} (${(ms / 1000).toFixed(1)} s)`);
  if (counts.failed === 0) return;
  failedFiles.push(file);
  console.log(output.trimEnd());
  if (counts.problem !== undefined) console.log(`${file}: ${counts.problem}`);
}

const files = testFiles();
const queue = [...files];
async function worker() {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) await runAndReport(file);
}
const started = performance.now();
await Promise.all(Array.from({ length: CONCURRENCY }, worker));

if (files.length === 0) {
  console.log(`no test file matches ${filters.join(" ")}`);
  total.failed += 1;
}
console.log(`\n${files.length} files in ${((performance.now() - started) / 1000).toFixed(1)} s`);
if (failedFiles.length > 0) console.log(`failed:\n${failedFiles.map((file) => `  ${file}`).join("\n")}`);
for (const [cause, count] of [...causes].sort()) console.log(`skipped for want of ${cause}: ${count}`);
process.exitCode = total.failed > 0 ? 1 : 0;
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
