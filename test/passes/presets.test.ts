/** @file Every preset: a module that verifies, a file that loads and runs and gives what the reference gives for the same module; those that need data say so. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { compile } from "../../compiler/compile.ts";
import { digits } from "../../compiler/data/digits/digits.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { corePresets } from "../../compiler/pass/presets.ts";
import { type HostTensor, type Module, TersorError, toNumbers } from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load } from "../../runtime/index.ts";
import { toHost, toTensor } from "../support/op-module.ts";
import { seeded } from "../support/seeded.ts";
import { readBody, registry } from "./support.ts";

/** Convolution, batch norm, pool and two linear layers, seeded. */
function network(): Module {
  const hex = (count: number, seed: number) => {
    const { data } = seeded(seed).tensor("f32", [count]);
    return `hex"${Buffer.from(Float32Array.from(data as Float32Array, (v) => v / 4).buffer).toString("hex")}"`;
  };
  return readBody(`func @main(%image: tensor<Nx1x28x28xf32>) -> (scores: tensor<Nx10xf32>) {
    %c = nn.conv(%image, @conv, _) {stride = [2, 2], pad = [1, 1, 1, 1]}
    %b = nn.batch_norm(%c, @gamma, @beta, @mean, @variance)
    %r = math.relu(%b)
    %p = nn.max_pool(%r) {kernel = [2, 2], stride = [2, 2]}
    %f = shape.reshape(%p) {shape = [0, -1]}
    %h = nn.linear(%f, @hidden, _) {activation = relu}
    %s = nn.linear(%h, @out, _)
    return %s
  }
  const @conv : tensor<16x1x3x3xf32> = ${hex(144, 1)}
  const @gamma : tensor<16xf32> = splat 1.5
  const @beta : tensor<16xf32> = splat 0.25
  const @mean : tensor<16xf32> = splat 0.5
  const @variance : tensor<16xf32> = splat 2.0
  const @hidden : tensor<32x784xf32> = ${hex(25088, 2)}
  const @out : tensor<10x32xf32> = ${hex(320, 3)}`);
}

const data = digits({ split: "train", count: 64 });
const needsData = new Set(["w8a8", "w4a8"]);
const image: HostTensor = {
  dtype: "f32",
  shape: [3, 1, 28, 28],
  data: (seeded(9).tensor("f32", [3, 1, 28, 28]).data as Float32Array).map(Math.abs),
};
const plainBytes = async () => (await compile(network(), { targets: ["wasm-simd"] })).bytes.length;

for (const preset of Object.keys(corePresets)) {
  test(`${preset}: the file runs and agrees with its module`, async () => {
    const { bytes, module } = await compile(network(), { plugins: bundledPlugins(), preset, data, targets: ["wasm-simd"] });
    const session = await load(bytes, { backends: [wasm()] });
    const { scores } = await session.run({ image: toTensor(image) });
    session.dispose();
    const wanted = interpret(module, registry, { image }).outputs.scores as HostTensor;
    const got = toHost(scores as NonNullable<typeof scores>);
    const most = Math.max(...toNumbers(wanted).map(Math.abs));
    // A rounding that falls the other way moves an integer activation by one step.
    const tolerance = needsData.has(preset) ? 0.02 : 1e-5;
    got.data.forEach((value, i) => {
      assert.ok(Math.abs(Number(value) - Number(wanted.data[i])) <= tolerance * most, `${preset}: ${value} instead of ${wanted.data[i]}`);
    });
    if (preset !== "none") assert.ok(bytes.length < (await plainBytes()) / 2.5, `${bytes.length} bytes`);
  });

  test(`${preset} without data: ${needsData.has(preset) ? "refused with a code" : "works from the weights alone"}`, async () => {
    const outcome = await compile(network(), { plugins: bundledPlugins(), preset, targets: ["wasm-simd"] }).then(
      () => "done",
      (error: unknown) => (error instanceof TersorError ? error.code : String(error)),
    );
    assert.is(outcome, needsData.has(preset) ? "E0720" : "done");
  });
}

test.run();
