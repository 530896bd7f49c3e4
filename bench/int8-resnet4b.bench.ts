/**
 * @file `cifar10-resnet4b` with 8-bit weights and activations on the 3,000 test images: accuracy of the float and of the integer model, file sizes, times, and whether the integer plan on
 * wasm gives the same bits as the integer reference (the interpreter over the legalized module). Calibrates on 256 training images. Exits with 1 when a bit differs or accuracy
 * falls by more than a point. Prints a table and, over all images, writes `bench/results/int8-resnet4b.json`.
 *
 * node --import tsx bench/int8-resnet4b.bench.ts [images]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { performance } from "node:perf_hooks";
import { type DataSet, emitFile, interpret, type Lowered, lower, targetNamed } from "../compiler/index.ts";
import { hostTensor, type Module } from "../ir-spec/index.ts";
import { wasm } from "../runtime/backends/wasm/index.ts";
import { load, Tensor } from "../runtime/index.ts";
import { host, passed, preparedModel, testImages, trainingImages, wasmExecutor } from "./resnet4b.ts";

const allImages = 3000;
const images = Number(process.argv[2] ?? allImages);
const samples = 256;
const batch = 50;

interface Scores {
  readonly values: Float32Array;
  readonly right: number;
  /** Milliseconds an image. */
  readonly ms: number;
}

async function scored(data: DataSet, run: (image: Float32Array, count: number) => Promise<Float32Array> | Float32Array): Promise<Scores> {
  const values = new Float32Array(images * 10);
  const start = performance.now();
  for (let at = 0; at < images; at += batch) {
    const count = Math.min(batch, images - at);
    values.set(await run(data.batch(at, count)["input.1"] as Float32Array, count), at * 10);
  }
  const ms = (performance.now() - start) / images;
  let right = 0;
  for (let i = 0; i < images; i++) {
    const scores = values.subarray(i * 10, i * 10 + 10);
    if (scores.indexOf(Math.max(...scores)) === data.labels[i]) right++;
  }
  return { values, right, ms };
}

async function onWasm(plan: Lowered, data: DataSet): Promise<Scores & { readonly bytes: number }> {
  const file = emitFile({ plans: [{ target: plan.target, module: plan.module }], build: { tersor: "bench", pipeline: "" } });
  const session = await load(file, { backends: [wasm()] });
  const run = async (image: Float32Array, count: number) => {
    const { "54": scores } = await session.run({ "input.1": new Tensor("f32", image, [count, 3, 32, 32]) });
    return scores?.data as Float32Array;
  };
  const result = await scored(data, run);
  session.dispose();
  return { ...result, bytes: file.length };
}

function onReference(module: Module, data: DataSet): Promise<Scores> {
  return scored(data, (image, count) => {
    const { outputs } = interpret(module, host.ops, { "input.1": hostTensor("f32", [count, 3, 32, 32], image) });
    return outputs["54"]?.data as Float32Array;
  });
}

function differing(a: Float32Array, b: Float32Array): number {
  const [x, y] = [new Int32Array(a.buffer), new Int32Array(b.buffer)];
  return x.reduce((count, bits, i) => count + (bits === y[i] ? 0 : 1), 0);
}

const target = targetNamed(host, "wasm-simd");
const model = await preparedModel();
const data = testImages();
const executor = wasmExecutor();
const start = performance.now();
const quantized = await passed(model, `quantize{activations=static samples=${samples}}`, await trainingImages(samples), executor);
executor.dispose();
const calibrationMs = performance.now() - start;
const legal = await passed(quantized, "legalize,dce");
const plan = lower(quantized, target, host.ops);

const float = await onWasm(lower(model, target, host.ops), data);
const integer = await onWasm(plan, data);
const exact = await onReference(legal, data);
const different = differing(integer.values, exact.values);

const percent = (right: number) => `${((100 * right) / images).toFixed(2)} %`;
const row = (name: string, right: number, ms: number, bytes: string) =>
  `${name.padEnd(26)}${percent(right).padStart(9)}${ms.toFixed(3).padStart(12)}${bytes.padStart(12)}`;
const lines = [
  `${images} images, calibrated on ${samples} (${calibrationMs.toFixed(0)} ms)`,
  `${"".padEnd(26)}${"accuracy".padStart(9)}${"ms an image".padStart(12)}${"file bytes".padStart(12)}`,
  row("float on wasm", float.right, float.ms, `${float.bytes}`),
  row("integer on wasm", integer.right, integer.ms, `${integer.bytes}`),
  row("integer reference", exact.right, exact.ms, ""),
  `clusters: ${plan.legalized?.integer} integer, ${plan.legalized?.float.length} float`,
  `scores that differ between wasm and reference: ${different} of ${images * 10}`,
];
process.stdout.write(`${lines.join("\n")}\n`);

if (images === allImages) {
  const machine = { cpu: cpus()[0]?.model ?? "unknown", cores: cpus().length, node: process.version };
  const result = { machine, images, samples, float, integer, exact, different, clusters: plan.legalized };
  mkdirSync(new URL("results/", import.meta.url), { recursive: true });
  const text = JSON.stringify(result, (key, value) => (key === "values" ? undefined : value), 2);
  writeFileSync(new URL("results/int8-resnet4b.json", import.meta.url), `${text}\n`);
}
if (different > 0 || integer.right < float.right - images / 100) process.exitCode = 1;
