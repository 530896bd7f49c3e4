/** @file Real models: imported, exported and run by ONNX Runtime, plain and compressed, against ONNX Runtime on the original and our own answers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import { type DataSet, dataSet } from "../../compiler/data/dataset.ts";
import { outsideInitializers } from "../../compiler/export/index.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { onnx } from "../../compiler/import/onnx/proto/gen/onnx.js";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { encodeTensor, evaluateConstant, type HostTensor, type Module, mainFunction, toNumbers } from "../../ir-spec/index.ts";
import { quantize } from "../../plugins/quantize/index.ts";
import { share } from "../../plugins/share/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load } from "../../runtime/index.ts";
import { DATA, hasData } from "../support/data.ts";
import { onnxTypes } from "../support/onnx-writer.ts";
import { toHost, toTensor } from "../support/op-module.ts";
import { ort, runOrt } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { need } from "../support/skip.ts";
import { assertClose, exported, registry, type Tensors } from "./support.ts";

const names = ["mnist-cnn-op8", "cifar10-resnet4b", "ultraface-rfb-320", "super-resolution-op18"] as const;

const modelTest = (what: string, body: () => Promise<void>): void =>
  test(what, async () => {
    if (need("data", hasData, what) && need("ort", ort !== null, what)) await body();
  });

const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(join(DATA, "models", `${name}.onnx`)));

/** Seeded inputs of the original's shapes, with `N` of each where the batch is symbolic. */
function inputsOf(module: Module, seed: number, batch = 1): Tensors {
  const main = mainFunction(module);
  const tensors = main.params.map((id): [string, HostTensor] => {
    const { name, type } = main.values[id] ?? { name: null, type: { dtype: "f32" as const, shape: [] } };
    const shape = type.shape.map((dim) => (typeof dim === "number" ? dim : batch));
    return [name ?? "", seeded(seed).tensor(type.dtype, shape)];
  });
  return Object.fromEntries(tensors);
}

for (const name of names) {
  modelTest(`${name}: exported, ONNX Runtime gives what it gives for the original`, async () => {
    const original = bytesOf(name);
    const module = importOnnx(original, { registry });
    const model = exported(module);
    for (const seed of [1, 2]) {
      const inputs = inputsOf(module, seed);
      assertClose(await runOrt(model, inputs), await runOrt(original, inputs), 1e-5, name);
    }
    assert.ok(model.length <= original.length * 1.01, `${model.length} bytes of ${original.length}`);
    assert.equal(exported(importOnnx(model, { registry })), exported(importOnnx(model, { registry })));
  });

  modelTest(`${name}: with a symbolic batch, initializers appended`, async () => {
    const original = bytesOf(name);
    const module = importOnnx(original, { registry, dynamicBatch: true });
    const initializer = outsideInitializers(module, { registry }).map((entry) => ({
      name: entry.name,
      dims: [...entry.shape],
      dataType: onnxTypes[entry.dtype] ?? 0,
      rawData: encodeTensor(evaluateConstant(module, registry, entry.constant)),
    }));
    const skeleton = exported(module, { initializers: "outside" });
    assert.ok(skeleton.length < 60_000, `${skeleton.length} bytes without weights`);
    const whole = Buffer.concat([skeleton, onnx.ModelProto.encode({ graph: { initializer } }).finish()]);
    const inputs = inputsOf(module, 3);
    assertClose(await runOrt(whole, inputs), await runOrt(original, inputs), 1e-5, name);
  });
}

interface Compressed {
  readonly pipeline: string;
  /** Largest part of the original's bytes that the exported model may take. */
  readonly part: number;
}

const compressed: readonly Compressed[] = [
  { pipeline: "quantize{bits=8}", part: 0.32 },
  { pipeline: "quantize{bits=4}", part: 0.25 },
  { pipeline: "share-weights{clusters=16},quantize{bits=8}", part: 0.32 },
];

async function runWasm(file: Uint8Array, inputs: Tensors): Promise<Tensors> {
  const session = await load(file, { backends: [wasm()] });
  const outputs = await session.run(Object.fromEntries(Object.entries(inputs).map(([key, tensor]) => [key, toTensor(tensor)])));
  session.dispose();
  return Object.fromEntries(Object.entries(outputs).map(([key, tensor]) => [key, toHost(tensor)]));
}

for (const name of ["mnist-cnn-op8", "cifar10-resnet4b"]) {
  for (const { pipeline, part } of compressed) {
    modelTest(`${name} after ${pipeline}: ONNX Runtime gives what wasm gives`, async () => {
      const original = bytesOf(name);
      const module = importOnnx(original, { registry, dynamicBatch: true });
      const result = await compile(module, { plugins: [quantize(), share()], pipeline });
      const model = exported(result.module, { pipeline: result.pipeline });
      assert.ok(model.length <= original.length * part, `${model.length} bytes of ${original.length}`);
      const inputs = inputsOf(module, 4, 3);
      assertClose(await runOrt(model, inputs), await runWasm(result.bytes, inputs), 1e-4, name);
    });
  }
}

for (const name of ["mnist-cnn-op8", "cifar10-resnet4b"]) {
  modelTest(
    `${name} with 8-bit activations: ONNX Runtime, node by node and fused to integers, is within a step of our QDQ and of our integers`,
    async () => {
      const original = bytesOf(name);
      const module = importOnnx(original, { registry, dynamicBatch: true });
      const [input = "", calibration] = Object.entries(inputsOf(module, 5, 16))[0] ?? [];
      if (!calibration) throw new Error("no input");
      const data = unlabelled(input, calibration);
      const result = await compile(module, { plugins: [quantize()], pipeline: "quantize{activations=static}", data });
      const model = exported(result.module);
      assert.ok(model.length <= original.length * 0.42, `${model.length} bytes of ${original.length}`);
      const inputs = inputsOf(module, 6, 3);
      const plain = await runOrt(model, inputs);
      const step = outputStep(result.module);
      assertWithin(interpret(result.module, registry, inputs).outputs, plain, step, "QDQ of the interpreter");
      assertWithin(await runOrt(model, inputs, "all"), plain, step, "QDQ fused");
      assertWithin(await runWasm(result.bytes, inputs), plain, step, "integers of wasm");
    },
  );
}

function unlabelled(input: string, samples: HostTensor): DataSet {
  const [count = 0, ...shape] = samples.shape;
  const size = samples.data.length / count;
  return dataSet({
    name: "seeded",
    inputs: { [input]: { dtype: "f32", shape } },
    classes: 1,
    labels: new Uint8Array(count),
    write: (i, out, row) => void out[input]?.set((samples.data as Float32Array).subarray(i * size, (i + 1) * size), row * size),
  });
}

/** Scale of the last quantized value: what one step of it is worth. */
function outputStep(module: Module): number {
  const last = mainFunction(module)
    .ops.filter((op) => op.name === "quant.dequantize")
    .at(-1)?.operands[1];
  if (typeof last !== "string") throw new Error("nothing is quantized");
  return Number(evaluateConstant(module, registry, last).data[0]);
}

function assertWithin(got: Tensors, want: Tensors, step: number, what: string): void {
  for (const [key, wanted] of Object.entries(want)) {
    const worst = toNumbers(wanted).reduce((most, w, i) => Math.max(most, Math.abs(Number(got[key]?.data[i]) - w)), 0);
    assert.ok(worst <= step * 1.001, `${what}: ${key} is off by ${worst}, a step is ${step}`);
  }
}

test.run();
