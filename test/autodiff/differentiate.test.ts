/** @file Gradients of whole programs against central differences in f64, through layers and through the definitions of compressed weights. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../compiler/random/random.ts";
import { printModule } from "../../compiler/text/index.ts";
import { differentiate } from "../../compiler/train/index.ts";
import type { Module } from "../../ir-spec/index.ts";
import { assertClose, constantValue, f64, i32, moduleOf, numericGradient, registry, run, type Tensors, tensorOf } from "./support.ts";

/** Rounding in f64 at a step of 1e-5 leaves about 1e-10 here. */
const TOLERANCE = 2e-8;

function checkGradients(module: Module, leaves: readonly string[], inputs: Tensors): Tensors {
  const made = differentiate(module, registry, { loss: "loss", leaves });
  const params = Object.fromEntries([...made.leaves].map(([leaf, port]) => [port.param, constantValue(module, leaf)]));
  const outputs = run(made.module, { ...inputs, ...params }, "step");
  assert.equal(tensorOf(outputs, "loss").data, tensorOf(run(module, inputs), "loss").data);
  for (const [leaf, { grad }] of made.leaves) {
    const exact = tensorOf(outputs, grad);
    assert.equal(exact.shape, constantValue(module, leaf).shape);
    assertClose(exact.data as Float64Array, numericGradient(module, leaf, inputs), TOLERANCE, leaf);
    assert.ok(
      (exact.data as Float64Array).some((v) => Math.abs(v) > 1e-4),
      `${leaf}: the gradient is not zero`,
    );
  }
  return outputs;
}

const random = new Random(3);
const draw = (count: number, scale = 1): Float64Array => Float64Array.from({ length: count }, () => scale * random.normal());
const listOf = (count: number, scale: number): string => `[${[...draw(count, scale)].join(", ")}]`;

test("a convolutional network, every leaf", () => {
  const module = moduleOf(`
  func @main(%x: tensor<Nx2x7x6xf64>, %labels: tensor<Nxi32>) -> (loss: tensor<f64>) {
    %0 = nn.conv(%x, @c1.w, @c1.b) {pad = [1, 1, 1, 1], activation = relu}
    %1 = nn.max_pool(%0) {kernel = [2, 2], stride = [2, 2]}
    %2 = nn.conv(%1, @c2.w, @c2.b) {stride = [1, 2], pad = [0, 1, 1, 0], groups = 2}
    %3 = math.mul(%2, @gain)
    %4 = math.sigmoid(%3)
    %5 = nn.avg_pool(%4) {kernel = [2, 1], stride = [1, 1]}
    %6 = shape.reshape(%5) {shape = [0, -1]}
    %7 = nn.linear(%6, @f1.w, @f1.b)
    %8 = math.tanh(%7)
    %9 = math.add(%8, %7)
    %10 = nn.linear(%9, @f2.w)
    %11 = loss.softmax_cross_entropy(%10, %labels)
    %loss = reduce.mean(%11) {axes = [0]}
    return %loss
  }
  const @c1.w : tensor<4x2x3x3xf64> = hex"${hex(draw(72, 0.4))}"
  const @c1.b : tensor<4xf64> = ${listOf(4, 0.3)}
  const @c2.w : tensor<4x2x2x2xf64> = ${listOf(32, 0.4)}
  const @c2.b : tensor<4xf64> = ${listOf(4, 0.3)}
  const @gain : tensor<4x1x1xf64> = ${listOf(4, 1)}
  const @f1.w : tensor<5x16xf64> = ${listOf(80, 0.5)}
  const @f1.b : tensor<5xf64> = ${listOf(5, 0.5)}
  const @f2.w : tensor<3x5xf64> = ${listOf(15, 0.7)}`);
  const inputs = { x: f64([3, 2, 7, 6], draw(252)), labels: i32([3], [2, 0, 1]) };
  checkGradients(module, ["c1.w", "c1.b", "c2.w", "c2.b", "gain", "f1.w", "f1.b", "f2.w"], inputs);
});

function hex(values: Float64Array): string {
  return Buffer.from(values.buffer).toString("hex");
}

test("a shared weight: the table's gradient sums the dense gradient over equal codes", () => {
  const codes = [0, 2, 1, 1, 0, 2, 3, 0];
  const module = moduleOf(`
  func @main(%x: tensor<Nx4xf64>, %labels: tensor<Nxi32>) -> (loss: tensor<f64>) {
    %0 = nn.linear(%x, @w)
    %1 = loss.softmax_cross_entropy(%0, %labels)
    %loss = reduce.mean(%1) {axes = [0]}
    return %loss
  }
  const @w : tensor<2x4xf64> = codebook.lookup(@w.table, @w.codes)
    const @w.table : tensor<5xf64> = [0.5, -0.25, 0.75, -1.0, 9.0]
    const @w.codes : tensor<2x4xu4> = [${codes.join(", ")}]`);
  const inputs = { x: f64([3, 4], draw(12)), labels: i32([3], [1, 0, 1]) };
  const shared = tensorOf(checkGradients(module, ["w.table"], inputs), "grad.w.table").data as Float64Array;
  const dense = moduleOf(`
  func @main(%x: tensor<Nx4xf64>, %labels: tensor<Nxi32>) -> (loss: tensor<f64>) {
    %0 = nn.linear(%x, @w)
    %1 = loss.softmax_cross_entropy(%0, %labels)
    %loss = reduce.mean(%1) {axes = [0]}
    return %loss
  }
  const @w : tensor<2x4xf64> = [0.5, 0.75, -0.25, -0.25, 0.5, 0.75, -1.0, 0.5]`);
  const whole = tensorOf(checkGradients(dense, ["w"], inputs), "grad.w").data as Float64Array;
  const sums = [0, 0, 0, 0, 0];
  codes.forEach((code, i) => {
    sums[code] = (sums[code] as number) + (whole[i] as number);
  });
  assertClose(shared, sums, 1e-15, "sums over equal codes");
  assert.is(shared[4], 0, "an entry that no code names");
});

test("a masked weight that two ops use: the values' gradient is the dense gradient where the mask is 1", () => {
  const module = moduleOf(`
  func @main(%x: tensor<Nx3xf64>, %labels: tensor<Nxi32>) -> (loss: tensor<f64>) {
    %0 = nn.linear(%x, @w)
    %1 = math.relu(%0)
    %2 = nn.linear(%1, @w)
    %3 = loss.softmax_cross_entropy(%2, %labels)
    %loss = reduce.mean(%3) {axes = [0]}
    return %loss
  }
  const @w : tensor<3x3xf64> = sparse.expand(@w.values, @w.mask) {shape = [3, 3]}
    const @w.values : tensor<5xf64> = [0.5, -0.75, 1.25, 0.5, -1.0]
    const @w.mask : tensor<9xu1> = [1, 0, 1, 0, 1, 0, 1, 1, 0]`);
  const inputs = { x: f64([4, 3], draw(12)), labels: i32([4], [1, 0, 2, 1]) };
  checkGradients(module, ["w.values"], inputs);
  const step = differentiate(module, registry, { loss: "loss", leaves: ["w.values"] }).module.functions.get("step");
  assert.is(step?.ops.filter((op) => op.name === "sparse.expand").length, 1, "one definition, however many uses");
});

test("two techniques in one weight: a table below n:m values", () => {
  const module = moduleOf(`
  func @main(%x: tensor<2x4xf64>) -> (loss: tensor<f64>) {
    %0 = nn.linear(%x, @w)
    %1 = math.mul(%0, %0)
    %loss = reduce.mean(%1) {axes = [0, 1]}
    return %loss
  }
  const @w : tensor<2x4xf64> = sparse.expand(@w.values, @w.index) {shape = [2, 4], format = nm, n = 2, m = 4, axis = 1}
    const @w.values : tensor<4xf64> = codebook.lookup(@w.table, @w.codes)
      const @w.table : tensor<2xf64> = [0.5, -0.75]
      const @w.codes : tensor<4xu1> = [1, 0, 0, 1]
    const @w.index : tensor<4xu2> = [0, 3, 1, 2]`);
  checkGradients(module, ["w.table"], { x: f64([2, 4], draw(8)) });
});

test("only what the loss needs is in the step, and its text reads back", () => {
  const module = moduleOf(`
  func @main(%x: tensor<Nx2xf64>) -> (class: tensor<Nxi64>, loss: tensor<f64>) {
    %y = nn.linear(%x, @w)
    %class = reduce.argmax(%y) {axis = 1}
    %loss = reduce.sum(%y) {axes = [0, 1]}
    return %class, %loss
  }
  const @w : tensor<2x2xf64> = [1.0, 2.0, 3.0, 4.0]`);
  const made = differentiate(module, registry, { loss: "loss", leaves: ["w"] });
  const step = made.module.functions.get("step");
  assert.equal([...made.module.functions.keys()], ["step"]);
  assert.not.ok(step?.ops.some((op) => op.name === "reduce.argmax"));
  assert.not.ok(made.module.constants.has("w"), "the leaf is a parameter now");
  assert.equal(
    step?.results.map((r) => r.name),
    ["loss", "grad.w"],
  );
  const text = printModule(made.module);
  assert.is(printModule(moduleOfText(text)), text);
  const outputs = run(made.module, { x: f64([2, 2], [1, 2, 3, 4]), w: constantValue(module, "w") }, "step");
  assert.equal([...tensorOf(outputs, "grad.w").data], [4, 6, 4, 6]);
});

function moduleOfText(text: string): Module {
  return moduleOf(text.replace(/^tersor 1\.0\n\nmodule @m \{\n/, "").replace(/\}\n$/, ""));
}

test("an input with the leaf's name keeps it, the leaf gets another", () => {
  const module = moduleOf(`
  func @main(%w: tensor<2xf64>) -> (loss: tensor<f64>) {
    %0 = math.mul(%w, @w)
    %loss = reduce.sum(%0) {axes = [0]}
    return %loss
  }
  const @w : tensor<2xf64> = [1.0, 2.0]`);
  const made = differentiate(module, registry, { loss: "loss", leaves: ["w"] });
  assert.equal(made.leaves.get("w"), { param: "w.2", grad: "grad.w" });
  const outputs = run(made.module, { w: f64([2], [5, 7]), "w.2": f64([2], [1, 2]) }, "step");
  assert.equal([...tensorOf(outputs, "grad.w").data], [5, 7]);
});

test("the same module gives the same step", () => {
  const module = moduleOf(`
  func @main(%x: tensor<2xf64>) -> (loss: tensor<f64>) {
    %0 = math.mul(%x, @w)
    %1 = math.exp(%0)
    %loss = reduce.sum(%1) {axes = [0]}
    return %loss
  }
  const @w : tensor<2xf64> = [1.0, 2.0]`);
  const text = () => printModule(differentiate(module, registry, { loss: "loss", leaves: ["w"] }).module);
  assert.is(text(), text());
});

test.run();
