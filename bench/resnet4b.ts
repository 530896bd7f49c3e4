/** @file `cifar10-resnet4b` and CIFAR-10, as the int8 benchmark and its test use them: the model, the 3,000 test images, and training images for calibration. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openData } from "../compiler/cli/data.ts";
import { bundledPlugins } from "../compiler/cli/plugins.ts";
import { gunzipped } from "../compiler/data/archive.ts";
import { cifar10 } from "../compiler/data/cifar10.ts";
import { type DataSource, dataSet } from "../compiler/data/dataset.ts";
import { preprocess } from "../compiler/data/preprocessing.ts";
import {
  createHost,
  type DataSet,
  type Executor,
  type Host,
  importOnnx,
  preparePipeline,
  resolvePipeline,
  runPipeline,
  type SessionExecutor,
  sessionExecutor,
  targetNamed,
} from "../compiler/index.ts";
import { interpreterExecutor } from "../compiler/interpret/executor.ts";
import type { Module } from "../ir-spec/index.ts";
import { wasm } from "../runtime/backends/wasm/index.ts";
import type { ImagePreprocessing } from "../runtime/index.ts";

const folder = process.env.TERSOR_DATA ?? join(fileURLToPath(new URL("..", import.meta.url)), "../shared/data");
const modelFile = join(folder, "models/cifar10-resnet4b.onnx");

export const hasResnet: boolean = existsSync(modelFile);

/** As the model's publisher trained it (`models.json`). */
export const preprocessing: ImagePreprocessing = {
  input: "input.1",
  width: 32,
  height: 32,
  layout: "nchw",
  channels: "rgb",
  resize: "stretch",
  scale: 1 / 255,
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.2471, 0.2435, 0.2616],
  fill: 0,
  invert: false,
  labels: null,
};

export const host: Host = createHost(bundledPlugins());

/** Ready for compressing passes, batch symbolic. */
export async function preparedModel(): Promise<Module> {
  const bytes = new Uint8Array(readFileSync(modelFile));
  return passed(importOnnx(bytes, { registry: host.ops, fileName: "cifar10-resnet4b.onnx", dynamicBatch: true }), preparePipeline);
}

/** The model after further passes. */
export async function passed(module: Module, pipeline: string, data: DataSet | null = null, executor?: Executor): Promise<Module> {
  const run = executor ?? interpreterExecutor(host.ops);
  return (await runPipeline(module, resolvePipeline(host, pipeline), { registry: host.ops, executor: run, data })).module;
}

export function wasmExecutor(): SessionExecutor {
  return sessionExecutor({ registry: host.ops, target: targetNamed(host, "wasm-simd"), backend: wasm() });
}

/** 3,000 prepared test images. */
export function testImages(): DataSet {
  const name = "cifar-10/cifar10-test-3000.bin.gz";
  return preprocess(cifar10(gunzipped(new Uint8Array(readFileSync(join(folder, name))), name), name), preprocessing);
}

/** The samples, decoded once: for benchmarks that read them many times. */
function kept(data: DataSet): DataSet {
  const values = data.batch(0, data.count)["input.1"] as Float32Array;
  const size = values.length / Math.max(1, data.count);
  const { name, inputs, classes, labels } = data;
  const write: DataSource["write"] = (index, out, row) =>
    out["input.1"]?.set(values.subarray(index * size, (index + 1) * size), row * size);
  return dataSet({ name, inputs, classes, labels, write });
}

/** `count` prepared training images of all classes. */
export async function trainingImages(count: number): Promise<DataSet> {
  return kept(preprocess(await openData(`cifar10:${join(folder, "cifar-10")}`, "train", count), preprocessing));
}

/** All 10,000 prepared test images, from their JPEG files. */
export async function testArchive(): Promise<DataSet> {
  return kept(preprocess(await openData(`cifar10:${join(folder, "cifar-10/cifar10-test-jpeg.tar.gz")}`, "test"), preprocessing));
}
