/** @file `tersor conformance DIR|TAR.GZ`: ONNX's own operator tests, each in bounded time and memory, and the score beside ONNX Runtime. */
import { availableParallelism } from "node:os";
import type { Command } from "commander";
import { type Baseline, type Score, scoreOf } from "../../conformance/score.ts";
import { type Summary, summarize } from "../../conformance/summary.ts";
import { backendNamed, backendNames } from "../backends.ts";
import { Pool } from "../conformance/pool.ts";
import { openSuite } from "../conformance/source.ts";
import { UsageError } from "../failure.ts";
import { readBytes } from "../files.ts";
import { type Output, table } from "../output.ts";

export interface ConformanceFlags {
  readonly backend: string;
  readonly jobs: string;
  readonly timeout: string;
  readonly maxWork: string;
  readonly filter: string;
  readonly baseline?: string;
  readonly set?: string;
}

export function addConformance(program: Command, output: () => Output): void {
  program
    .command("conformance")
    .description("run ONNX's operator tests")
    .argument("<suite>", "a folder or .tar.gz of <folder>/<test>/model.onnx with test_data_set_N/{input,output}_K.pb")
    .option("-b, --backend <name>", backendNames.join(" | "), "wasm")
    .option("-j, --jobs <n>", "tests at a time", String(availableParallelism()))
    .option("--timeout <seconds>", "for one test", "60")
    .option("--max-work <n>", "element operations that one run may take: a test that needs more is unsupported", "2e10")
    .option("--filter <regexp>", "only tests whose <folder>/<test> matches", "")
    .option("--baseline <file>", "ONNX Runtime's own verdicts: {set: {test: verdict}}")
    .option("--set <name>", "whose verdicts of the baseline; the suite's name unless given")
    .addHelpText("after", "\nExample:\n  tersor conformance onnx-1.13.1-opset18.tar.gz --backend wasm --baseline onnxruntime.json")
    .action(async (path: string, flags: ConformanceFlags) => {
      const report = await conformance(path, flags, output());
      output().result({ ...report }, reportText(report));
      if (!report.ok) process.exitCode = 1;
    });
}

export interface ConformanceReport extends Summary {
  readonly suite: string;
  readonly backend: string;
  readonly baseline?: Score;
}

/** @throws UsageError for flags that say nothing; DataError, or the system's error, for a suite that cannot be read */
export async function conformance(path: string, flags: ConformanceFlags, output: Output): Promise<ConformanceReport> {
  const { backend } = flags;
  backendNamed(backend);
  const suite = await openSuite(path);
  const set = flags.set ?? suite.name;
  const theirs = flags.baseline === undefined ? null : await verdictsOf(flags.baseline, set);
  const wanted = patternOf(flags.filter);
  const tests = suite.tests.filter(({ name }) => wanted.test(name));
  if (tests.length === 0) throw new UsageError(`--filter ${flags.filter}: none of ${suite.tests.length} tests matches`);
  const pool = new Pool({
    jobs: positive(flags.jobs, "--jobs"),
    timeoutMs: 1000 * positive(flags.timeout, "--timeout"),
    maxWork: positive(flags.maxWork, "--max-work"),
  });
  const progress = output.progress(suite.name);
  const outcomes = await pool.run(tests, backend, (name, _, done, total) => progress.update(done / total, name));
  progress.done();
  pool.close();
  const score = theirs && scoreOf(set, outcomes, theirs, backend);
  return { suite: suite.name, backend, ...summarize(set, outcomes), ...(score ? { baseline: score } : {}) };
}

function patternOf(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new UsageError(`--filter ${text}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function positive(text: string, flag: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new UsageError(`${flag} ${text}: expected a number above 0`);
}

/** @throws UsageError where the file does not have the set */
export async function verdictsOf(path: string, set: string): Promise<Readonly<Record<string, string>>> {
  const baseline = parsed(new TextDecoder().decode(await readBytes(path)), path);
  const verdicts = baseline[set];
  if (verdicts) return verdicts;
  throw new UsageError(`${path} has no set ${set}: --set takes ${Object.keys(baseline).join(", ")}`);
}

function parsed(text: string, path: string): Baseline {
  try {
    return JSON.parse(text) as Baseline;
  } catch (error) {
    throw new UsageError(`${path}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function reportText(report: ConformanceReport): string {
  const unfinished = Object.entries(report.ops).filter(([, c]) => c.mismatch + c.unsupported + c.error > 0);
  const rows = unfinished.map(([op, c]) => [op, ...[c.pass, c.mismatch, c.unsupported, c.error].map(String)]);
  const reasons = Object.entries(report.tests).filter(([, verdict]) => /^(unsupported|error)/.test(verdict));
  return [
    ...reasons.map(([name, verdict]) => `${name}: ${verdict}`),
    ...Object.entries(report.mismatches).map(([name, detail]) => `${name}: mismatch: ${detail}${disputeText(report.disputed[name])}`),
    ...(rows.length > 0
      ? ["", "operators with a test that does not pass:", table(["operator", "pass", "mismatch", "unsupported", "error"], rows)]
      : []),
    "",
    `${report.suite} on ${report.backend}: ${report.pass} pass, ${report.mismatch} mismatch, ${report.unsupported} unsupported, ${report.error} error`,
    `${Object.keys(report.fixed).length} tests ran with inputs fixed to their values, because they decide shapes`,
    ...(report.backend === "reference"
      ? []
      : [
          `${Object.keys(report.kernels).length} kernels ran; ${report.materialized.length} tests had a constant evaluated at compile time`,
        ]),
    ...(report.baseline ? [scoreText(report.baseline)] : []),
  ].join("\n");
}

const disputeText = (why: string | undefined): string => (why === undefined ? "" : ` (disputed: ${why})`);
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

export function scoreText(score: Score): string {
  const { theirs, excluded, counted, pass, mismatch, missed, limits, ok } = score;
  return [
    `of ${theirs} tests that ONNX Runtime passes, ${Object.keys(excluded).length} are out (${percent(score.excludedShare)}, at most ${percent(limits.excludedShare)}), ${counted} count:`,
    `${pass} pass, ${mismatch.length} differ, ${Object.keys(missed).length} are not run (${percent(score.missedShare)}, at most ${percent(limits.missedShare)}): ${ok ? "ok" : "NOT REACHED"}`,
  ].join("\n");
}
