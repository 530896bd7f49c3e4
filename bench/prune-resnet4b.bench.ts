/**
 * @file Structured pruning of `cifar10-resnet4b` without retraining: accuracy on CIFAR-10's test images (JPEG set), multiply-accumulates, bytes of the file, and milliseconds an image on wasm, the original and all
 * variants by turns. Calibrates on training images. Writes `bench/results/prune-resnet4b.json` over all images with the default pipelines.
 *
 * node --import tsx bench/prune-resnet4b.bench.ts [images] [samples] [pipeline...]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { openData } from "../compiler/cli/data.ts";
import { preprocess } from "../compiler/data/preprocessing.ts";
import { channelGroupsOf, type DataSet, emitFile, lower, targetNamed } from "../compiler/index.ts";
import { type Module, mainFunction } from "../ir-spec/index.ts";
import { Cut, macsAfter } from "../plugins/prune/cut.ts";
import { wasm } from "../runtime/backends/wasm/index.ts";
import { load, type Session, Tensor } from "../runtime/index.ts";
import { host, passed, preparedModel, preprocessing, trainingImages, wasmExecutor } from "./resnet4b.ts";

const allImages = 10_000;
const images = Number(process.argv[2] ?? allImages);
const samples = Number(process.argv[3] ?? 1024);
const standard = [
  "prune-filters{macs=25%}",
  "prune-filters{macs=25% repair=once}",
  "prune-filters{macs=25% repair=off}",
  "prune-filters{macs=25% by=l2}",
  "prune-filters{macs=25% by=l2 scope=global repair=off}",
  "prune-filters{macs=50%}",
  "prune-filters{macs=50% repair=off}",
  "prune-layers{count=1}",
  "prune-layers{macs=20%}",
];
const pipelines = process.argv.length > 4 ? process.argv.slice(4) : standard;
const folder = process.env.TERSOR_DATA ?? join(import.meta.dirname, "../../shared/data");
const batch = 50;
const rounds = 400;

interface Row {
  readonly pipeline: string;
  readonly accuracy: number;
  readonly macs: number;
  readonly bytes: number;
  ms: number;
}

async function scored(session: Session, data: DataSet): Promise<number> {
  let right = 0;
  for (let at = 0; at < images; at += batch) {
    const count = Math.min(batch, images - at);
    const { "54": scores } = await session.run({
      "input.1": new Tensor("f32", data.batch(at, count)["input.1"] as Float32Array, [count, 3, 32, 32]),
    });
    const values = scores?.data;
    if (!(values instanceof Float32Array)) throw new Error("no scores");
    for (let i = 0; i < count; i++) {
      const row = values.subarray(i * 10, i * 10 + 10);
      if (row.indexOf(Math.max(...row)) === data.labels[at + i]) right++;
    }
  }
  return right / images;
}

async function opened(module: Module): Promise<{ readonly session: Session; readonly bytes: number }> {
  const target = targetNamed(host, "wasm-simd");
  const plan = lower(module, target, host.ops);
  const file = emitFile({ plans: [{ target: plan.target, module: plan.module }], build: { tersor: "bench", pipeline: "" } });
  return { session: await load(file, { backends: [wasm()] }), bytes: file.length };
}

/** Median milliseconds of one image, every session once a round. */
async function timed(sessions: readonly Session[], image: Float32Array): Promise<readonly number[]> {
  const times = sessions.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++)
    for (const [i, session] of sessions.entries()) {
      const start = performance.now();
      await session.run({ "input.1": new Tensor("f32", image, [1, 3, 32, 32]) });
      times[i]?.push(performance.now() - start);
    }
  return times.map((list) => list.sort((a, b) => a - b)[list.length >> 1] as number);
}

const test = preprocess(await openData(`cifar10:${join(folder, "cifar-10")}`, "test", images), preprocessing);
const training = await trainingImages(samples);
const original = await preparedModel();
const executor = wasmExecutor();
const rows: Row[] = [];
const sessions: Session[] = [];
for (const pipeline of ["", ...pipelines]) {
  const start = performance.now();
  const module = pipeline === "" ? original : await passed(original, pipeline, training, executor);
  const seconds = (performance.now() - start) / 1000;
  const { session, bytes } = await opened(module);
  sessions.push(session);
  const macs = macsAfter(channelGroupsOf(module, host.ops), host.ops, new Cut()) / 64;
  rows.push({ pipeline, accuracy: await scored(session, test), macs, bytes, ms: 0 });
  console.log(
    `${pipeline || "original"}: ${mainFunction(module).ops.length} ops, ${seconds.toFixed(1)} s, ${((rows.at(-1)?.accuracy ?? 0) * 100).toFixed(2)} %`,
  );
}
const times = await timed(sessions, test.batch(0, 1)["input.1"] as Float32Array);
times.forEach((ms, i) => {
  (rows[i] as Row).ms = ms;
});
const [base] = rows;
for (const { pipeline, accuracy, macs, bytes, ms } of rows)
  console.log(
    [
      (pipeline || "original").padEnd(60),
      `${(accuracy * 100).toFixed(2)} %`,
      `${((accuracy - (base?.accuracy ?? 0)) * 100).toFixed(2)} pp`,
      `${(macs / 1e6).toFixed(3)} M MACs (${((100 * macs) / (base?.macs ?? 1)).toFixed(1)} %)`,
      `${bytes} bytes`,
      `${ms.toFixed(3)} ms`,
    ].join("  "),
  );
if (images === allImages && process.argv.length <= 4) {
  mkdirSync(join(import.meta.dirname, "results"), { recursive: true });
  const result = { model: "cifar10-resnet4b", images, samples, cpu: cpus()[0]?.model ?? "", rows };
  writeFileSync(join(import.meta.dirname, "results/prune-resnet4b.json"), `${JSON.stringify(result, null, 2)}\n`);
}
executor.dispose();
for (const session of sessions) session.dispose();
