/** @file A whole trained model on the wasm backend: the same answers as the interpreter and, over the full test set, those that ONNX Runtime gave. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import { parseIdx } from "../../compiler/data/mnist.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { hostTensor } from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load, type Session, Tensor } from "../../runtime/index.ts";
import { DATA, hasData } from "../support/data.ts";
import { registry } from "../support/op-module.ts";
import { needing } from "../support/skip.ts";

const dataTest = needing(test, "data", hasData);
const pixels = 28 * 28;

/** Raw pixels 0..255 and labels. */
function testSet(): { readonly images: Uint8Array; readonly labels: Uint8Array } {
  const read = (kind: string) => {
    const file = `t10k-${kind}-ubyte.gz`;
    return parseIdx(gunzipSync(readFileSync(join(DATA, "mnist", file))), file).data;
  };
  return { images: read("images-idx3"), labels: read("labels-idx1") };
}

const imported = () => importOnnx(readFileSync(join(DATA, "models/mnist-cnn-op8.onnx")), { registry });

async function started(): Promise<Session> {
  const { bytes } = await compile(imported(), { targets: ["wasm-simd"] });
  return load(bytes, { backends: [wasm()] });
}

const image = (images: Uint8Array, i: number): Float32Array => Float32Array.from(images.subarray(i * pixels, (i + 1) * pixels));
const scores = (session: Session, x: Float32Array): Float32Array =>
  session.runSync({ Input3: new Tensor("f32", x, [1, 1, 28, 28]) }).Plus214_Output_0?.data as Float32Array;

dataTest("mnist-cnn: within 1e-5 of the interpreter", async () => {
  const session = await started();
  const module = imported();
  const { images } = testSet();
  for (let i = 0; i < 20; i++) {
    const x = image(images, i);
    const actual = scores(session, x);
    const expected = interpret(module, registry, { Input3: hostTensor("f32", [1, 1, 28, 28], x) }).outputs.Plus214_Output_0
      ?.data as Float32Array;
    const largest = expected.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    expected.forEach((value, k) => {
      const error = Math.abs((actual[k] as number) - value);
      assert.ok(error <= 1e-5 * largest, `image ${i}, class ${k}: ${actual[k]}, expected ${value}`);
    });
  }
  session.dispose();
});

dataTest("mnist-cnn: 9,891 of 10,000 test images are right", async () => {
  const session = await started();
  const { images, labels } = testSet();
  const begun = performance.now();
  let right = 0;
  labels.forEach((label, i) => {
    const y = scores(session, image(images, i));
    if (y.indexOf(Math.max(...y)) === label) right++;
  });
  const milliseconds = (performance.now() - begun) / labels.length;
  process.stdout.write(`\nmnist-cnn-op8 on wasm: ${milliseconds.toFixed(3)} ms per image\n`);
  assert.is(labels.length, 10_000);
  assert.is(right, 9891);
  session.dispose();
});

test.run();
