/**
 * @file `mnist-cnn-op8` on all 10,000 MNIST test images: our answers on wasm and reference beside ONNX Runtime's, and what the default preset makes of the model. The model's
 * own accuracy (9,891 right) is known from ONNX Runtime.
 */
import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { evaluateSession } from "../../compiler/cli/evaluate.ts";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { compile } from "../../compiler/compile.ts";
import type { DataSet } from "../../compiler/data/dataset.ts";
import { openDataSpec } from "../../compiler/data/spec.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { createCoreRegistry } from "../../ir-spec/index.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { type Backend, load } from "../../runtime/index.ts";
import { DATA, hasData } from "../support/data.ts";
import { ort } from "../support/ort.ts";
import { need } from "../support/skip.ts";

const KNOWN_RIGHT = 9_891;
const file = join(DATA, "models/mnist-cnn-op8.onnx");

function testImages(): Promise<DataSet> {
  const read = async (path: string) => new Uint8Array(await readFile(path));
  return openDataSpec(`mnist:${join(DATA, "mnist")}`, { readFile: read, listDir: readdir, split: "test" });
}

async function compiled(preset: string): Promise<Uint8Array> {
  const module = importOnnx(new Uint8Array(readFileSync(file)), { registry: createCoreRegistry(), dynamicBatch: true });
  const { bytes } = await compile(module, { plugins: bundledPlugins(), preset });
  return bytes;
}

async function evaluate(bytes: Uint8Array, backend: Backend, data: DataSet) {
  const session = await load(bytes, { backends: [backend] });
  const result = await evaluateSession(session, data);
  session.dispose();
  return result;
}

/** ONNX Runtime's answer for every image. */
async function ortPredictions(data: DataSet): Promise<Int32Array> {
  if (!ort) throw new Error("no onnxruntime-node");
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const predictions = new Int32Array(data.count);
  for (let i = 0; i < data.count; i++) {
    const image = data.batch(i, 1).image as Float32Array;
    const { Plus214_Output_0: scores } = await session.run({ Input3: new ort.Tensor("float32", image, [1, 1, 28, 28]) });
    const values = Array.from(scores?.data as Float32Array);
    predictions[i] = values.indexOf(Math.max(...values));
  }
  await session.release();
  return predictions;
}

test("every answer on wasm and reference is ONNX Runtime's, 9,891 of 10,000 right", async () => {
  if (!need("data", hasData, "mnist on all images") || !need("ort", ort !== null, "mnist on all images")) return;
  const data = await testImages();
  const bytes = await compiled("none");
  const theirs = await ortPredictions(data);
  for (const backend of [wasm(), reference()]) {
    const ours = await evaluate(bytes, backend, data);
    assert.is(ours.correct, KNOWN_RIGHT, backend.name);
    const different = ours.predictions.findIndex((answer, i) => answer !== theirs[i]);
    assert.is(different, -1, `${backend.name}: image ${different}`);
  }
});

test("the default preset: at least 4 times smaller, less than one point lost", async () => {
  if (!need("data", hasData, "the default preset on mnist")) return;
  const data = await testImages();
  const bytes = await compiled("default");
  assert.ok(bytes.length * 4 <= readFileSync(file).length, `${bytes.length} bytes`);
  const { correct } = await evaluate(bytes, wasm(), data);
  assert.ok(correct > KNOWN_RIGHT - 100, `${correct} right`);
});

test.run();
