/** @file Models without initializers: a second ModelProto, appended, brings them, and ONNX Runtime loads the two as one. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { outsideInitializers } from "../../compiler/export/index.ts";
import { onnx } from "../../compiler/import/onnx/proto/gen/onnx.js";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { encodeTensor, evaluateConstant, type HostTensor, type Module } from "../../ir-spec/index.ts";
import { onnxTypes } from "../support/onnx-writer.ts";
import { ort, runOrt } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { needing } from "../support/skip.ts";
import { assertClose, decoded, exported, moduleOf, operators, registry } from "./support.ts";

const oracle = needing(test, "ort", ort !== null);

const body = `func @main(%x: tensor<NxHx4xf32>, %w: tensor<1xf32>) -> (y: tensor<[2 * N]xHx3xf32>) {
  %s = shape.reshape(%x) {shape = [dim[2 * N], dim[H], 2]} : tensor<[2 * N]xHx2xf32>
  %l = nn.linear(%s, @w, @b) {activation = relu6}
  %q = quant.quantize(%l, @s, _)
  %d = quant.dequantize(%q, @s, _)
  %p = shape.pad(%d) {before = [0, 0, 1], after = [0, 0, 0], value = 1.0}
  %c = shape.slice(%p) {starts = [1], ends = [4], axes = [2]}
  %g = shape.gather(%c, @i) {axis = 2}
  %y = math.add(%g, %w)
  return %y
}`;
const constants = `const @w : tensor<3x2xf32> = quant.dequantize(@q, @s, _)
const @q : tensor<3x2xi4> = [1, -2, 3, 4, -5, 6]
const @s : tensor<f32> = 0.05
const @b : tensor<3xf32> = [0.5, 0.25, 1.0]
const @i : tensor<3xi64> = [2, 0, 1]`;
const inputs: Readonly<Record<string, HostTensor>> = { x: seeded(1).tensor("f32", [3, 5, 4]), w: seeded(2).tensor("f32", [1]) };

/** ModelProto that holds initializers and nothing else: what a runtime appends. */
function initializersOf(module: Module): Uint8Array {
  const initializer = outsideInitializers(module, { registry }).map(({ name, constant, dtype, shape }) => ({
    name,
    dims: [...shape],
    dataType: onnxTypes[dtype] ?? 0,
    rawData: encodeTensor(evaluateConstant(module, registry, constant)),
  }));
  return onnx.ModelProto.encode({ graph: { initializer } }).finish();
}

test("the constants that the body reads are outside, in order of use; all that the exporter invents is inside", () => {
  const module = moduleOf(body, constants);
  const model = exported(module, { initializers: "outside" });
  const graph = decoded(model).graph;
  assert.equal(graph?.initializer.length, 0);
  const listed = outsideInitializers(module, { registry });
  assert.equal(listed, [
    { name: "w.2", constant: "w", dtype: "f32", shape: [3, 2] },
    { name: "b", constant: "b", dtype: "f32", shape: [3] },
    { name: "s", constant: "s", dtype: "f32", shape: [] },
    { name: "i", constant: "i", dtype: "i64", shape: [3] },
  ]);
  const made = new Set([...(graph?.input ?? []).map((v) => v.name), ...(graph?.node ?? []).flatMap((n) => n.output), ""]);
  const open = new Set((graph?.node ?? []).flatMap((n) => n.input).filter((name) => !made.has(name)));
  assert.equal([...open].sort(), listed.map((entry) => entry.name).sort());
});

oracle("with them appended it runs", async () => {
  const module = moduleOf(body, constants);
  const [model, rest] = [exported(module, { initializers: "outside" }), initializersOf(module)];
  const whole = new Uint8Array(model.length + rest.length);
  whole.set(model);
  whole.set(rest, model.length);
  assertClose(await runOrt(whole, inputs), interpret(module, registry, inputs).outputs, 1e-5, "appended");
});

test("definitions do not matter for the graph: only types do", () => {
  const dense = moduleOf(body, constants.replace(/const @w .*\n/, "const @w : tensor<3x2xf32> = splat 1.0\n"));
  assert.equal(exported(dense, { initializers: "outside" }), exported(moduleOf(body, constants), { initializers: "outside" }));
});

test("a constant of a dtype that ONNX does not have stays inside, as bytes", () => {
  const module = moduleOf(
    `func @main(%t: tensor<4xf32>) -> (y: tensor<5xf32>) {\n %y = codebook.lookup(%t, @codes)\n return %y\n }`,
    "const @codes : tensor<5xu2> = [0, 1, 2, 3, 1]",
  );
  assert.equal(outsideInitializers(module, { registry }), []);
  assert.equal(operators(exported(module, { initializers: "outside" })), ["Cast", "Gather"]);
});

test("missing bytes do not matter: the runtime brings them", () => {
  const module = moduleOf(
    "func @main(%x: tensor<4xf32>) -> (y: tensor<4xf32>) {\n %y = math.add(%x, @k)\n return %y\n }",
    `const @k : tensor<4xf32> = elided("00", 16)`,
  );
  assert.equal(operators(exported(module, { initializers: "outside" })), ["Add"]);
});

test.run();
