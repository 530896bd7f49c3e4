/**
 * @file `npm run conformance`: the three sets of ONNX operator tests beside the checkout on the reference interpreter and on wasm. Prints the score beside ONNX Runtime and writes
 * `bench/results/conformance.json` and `docs/onnx-coverage.md`. Ends with exit code 1 where a limit is not reached.
 *
 * node --import tsx scripts/conformance.ts [--page]        `--page` makes the page again from the record, without a run
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { scoreText } from "../compiler/cli/commands/conformance.ts";
import { Pool } from "../compiler/cli/conformance/pool.ts";
import { openSuite } from "../compiler/cli/conformance/source.ts";
import { createOutput } from "../compiler/cli/output.ts";
import { type Baseline, scoreOf } from "../compiler/conformance/score.ts";
import { compilerVersion } from "../compiler/version.ts";
import { coveragePage } from "./conformance-page.ts";
import { type ConformanceRecord, type Run, recordOf } from "./conformance-record.ts";
import { ROOT } from "./paths.mjs";

const folder = join(process.env.TERSOR_DATA ?? join(ROOT, "../shared/data"), "onnx-backend-tests");
const sets = ["onnx-1.7.0-opset12", "onnx-1.13.1-opset18", "onnx-dev-opset28"];
const backends = ["reference", "wasm"];
const recordFile = join(ROOT, "bench/results/conformance.json");
const pageFile = join(ROOT, "docs/onnx-coverage.md");

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(`wrote ${path.slice(ROOT.length + 1)}`);
}

const pool = new Pool({ jobs: availableParallelism(), timeoutMs: 120_000, maxWork: 2e10 });

async function runSet(set: string, backend: string): Promise<Run> {
  const { tests } = await openSuite(join(folder, `${set}.tar.gz`));
  const progress = createOutput(false).progress(`${set} on ${backend}`);
  const outcomes = await pool.run(tests, backend, (name, _, done, total) => progress.update(done / total, name));
  progress.done();
  return { set, backend, outcomes };
}

async function runAll(): Promise<void> {
  const baseline = JSON.parse(readFileSync(join(folder, "onnxruntime-1.30-baseline.json"), "utf8")) as Baseline;
  const runs: Run[] = [];
  for (const set of sets) {
    for (const backend of backends) {
      const run = await runSet(set, backend);
      runs.push(run);
      const score = scoreOf(set, run.outcomes, baseline[set] ?? {}, backend);
      console.log(`\n${set} on ${backend}\n${scoreText(score)}`);
      if (!score.ok) process.exitCode = 1;
    }
  }
  pool.close();
  const record = recordOf(runs, baseline, compilerVersion);
  write(recordFile, `${JSON.stringify(record, null, 2)}\n`);
  write(pageFile, coveragePage(record));
}

if (process.argv.includes("--page")) write(pageFile, coveragePage(JSON.parse(readFileSync(recordFile, "utf8")) as ConformanceRecord));
else await runAll();
