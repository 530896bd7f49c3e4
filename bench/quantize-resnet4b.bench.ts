/**
 * @file `cifar10-resnet4b` under every scheme of `quantize`: accuracy on all 10,000 test images (JPEG set) of the file as a fresh process reads it, with the paired difference from the float
 * model and its 95 % interval, and bytes of the file. Calibrates on training images. Exits with 1 where a scheme loses more than its limit.
 *
 * node --import tsx bench/quantize-resnet4b.bench.ts [filter]
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { emitFile, lower, targetNamed } from "../compiler/index.ts";
import { wasm } from "../runtime/backends/wasm/index.ts";
import { load, Tensor } from "../runtime/index.ts";
import { host, passed, preparedModel, testArchive, trainingImages, wasmExecutor } from "./resnet4b.ts";

interface Scheme {
  readonly name: string;
  readonly pipeline: string;
  /** Points that it may lose, by the project's goals. */
  readonly limit?: number;
}

const schemes: readonly Scheme[] = [
  { name: "float", pipeline: "" },
  { name: "f16", pipeline: "quantize{bits=16}" },
  { name: "bf16", pipeline: "quantize{bits=16 half=bf16}" },
  { name: "int8", pipeline: "quantize" },
  ...["round", "hqq", "gptq", "adaround"].flatMap((method) => [
    { name: `int4 groups ${method}`, pipeline: `quantize{bits=4 method=${method}}`, ...(method === "gptq" ? { limit: 0.8 } : {}) },
    { name: `int4 channel ${method}`, pipeline: `quantize{bits=4 granularity=channel method=${method}}` },
    { name: `int3 groups ${method}`, pipeline: `quantize{bits=3 method=${method}}` },
    {
      name: `int3 channel ${method}`,
      pipeline: `quantize{bits=3 granularity=channel method=${method}}`,
      ...(method === "none" ? { limit: 2 } : {}),
    },
    { name: `int2 groups ${method}`, pipeline: `quantize{bits=2 method=${method}}` },
    { name: `int2 affine ${method}`, pipeline: `quantize{bits=2 scheme=affine method=${method}}` },
  ]),
  { name: "W8A8", pipeline: "quantize{activations=static}", limit: 0.3 },
  ...["round", "gptq", "adaround"].map((method) => ({
    name: `W4A8 ${method}`,
    pipeline: `quantize{bits=4 granularity=channel activations=static method=${method}}`,
    ...(method === "gptq" ? { limit: 1 } : {}),
  })),
  ...["groups", "channel"].flatMap((unit) =>
    ["correct-bias", "correct-statistics"].map((repair) => ({
      name: `int3 ${unit} gptq ${repair}`,
      pipeline: `remember-statistics,quantize{bits=3 granularity=${unit === "groups" ? "group" : unit} method=gptq},${repair}`,
    })),
  ),
  {
    name: "W4A8 gptq correct-bias",
    pipeline: "remember-statistics,quantize{bits=4 granularity=channel activations=static method=gptq},correct-bias",
  },
  { name: "int3 affine gptq correct-bias", pipeline: "remember-statistics,quantize{bits=3 scheme=affine method=gptq},correct-bias" },
  {
    name: "int3 affine gptq correct-statistics",
    pipeline: "remember-statistics,quantize{bits=3 scheme=affine method=gptq},correct-statistics",
    limit: 2,
  },
  { name: "1 bit signs", pipeline: "binarize{method=signs}" },
  { name: "1 bit fitted", pipeline: "binarize" },
  { name: "1 bit fitted correct-statistics", pipeline: "remember-statistics,binarize,correct-statistics" },
  { name: "1 bit, two levels", pipeline: "remember-statistics,binarize{activations=mean},correct-statistics" },
  { name: "mixed 50 kB", pipeline: "remember-statistics,quantize-mixed{bytes=50000},correct-bias" },
  { name: "mixed 64 kB", pipeline: "remember-statistics,quantize-mixed{bytes=64000},correct-bias" },
  { name: "mixed 64 kB channels", pipeline: "remember-statistics,quantize-mixed{bytes=64000 granularity=channel},correct-bias" },
  ...["percentile", "kl", "mse"].map((range) => ({ name: `W8A8 ${range}`, pipeline: `quantize{activations=static range=${range}}` })),
  { name: "W8A8 tensor", pipeline: "quantize{activations=static granularity=tensor}" },
  { name: "W8A8 tensor equalize", pipeline: "equalize,quantize{activations=static granularity=tensor}" },
  { name: "W8A8 dynamic", pipeline: "quantize{activations=dynamic}" },
  { name: "W8A8 smooth", pipeline: "smooth,quantize{activations=static}" },
  { name: "int4 tensor", pipeline: "quantize{bits=4 granularity=tensor}" },
  { name: "int4 tensor equalize", pipeline: "equalize,quantize{bits=4 granularity=tensor}" },
  { name: "int4 groups awq", pipeline: "awq{calibration=mse},quantize{bits=4}" },
  { name: "int3 groups awq", pipeline: "awq{bits=3 calibration=mse},quantize{bits=3}" },
];

/** 1 where the image was classified rightly. */
type Right = readonly number[];

/** What a fresh process prints: for each file of the folder, which images it gets right. */
async function score(folder: string): Promise<Record<string, Right>> {
  const data = await testArchive();
  const scores: Record<string, Right> = {};
  for (const name of readdirSync(folder)) {
    const session = await load(new Uint8Array(readFileSync(join(folder, name))), { backends: [wasm()] });
    const right: number[] = [];
    for (let at = 0; at < data.count; at += 50) {
      const count = Math.min(50, data.count - at);
      const image = data.batch(at, count)["input.1"] as Float32Array;
      const { "54": result } = await session.run({ "input.1": new Tensor("f32", image, [count, 3, 32, 32]) });
      const values = result?.data as Float32Array;
      for (let i = 0; i < count; i++) {
        const row = values.subarray(i * 10, i * 10 + 10);
        right.push(row.indexOf(Math.max(...row)) === data.labels[at + i] ? 1 : 0);
      }
    }
    session.dispose();
    scores[name] = right;
  }
  return scores;
}

/** Mean of `b - a` in points, and half the width of its 95 % interval. */
function paired(a: Right, b: Right): readonly [mean: number, half: number] {
  const gaps = a.map((value, i) => (b[i] as number) - value);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / (gaps.length - 1);
  return [100 * mean, 196 * Math.sqrt(variance / gaps.length)];
}

async function table(filter: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tersor-quantize-"));
  const [model, data, executor] = [await preparedModel(), await trainingImages(1024), wasmExecutor()];
  const chosen = schemes.filter(({ name }) => name === "float" || name.includes(filter));
  const bytes = new Map<string, number>();
  for (const { name, pipeline } of chosen) {
    const module = pipeline === "" ? model : await passed(model, pipeline, data, executor);
    const plan = lower(module, targetNamed(host, "wasm-simd"), host.ops);
    const file = emitFile({ plans: [{ target: plan.target, module: plan.module }], build: { tersor: "bench", pipeline } });
    writeFileSync(join(folder, name), file);
    bytes.set(name, file.length);
  }
  executor.dispose();
  const child = spawnSync(process.execPath, ["--import", "tsx", fileURLToPath(import.meta.url), "--score", folder], {
    maxBuffer: 2 ** 28,
    stdio: ["ignore", "pipe", "inherit"],
  });
  rmSync(folder, { recursive: true });
  if (child.status !== 0) throw new Error("scoring failed");
  const scores: Record<string, Right> = JSON.parse(child.stdout.toString());
  const float = scores.float as Right;
  process.stdout.write(`${"".padEnd(24)}${"accuracy".padStart(9)}${"lost".padStart(16)}${"bytes".padStart(9)}\n`);
  for (const { name, limit } of chosen) {
    const right = scores[name] as Right;
    const [mean, half] = paired(right, float);
    const accuracy = (100 * right.reduce((sum, value) => sum + value, 0)) / right.length;
    const bound = limit === undefined ? "" : `  at most ${limit}`;
    if (limit !== undefined && mean > limit) process.exitCode = 1;
    const lost = `${mean.toFixed(2)} ± ${half.toFixed(2)}`;
    process.stdout.write(
      `${name.padEnd(24)}${accuracy.toFixed(2).padStart(9)}${lost.padStart(16)}${`${bytes.get(name)}`.padStart(9)}${bound}\n`,
    );
  }
}

const [first = "", second = ""] = process.argv.slice(2);
if (first === "--score") process.stdout.write(JSON.stringify(await score(second)));
else await table(first);
