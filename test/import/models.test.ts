/** @file Real models against ONNX Runtime, on real and on seeded inputs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { moduleEquals, printModule, readModule } from "../../compiler/text/index.ts";
import { verifyModule } from "../../compiler/verify/index.ts";
import { type HostTensor, hostTensor, mainFunction, printType, TersorError } from "../../ir-spec/index.ts";
import { DATA, hasData } from "../support/data.ts";
import { need, needing } from "../support/skip.ts";
import { argmax, compareWithOrt, importModel, registry, relativeError, runModule, runOrt, seeded } from "./oracle.ts";

const dataTest = needing(test, "data", hasData);
const model = (name: string): Uint8Array => new Uint8Array(readFileSync(join(DATA, "models", `${name}.onnx`)));

/** The first images of MNIST's test set, raw pixels 0..255 as the model wants them: [count, 1, 28, 28]. */
function digits(count: number): HostTensor {
  const idx = gunzipSync(readFileSync(join(DATA, "mnist/t10k-images-idx3-ubyte.gz")));
  return hostTensor("f32", [count, 1, 28, 28], Float32Array.from(idx.subarray(16, 16 + count * 784)));
}

const sample = (batch: HostTensor, i: number): HostTensor => {
  const size = batch.data.length / (batch.shape[0] ?? 1);
  return hostTensor("f32", [1, ...batch.shape.slice(1)], (batch.data as Float32Array).slice(i * size, (i + 1) * size));
};

dataTest("mnist-cnn-op8: types, names and locations", () => {
  const module = importModel(model("mnist-cnn-op8"), { fileName: "mnist-cnn-op8.onnx" });
  const main = mainFunction(module);
  assert.is(module.name, "CNTKGraph");
  assert.equal(
    main.ops.map((op) => [op.name, op.loc[0]?.parts[0], printType(main.values[op.results[0] ?? -1]?.type ?? { dtype: "f32", shape: [] })]),
    [
      ["shape.reshape", "Times212_reshape1", "tensor<256x10xf32>"],
      ["nn.conv", "Convolution28", "tensor<1x8x28x28xf32>"],
      ["math.add", "Plus30", "tensor<1x8x28x28xf32>"],
      ["math.relu", "ReLU32", "tensor<1x8x28x28xf32>"],
      ["nn.max_pool", "Pooling66", "tensor<1x8x14x14xf32>"],
      ["nn.conv", "Convolution110", "tensor<1x16x14x14xf32>"],
      ["math.add", "Plus112", "tensor<1x16x14x14xf32>"],
      ["math.relu", "ReLU114", "tensor<1x16x14x14xf32>"],
      ["nn.max_pool", "Pooling160", "tensor<1x16x4x4xf32>"],
      ["shape.reshape", "Times212_reshape0", "tensor<1x256xf32>"],
      ["nn.matmul", "Times212", "tensor<1x10xf32>"],
      ["math.add", "Plus214", "tensor<1x10xf32>"],
    ],
  );
  assert.equal(
    main.params.map((id) => main.values[id]?.name),
    ["Input3"],
  );
  assert.equal(
    main.results.map((r) => r.name),
    ["Plus214_Output_0"],
  );
  assert.equal([...module.constants.keys()].sort(), [
    "Parameter193",
    "Parameter194",
    "Parameter5",
    "Parameter6",
    "Parameter87",
    "Parameter88",
  ]);
});

dataTest("raw weights are views of the file", () => {
  const bytes = model("cifar10-resnet4b");
  const weight = importModel(bytes).constants.get("conv1.weight");
  assert.ok(weight?.kind === "data" && weight.storage.kind === "bytes" && weight.storage.bytes.buffer === bytes.buffer);
});

dataTest("mnist-cnn-op8: 50 real digits and seeded inputs, one by one and as a batch", async () => {
  const bytes = model("mnist-cnn-op8");
  const images = digits(50);
  const batch = importModel(bytes, { dynamicBatch: true });
  const dynamic = (await runModule(batch, { Input3: images })).Plus214_Output_0 as HostTensor;
  assert.equal(dynamic.shape, [50, 10]);
  const fixed = importModel(bytes);
  for (let i = 0; i < 50; i++) {
    const want = (await runOrt(bytes, { Input3: sample(images, i) })).Plus214_Output_0 as HostTensor;
    const got = (await runModule(fixed, { Input3: sample(images, i) })).Plus214_Output_0 as HostTensor;
    assert.ok(relativeError(got, want) <= 1e-5, `image ${i}: ${relativeError(got, want)}`);
    assert.is(argmax(got.data), argmax(want.data), `image ${i}`);
    assert.equal([...got.data], [...dynamic.data.slice(i * 10, i * 10 + 10)], "the batch gives the same bits");
  }
  for (let seed = 1; seed <= 5; seed++) {
    const error = await compareWithOrt(bytes, { Input3: seeded("f32", [1, 1, 28, 28], seed, -200, 300) });
    assert.ok(error <= 1e-5, `seed ${seed}: ${error}`);
  }
});

dataTest("mnist-cnn-op8: a dynamic batch is reported", () => {
  const module = importModel(model("mnist-cnn-op8"), { dynamicBatch: true });
  const report = module.meta?.get("dynamic_batch");
  const names = report?.kind === "dict" ? report.value.get("reshapes") : undefined;
  assert.is(JSON.stringify(names), '{"kind":"list","value":[{"kind":"string","value":"Times212_reshape0"}]}');
});

const others: readonly (readonly [name: string, input: string, shape: readonly number[], low: number, high: number])[] = [
  ["cifar10-resnet4b", "input.1", [1, 3, 32, 32], -2, 2],
  ["cifar10-resnet2b", "input.1", [1, 3, 32, 32], -2, 2],
  ["super-resolution-op18", "input", [1, 1, 224, 224], 0, 1],
  ["ultraface-rfb-320", "input", [1, 3, 240, 320], -1, 1],
];

for (const [name, input, shape, low, high] of others) {
  dataTest(`${name}: seeded input, every output`, async () => {
    const error = await compareWithOrt(model(name), { [input]: seeded("f32", shape, 11, low, high) });
    assert.ok(error <= 1e-4, `relative error ${error}`);
  });

  dataTest(`${name}: the batch can be dynamic`, () => {
    const module = importModel(model(name), { dynamicBatch: true });
    for (const result of mainFunction(module).results) assert.match(printType(result.type), /^tensor<Nx/);
  });
}

for (const name of ["mnist-cnn-op8", ...others.map(([n]) => n)]) {
  dataTest(`${name}: verifies, and its text reads back`, () => {
    const module = importModel(model(name), { fileName: `${name}.onnx`, dynamicBatch: true });
    assert.equal(verifyModule(module, registry), []);
    assert.ok(moduleEquals(readModule(printModule(module), { registry }), module));
  });
}

test("a cut model is a coded error", () => {
  if (!need("data", hasData, "a cut model is a coded error")) return;
  const bytes = model("mnist-cnn-op8");
  for (const length of [1, 100, 5000, bytes.length - 1]) {
    assert.throws(
      () => importModel(bytes.subarray(0, length)),
      (e: unknown) => e instanceof TersorError && e.code === "E0601",
    );
  }
});

test.run();
