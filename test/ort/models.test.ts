/**
 * @file Four real networks on the `ort` backend, batch 1 and 3: imported and not compressed against ONNX Runtime's run of the original file, sample by sample; after the default preset
 * against wasm, from one file with both plans.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { verify } from "../../compiler/cli/commands/verify.ts";
import { seededInputs } from "../../compiler/cli/inputs.ts";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { compile } from "../../compiler/compile.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { encodeTensor, type HostTensor } from "../../ir-spec/index.ts";
import { ort as backend } from "../../runtime/backends/ort/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load, type Session, Tensor } from "../../runtime/index.ts";
import { DATA, hasData } from "../support/data.ts";
import { registry, toHost } from "../support/op-module.ts";
import { ort, runOrt } from "../support/ort.ts";
import { need } from "../support/skip.ts";

const models = ["mnist-cnn-op8", "cifar10-resnet4b", "ultraface-rfb-320", "super-resolution-op18"];
const tolerance = 1e-4;
const batches = [1, 3];

const engine = () => backend({ threads: 1 });

function bytesOf(name: string): Uint8Array {
  return new Uint8Array(readFileSync(join(DATA, "models", `${name}.onnx`)));
}

const imported = (name: string) => importOnnx(bytesOf(name), { registry, dynamicBatch: true });

/** Seeded inputs for a batch of n, whatever the symbol of the batch is called. */
function inputsFor(session: Session, n: number): Record<string, Tensor> {
  const symbols = Object.values(session.inputs).flatMap(({ shape }) => shape.filter((dim): dim is string => typeof dim === "string"));
  return seededInputs(session.inputs, 7 + n, new Map(symbols.map((symbol) => [symbol, n])));
}

/** Sample k of a batch, as a batch of one. */
function sample(tensor: Tensor, k: number): Tensor {
  const [n = 1, ...rest] = tensor.shape;
  const size = tensor.bytes().length / n;
  return Tensor.fromBytes(tensor.dtype, tensor.bytes().slice(k * size, (k + 1) * size), [1, ...rest]);
}

/** Largest difference, relative to the largest magnitude of what is wanted. */
function relativeError(actual: Tensor | undefined, wanted: Tensor): number {
  assert.is(`${actual?.dtype} [${actual?.shape}]`, `${wanted.dtype} [${wanted.shape}]`);
  let [error, largest] = [0, 0];
  for (let i = 0; i < wanted.data.length; i++) {
    const [a, b] = [Number(actual?.data[i]), Number(wanted.data[i])];
    largest = Math.max(largest, Math.abs(b));
    error = Math.max(error, Number.isFinite(a) ? Math.abs(a - b) : Number.POSITIVE_INFINITY);
  }
  return error / largest;
}

const fromHost = (tensor: HostTensor): Tensor => Tensor.fromBytes(tensor.dtype, encodeTensor(tensor), tensor.shape);

async function compareWithOriginal(name: string): Promise<void> {
  const { bytes } = await compile(imported(name), { targets: ["ort-cpu"] });
  const session = await load(bytes, { backends: [engine()] });
  for (const n of batches) {
    const inputs = inputsFor(session, n);
    const ours = await session.run(inputs);
    for (let k = 0; k < n; k++) {
      const one = Object.entries(inputs).map(([input, tensor]) => [
        session.inputs[input]?.originalName ?? input,
        toHost(sample(tensor, k)),
      ]);
      const theirs = await runOrt(bytesOf(name), Object.fromEntries(one));
      for (const [output, wanted] of Object.entries(theirs)) {
        const given = Object.entries(session.outputs).find(([own, port]) => (port.originalName ?? own) === output)?.[0] ?? output;
        const error = relativeError(sample(ours[given] as Tensor, k), fromHost(wanted));
        assert.ok(error <= tolerance, `batch ${n}, sample ${k}, ${output}: ${error}`);
      }
    }
  }
  session.dispose();
}

async function compareWithWasm(name: string): Promise<void> {
  const { bytes, plans } = await compile(imported(name), {
    plugins: bundledPlugins(),
    preset: "default",
    targets: ["wasm-simd", "ort-cpu"],
  });
  const rebuilt = plans.find(({ target }) => target === "ort-cpu")?.module.functions.get("init")?.results.length ?? 0;
  assert.ok(rebuilt > 0, "no weight is rebuilt: nothing is tested");
  assert.ok(bytes.length * 4 < bytesOf(name).length, `${bytes.length} bytes`);
  const ours = await load(bytes, { backends: [engine()] });
  const theirs = await load(bytes, { backends: [wasm()] });
  for (const n of batches) {
    const inputs = inputsFor(ours, n);
    const [answer, wanted] = [await ours.run(inputs), await theirs.run(inputs)];
    for (const [output, tensor] of Object.entries(wanted)) {
      const error = relativeError(answer[output], tensor);
      assert.ok(error <= tolerance, `batch ${n}, ${output}: ${error}`);
    }
  }
  ours.dispose();
  theirs.dispose();
}

test("`tersor verify --backend ort` is a check of this backend", async () => {
  if (!need("data", hasData, "verify --backend ort") || !need("ort", ort !== null, "verify --backend ort")) return;
  const model = join(DATA, "models", "cifar10-resnet4b.onnx");
  const report = await verify(model, { backend: "ort", input: [], seed: "3", dim: [], tolerance: "1e-4" });
  assert.is(report.backend, "ort");
  assert.ok(report.ok && report.maxRel <= tolerance, `${report.maxRel}`);
});

for (const name of models) {
  test(`${name}: ONNX Runtime's answers on the original file`, async () => {
    if (need("data", hasData, name) && need("ort", ort !== null, name)) await compareWithOriginal(name);
  });
  test(`${name}: after the default preset, wasm's answers`, async () => {
    if (need("data", hasData, name) && need("ort", ort !== null, name)) await compareWithWasm(name);
  });
}

test.run();
