/**
 * @file `cifar10-resnet4b` with 8-bit weights and activations: every layer integer, wasm's bits are the integer reference's, accuracy on 1,000 test images within a point
 * of float, and ONNX Runtime's answer to our exported QDQ model within a step. `bench/int8-resnet4b.bench.ts` compares bits and accuracy on all 3,000.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { hasResnet, host, passed, preparedModel, testImages, trainingImages, wasmExecutor } from "../../bench/resnet4b.ts";
import { take } from "../../compiler/data/dataset.ts";
import { exportOnnx } from "../../compiler/export/index.ts";
import { type DataSet, emitFile, interpret, type Lowered, lower, targetNamed } from "../../compiler/index.ts";
import { evaluateConstant, hostTensor, type Module, mainFunction } from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load, Tensor } from "../../runtime/index.ts";
import { ort, runOrt } from "../support/ort.ts";
import { need } from "../support/skip.ts";

const SAMPLES = 128;
/** Compared bit by bit with the interpreter, which takes ten milliseconds an image. */
const COMPARED = 60;
const BATCH = 100;

interface Setup {
  readonly model: Module;
  readonly quantized: Module;
  readonly integer: Module;
  readonly data: DataSet;
}

let made: Promise<Setup> | null = null;

function setup(): Promise<Setup> {
  made ??= (async () => {
    const model = await preparedModel();
    const executor = wasmExecutor();
    const quantized = await passed(model, `quantize{activations=static samples=${SAMPLES}}`, await trainingImages(SAMPLES), executor);
    executor.dispose();
    return { model, quantized, integer: await passed(quantized, "legalize,dce"), data: testImages() };
  })();
  return made;
}

const imagesOf = (data: DataSet, start: number, count: number) => data.batch(start, count)["input.1"] as Float32Array;

async function scoresOnWasm(plan: Lowered, data: DataSet, count: number): Promise<Float32Array> {
  const file = emitFile({ plans: [{ target: plan.target, module: plan.module }], build: { tersor: "test", pipeline: "" } });
  const session = await load(file, { backends: [wasm()] });
  const scores = new Float32Array(count * 10);
  for (let at = 0; at < count; at += BATCH) {
    const n = Math.min(BATCH, count - at);
    const { "54": result } = await session.run({ "input.1": new Tensor("f32", imagesOf(data, at, n), [n, 3, 32, 32]) });
    scores.set(result?.data as Float32Array, at * 10);
  }
  session.dispose();
  return scores;
}

function referenceScores(module: Module, data: DataSet, count: number): Float32Array {
  const image = hostTensor("f32", [count, 3, 32, 32], imagesOf(data, 0, count));
  return interpret(module, host.ops, { "input.1": image }).outputs["54"]?.data as Float32Array;
}

function rightAnswers(scores: Float32Array, data: DataSet): number {
  let right = 0;
  for (let i = 0; i < data.count; i++) {
    const row = scores.subarray(i * 10, i * 10 + 10);
    if (row.indexOf(Math.max(...row)) === data.labels[i]) right++;
  }
  return right;
}

const scaleOf = (module: Module, name: string) => Number(evaluateConstant(module, host.ops, name).data[0]);

const counted = (module: Module) => {
  const counts: Record<string, number> = {};
  for (const { name } of mainFunction(module).ops) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

test("all 11 convolutions, 4 additions and 2 linear layers become integer", async () => {
  if (!need("data", hasResnet, "integer layers of resnet4b")) return;
  const { integer } = await setup();
  assert.equal(counted(integer), {
    "quant.quantize": 1,
    "int.conv": 11,
    "int.add": 4,
    "shape.reshape": 1,
    "int.linear": 2,
    "quant.dequantize": 1,
  });
});

test("wasm gives the integer reference's bits; the plan of the QDQ form is the same", async () => {
  if (!need("data", hasResnet, "integer bits of resnet4b")) return;
  const { quantized, integer, data } = await setup();
  const exact = referenceScores(integer, data, COMPARED);
  for (const module of [quantized, integer]) {
    const plan = lower(module, targetNamed(host, "wasm-simd"), host.ops);
    assert.equal(plan.legalized?.float, []);
    const scores = await scoresOnWasm(plan, data, COMPARED);
    assert.equal(new Uint32Array(scores.buffer), new Uint32Array(exact.slice().buffer));
  }
});

test("accuracy on 1,000 images: within one point of float", async () => {
  if (!need("data", hasResnet, "accuracy of integer resnet4b")) return;
  const { model, quantized, data: all } = await setup();
  const data = take(all, 1000);
  const target = targetNamed(host, "wasm-simd");
  const [float, integer] = [
    rightAnswers(await scoresOnWasm(lower(model, target, host.ops), data, data.count), data),
    rightAnswers(await scoresOnWasm(lower(quantized, target, host.ops), data, data.count), data),
  ];
  assert.is(all.count, 3000);
  assert.ok(float > 0.74 * data.count, `${float} right`);
  assert.ok(integer >= float - data.count / 100, `float ${float}, integer ${integer} right`);
});

test("ONNX Runtime on the exported QDQ model: at most one step of the output scale", async () => {
  if (!need("data", hasResnet, "QDQ export of resnet4b") || !need("ort", ort !== null, "QDQ export of resnet4b")) return;
  const { quantized, integer, data } = await setup();
  const bytes = exportOnnx(quantized, { registry: host.ops });
  const image = hostTensor("f32", [COMPARED, 3, 32, 32], imagesOf(data, 0, COMPARED));
  const theirs = (await runOrt(bytes, { "input.1": image }))["54"]?.data as Float32Array;
  const ours = referenceScores(integer, data, COMPARED);
  const scale = scaleOf(quantized, "54.s");
  const distances = ours.map((score, i) => Math.round(Math.abs(score - (theirs[i] as number)) / scale));
  assert.ok(Math.max(...distances) <= 1, `${Math.max(...distances)} steps`);
  assert.ok(distances.filter((d) => d > 0).length < ours.length / 50, `${distances.filter((d) => d > 0).length} differ`);
});

test.run();
