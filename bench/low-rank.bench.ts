/**
 * @file Low-rank factoring and weight sharing on `lenet5` (2,000 drawn test digits) and `cifar10-resnet4b` (test images of CIFAR-10): bytes of the file, MACs, milliseconds an image on wasm, accuracy.
 * Calibrates on 256 training samples. Prints a table and writes `bench/results/low-rank.json`. Timings are the median of three rounds on one thread.
 *
 * node --import tsx bench/low-rank.bench.ts [images [part of a pipeline]]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { performance } from "node:perf_hooks";
import { sizeOf, unitSizes } from "../compiler/cost/step.ts";
import { digits } from "../compiler/data/digits/digits.ts";
import { codecsOf, type DataSet, emitFile, lower, targetNamed } from "../compiler/index.ts";
import { readDigitsModel } from "../examples/digits/files.ts";
import { type Module, mainFunction, operandTypes, readAttrs, valueInfo } from "../ir-spec/index.ts";
import { wasm } from "../runtime/backends/wasm/index.ts";
import { load, Tensor } from "../runtime/index.ts";
import { hasResnet, host, passed, preparedModel, testImages, trainingImages, wasmExecutor } from "./resnet4b.ts";

const images = Number(process.argv[2] ?? 3000);
const filter = process.argv[3] ?? "";
const samples = 256;
const batch = 50;
const entropy = "entropy";

const pipelines = [
  "",
  ...["svd", "whitened", "spatial", "tucker", "cp"].map((method) => `low-rank{method=${method} macs=50%}`),
  ...["svd", "whitened", "spatial", "tucker"].map((method) => `low-rank{method=${method} macs=50% scope=global}`),
  ...["whitened", "spatial", "tucker"].map((method) => `low-rank{method=${method} macs=75% scope=global}`),
  "low-rank{method=whitened macs=70%}",
  "low-rank{method=whitened macs=50%},quantize{bits=8}",
  "quantize{bits=8}",
  "share-weights{clusters=16}",
  "share-weights{clusters=16 start=exact}",
  "share-weights{clusters=16 start=exact weighting=hessian}",
  "share-weights{clusters=8 start=exact}",
  "share-weights{clusters=8 start=exact weighting=hessian}",
  "share-weights{clusters=16 across=true start=exact}",
  "share-weights{vector=3 clusters=256}",
  "share-weights{vector=4 clusters=256 weighting=hessian}",
];

interface Network {
  readonly name: string;
  readonly model: Module;
  readonly calibration: DataSet;
  readonly test: DataSet;
  readonly input: string;
  readonly shape: readonly number[];
}

interface Row {
  readonly pipeline: string;
  readonly bytes: number;
  readonly macs: number;
  readonly ms: number;
  readonly accuracy: number;
  readonly seconds: number;
}

function macsOf(module: Module): number {
  const func = mainFunction(module);
  return func.ops.reduce((sum, op) => {
    const def = host.ops.require(op.name);
    const attrs = readAttrs(def.attrs, op.attrs);
    if (!attrs.ok) return sum;
    const outputs = op.results.map((id) => valueInfo(func, id).type);
    const { macs } = def.work({ types: operandTypes(module, func, op), attrs: attrs.values, outputs });
    return sum + sizeOf(macs, unitSizes);
  }, 0);
}

async function measure(network: Network, pipeline: string): Promise<Row> {
  const { model, calibration, test, input, shape } = network;
  const executor = wasmExecutor();
  const start = performance.now();
  const module = await passed(model, [pipeline, entropy].filter(Boolean).join(), calibration, executor);
  const seconds = (performance.now() - start) / 1000;
  executor.dispose();
  const plan = lower(module, targetNamed(host, "wasm-simd"), host.ops);
  const file = emitFile({
    plans: [{ target: plan.target, module: plan.module }],
    codecs: codecsOf(module, host),
    build: { tersor: "bench", pipeline: "" },
  });
  const session = await load(file, { backends: [wasm()] });
  const count = Math.min(images, test.count);
  const times: number[] = [];
  let right = 0;
  for (let round = 0; round < 3; round++) {
    right = 0;
    const before = performance.now();
    for (let at = 0; at < count; at += batch) {
      const n = Math.min(batch, count - at);
      const x = Float32Array.from(test.batch(at, n)[input] as Float32Array);
      const [scores] = Object.values(await session.run({ [mainInput(module)]: new Tensor("f32", x, [n, ...shape]) }));
      const data = scores?.data as Float32Array;
      for (let i = 0; i < n; i++) {
        const row = data.subarray(i * 10, i * 10 + 10);
        if (row.indexOf(Math.max(...row)) === test.labels[at + i]) right++;
      }
    }
    times.push((performance.now() - before) / count);
  }
  session.dispose();
  times.sort((a, b) => a - b);
  return { pipeline, bytes: file.length, macs: macsOf(module), ms: times[1] as number, accuracy: right / count, seconds };
}

const mainInput = (module: Module): string => valueInfo(mainFunction(module), mainFunction(module).params[0] as number).name as string;

async function networks(): Promise<readonly Network[]> {
  const lenet: Network = {
    name: "lenet5",
    model: await passed(readDigitsModel(host.ops), "fold-batch-norm,materialize"),
    calibration: digits({ split: "train", count: samples }),
    test: digits({ split: "test", count: 2000 }),
    input: "image",
    shape: [1, 28, 28],
  };
  if (!hasResnet) return [lenet];
  const model = await passed(await preparedModel(), "fold-batch-norm,materialize");
  const resnet = {
    name: "cifar10-resnet4b",
    model,
    calibration: await trainingImages(samples),
    test: testImages(),
    input: "input.1",
    shape: [3, 32, 32],
  };
  return [lenet, resnet];
}

const results: Record<string, Row[]> = {};
for (const network of await networks()) {
  console.log(
    `\n${network.name}, ${Math.min(images, network.test.count)} test images\n${"pipeline".padEnd(64)}   bytes      MACs     ms  accuracy  compile s`,
  );
  results[network.name] = [];
  for (const pipeline of pipelines.filter((text) => text.includes(filter))) {
    const row = await measure(network, pipeline);
    results[network.name]?.push(row);
    console.log(
      `${(pipeline || "float").padEnd(64)}${String(row.bytes).padStart(8)}${String(row.macs).padStart(10)}${row.ms.toFixed(3).padStart(7)}${(100 * row.accuracy).toFixed(2).padStart(8)} %${row.seconds.toFixed(1).padStart(9)}`,
    );
  }
}
if (filter !== "") process.exit();
mkdirSync(new URL("results/", import.meta.url), { recursive: true });
writeFileSync(
  new URL("results/low-rank.json", import.meta.url),
  `${JSON.stringify({ machine: cpus()[0]?.model, node: process.version, images, samples, results }, null, 2)}\n`,
);
