/** @file Quantized weights as float latents and back: the same codes without training, trained codes after. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { printModule } from "../../compiler/text/index.ts";
import {
  accuracy,
  adam,
  constantRate,
  freeze,
  initialize,
  relax,
  sgd,
  train,
  trainableLeaves,
  unrelax,
} from "../../compiler/train/index.ts";
import type { Module } from "../../ir-spec/index.ts";
import { constantValue, f32, moduleOf, problemOf, registry } from "../autodiff/support.ts";
import { clouds, startingNetwork } from "./support.ts";

const quantized = moduleOf(`
  func @main(%x: tensor<Nx2xf32>) -> (y: tensor<Nx3xf32>) {
    %0 = quant.quantize(%x, @in.s, @in.z) {to = u8}
    %1 = quant.dequantize(%0, @in.s, @in.z)
    %y = nn.linear(%1, @w, @b)
    return %y
  }
  const @in.s : tensor<f32> = 0.05
  const @in.z : tensor<u8> = 128
  /// The layer's weight.
  const @w : tensor<3x2xf32> = quant.dequantize(@w.q, @w.s)
    /// Its codes.
    const @w.q : tensor<3x2xi8> = [100, -128, 127, 3, 0, -77]
    const @w.s : tensor<3xf32> = [0.01, 0.02, 0.005]
  const @b : tensor<3xf32> = [0.0, 0.1, -0.1]`);

test("relax and freeze without training give the same module back", () => {
  const relaxed = relax(quantized, registry);
  assert.equal([...relaxed.constants.keys()].sort(), ["b", "in.s", "in.z", "w", "w.q.latent", "w.s"]);
  assert.equal(
    relaxed.functions.get("main")?.ops.map((op) => op.name),
    ["quant.fake", "nn.linear"],
  );
  assert.equal(constantValue(relaxed, "w").data, constantValue(quantized, "w").data);
  const frozen = freeze(relaxed, registry, new Map([["w.q.latent", constantValue(relaxed, "w.q.latent")]]));
  assert.is(printModule(frozen), printModule(quantized));
});

test("the range of the codes' dtype goes along: u4 codes stay u4, and what leaves the range is cut", () => {
  const module = moduleOf(`
  func @main(%x: tensor<3xf32>) -> (y: tensor<3xf32>) {
    %y = math.mul(%x, @w)
    return %y
  }
  const @w : tensor<3xf32> = quant.dequantize(@w.q, @s, @z)
    const @w.q : tensor<3xu4> = [15, 0, 9]
    const @s : tensor<f32> = 0.5
    const @z : tensor<u4> = 8`);
  const frozen = freeze(relax(module, registry), registry, new Map([["w.q.latent", f32([3], [9, -0.7, -99])]]));
  assert.is(frozen.constants.get("w.q")?.type.dtype, "u4");
  assert.equal([...constantValue(frozen, "w.q").data], [15, 7, 0]);
});

test("a module without quantization is left alone", () => {
  const module = startingNetwork();
  assert.is(relax(module, registry), module);
  assert.is(unrelax(module, registry), module);
});

test("pairs that differ in scale or zero point stay pairs", () => {
  const module = moduleOf(`
  func @main(%x: tensor<2xf32>) -> (y: tensor<2xf32>) {
    %0 = quant.quantize(%x, @s)
    %y = quant.dequantize(%0, @t)
    return %y
  }
  const @s : tensor<f32> = 0.5
  const @t : tensor<f32> = 0.25`);
  assert.is(relax(module, registry), module);
});

test("codes that are derived stay as they are", () => {
  const module = moduleOf(`
  func @main(%x: tensor<2xf32>) -> (y: tensor<2xf32>) {
    %y = math.mul(%x, @w)
    return %y
  }
  const @w : tensor<2xf32> = quant.dequantize(@q, @s)
    const @q : tensor<2xi8> = codebook.lookup(@table, @codes)
      const @table : tensor<2xi8> = [1, -5]
      const @codes : tensor<2xu1> = [1, 0]
    const @s : tensor<f32> = 0.5`);
  assert.is(relax(module, registry), module);
});

const codesOf = (module: Module): readonly number[] => [...(constantValue(module, "a.w.q").data as Int8Array)];

test("training through int8 weights learns, and ends with int8 codes on the old grid", async () => {
  const float = startingNetwork(4);
  const scale = 0.02;
  const weights = constantValue(float, "a.w").data as Float32Array;
  const codes = Array.from(weights, (v) => Math.max(-128, Math.min(127, Math.round(v / scale))));
  const module = initialize(
    moduleOf(`
  func @main(%point: tensor<Nx2xf32>) -> (probs: tensor<Nx3xf32>) {
    %0 = nn.linear(%point, @a.w, @a.b) {activation = relu}
    %1 = nn.linear(%0, @b.w, @b.b)
    %probs = math.softmax(%1) {axis = 1}
    return %probs
  }
  const @a.w : tensor<8x2xf32> = quant.dequantize(@a.w.q, @a.w.s)
    const @a.w.q : tensor<8x2xi8> = [${codes.join(", ")}]
    const @a.w.s : tensor<f32> = ${scale}
  const @a.b : tensor<8xf32> = splat 0.0
  const @b.w : tensor<3x8xf32> = splat 0.0
  const @b.b : tensor<3xf32> = splat 0.0`),
    registry,
    4,
  );
  const relaxed = relax(module, registry);
  const main = relaxed.functions.get("main");
  assert.equal(main ? trainableLeaves(relaxed, registry, main) : [], ["a.w.q.latent", "a.b", "b.w", "b.b"]);
  const trained = await train({
    module,
    registry,
    data: clouds(120),
    epochs: 6,
    batch: 16,
    optimizer: adam(),
    learningRate: constantRate(0.02),
    seed: 1,
  });
  assert.is(trained.module.constants.get("a.w.q")?.type.dtype, "i8");
  assert.is(trained.module.constants.get("a.w.s"), module.constants.get("a.w.s"));
  assert.is.not(codesOf(trained.module).join(), codesOf(module).join());
  const unseen = clouds(150, 99);
  assert.ok((await accuracy(trained.module, registry, unseen)) > 0.93);
  assert.ok((await accuracy(module, registry, unseen)) < 0.9, "the start was not good already");
});

test("the rest of the network can learn while int8 weights stay fixed", async () => {
  const { module } = await train({
    module: quantized,
    registry,
    data: clouds(30),
    epochs: 1,
    batch: 10,
    optimizer: sgd(),
    learningRate: constantRate(0.1),
    seed: 1,
    leaves: ["b"],
  });
  assert.equal(constantValue(module, "w.q").data, constantValue(quantized, "w.q").data);
  assert.not.equal(constantValue(module, "b").data, constantValue(quantized, "b").data);
});

test("freeze refuses a value that does not fit its leaf", () => {
  const code = (leaf: string, value: Parameters<typeof freeze>[2] extends ReadonlyMap<string, infer T> ? T : never) =>
    problemOf(() => freeze(quantized, registry, new Map([[leaf, value]])));
  assert.is(code("b", f32([2], [1, 2])).code, "E0903");
  assert.match(code("b", f32([2], [1, 2])).message, "@b is tensor<3xf32>, its new value tensor<2xf32>");
  assert.is(code("w", f32([3, 2], [1, 2, 3, 4, 5, 6])).code, "E0903");
});

test.run();
