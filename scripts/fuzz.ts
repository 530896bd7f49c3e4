/**
 * @file `npm run fuzz -- --seed S --count N --kind tsr|tsr-checked|onnx|tir|all --corpus DIR...`: damaged files against the readers, the compiler and the runtime. Every case must end
 * in a coded error or in a model that works, within 5 s and 64 MB + 4 times its length; exit code 1 otherwise. `--only K` replays case K; docs/hostile-files.md says more.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { serialize } from "node:v8";
import { CaseMaker, type Kind, kinds } from "./fuzz/cases.ts";
import type { Order } from "./fuzz/child.ts";
import { buildCorpus } from "./fuzz/corpus.ts";
import { violations } from "./fuzz/judge.ts";
import { type Result, runPool } from "./fuzz/pool.ts";
import { Progress } from "./fuzz/progress.ts";
import { Summary } from "./fuzz/summary.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "10000" },
    kind: { type: "string", default: "all" },
    corpus: { type: "string", multiple: true, default: [] },
    only: { type: "string" },
    workers: { type: "string", default: String(Math.max(1, availableParallelism())) },
    out: { type: "string", default: "fuzz-failures" },
    json: { type: "boolean", default: false },
  },
});

function integer(name: "seed" | "count" | "only" | "workers", least: number): number {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= least) return value;
  console.error(`--${name} ${values[name]} must be an integer from ${least} on`);
  process.exit(2);
}

function wantedKinds(): readonly Kind[] {
  if (values.kind === "all") return kinds;
  const kind = kinds.find((known) => known === values.kind);
  if (kind) return [kind];
  console.error(`--kind ${values.kind} must be one of ${kinds.join(", ")}, all`);
  process.exit(2);
}

const [seed, count, workers] = [integer("seed", 0), integer("count", 1), integer("workers", 1)];
const chosen = wantedKinds();
const only = values.only === undefined ? null : integer("only", 0);

function* orders(): Generator<Order> {
  for (const kind of chosen) {
    if (only !== null) yield { seed, kind, index: only };
    else for (let index = 0; index < count; index++) yield { seed, kind, index };
  }
}

const started = performance.now();
const corpus = await buildCorpus(values.corpus);
const maker = new CaseMaker(corpus);
const scratch = mkdtempSync(join(tmpdir(), "tersor-fuzz-"));
const corpusFile = join(scratch, "corpus.bin");
writeFileSync(corpusFile, serialize(corpus));

const summary = new Summary();
const progress = new Progress(only === null ? chosen.length * count : chosen.length);

function replayLine({ order }: Result): string {
  const folders = values.corpus.map((folder) => ` --corpus ${folder}`).join("");
  return `npm run fuzz -- --seed ${order.seed} --kind ${order.kind} --only ${order.index}${folders}`;
}

/** The damaged file, what is wrong with it, and the line that replays it. */
function save(result: Result): void {
  const { kind, index } = result.order;
  const { bytes, seed: from, how } = maker.make(seed, kind, index);
  mkdirSync(values.out, { recursive: true });
  const name = join(values.out, `${kind}-${seed}-${index}`);
  writeFileSync(`${name}.${from.format}`, bytes);
  writeFileSync(
    `${name}.txt`,
    `${result.outcome} ${result.code}\n${replayLine(result)}\nfrom ${from.name}: ${how}\n${result.milliseconds} ms, ${result.bytes} bytes\n${result.detail}\n`,
  );
}

try {
  await runPool(orders(), Math.min(workers, chosen.length * count), corpusFile, (result) => {
    summary.add(result);
    if (violations.has(result.outcome)) {
      save(result);
      progress.note(`${result.outcome} ${result.code} ${replayLine(result)}\n  ${result.detail.split("\n").slice(0, 3).join("\n  ")}`);
    } else if (only !== null)
      progress.note(
        `${result.outcome} ${result.code} (${result.how}, from ${result.from}; ${result.milliseconds.toFixed(0)} ms, ${result.bytes} bytes)`,
      );
    progress.step();
  });
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
progress.done();
const seconds = (performance.now() - started) / 1000;
if (values.json) console.log(JSON.stringify({ seed, count: only === null ? count : 1, corpus: corpus.length, seconds, ...summary.json() }));
else console.log(`${summary.text()}\n${corpus.length} files damaged, seed ${seed}, ${seconds.toFixed(0)} s`);
process.exitCode = summary.violations > 0 ? 1 : 0;
