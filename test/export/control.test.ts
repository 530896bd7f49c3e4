/** @file Functions as graphs inside `If`, `Loop` and `Scan`: names apart, captures and constants of the graph around, quantized weights inside; in ONNX Runtime, and back. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type HostTensor, hostTensor } from "../../ir-spec/index.ts";
import { ort } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { needing } from "../support/skip.ts";
import { assertRoundTrip, assertSameInOrt, decoded, exported, moduleOf, problemsOf } from "./support.ts";

const oracle = needing(test, "ort", ort !== null);
const x = seeded(1).tensor("f32", [2, 3]);
const flag = (value: number): HostTensor => hostTensor("bool", [], Uint8Array.of(value));
const count = (value: number): HostTensor => hostTensor("i64", [], BigInt64Array.of(BigInt(value)));

const choice = moduleOf(
  `func @main(%c: tensor<bool>, %x: tensor<Nx3xf32>) -> (y: tensor<Nx3xf32>, z: tensor<Nx3xf32>) {
    %h = math.neg(%x)
    %y, %z = control.if(%c, %x, %h) {then = @first, else = @second}
    return %y, %z
  }
  func @first(%x: tensor<Nx3xf32>, %h: tensor<Nx3xf32>) -> (y: tensor<Nx3xf32>, z: tensor<Nx3xf32>) {
    %y = nn.linear(%x, @w, _)
    %1 = shape.reshape(%y) {shape = [dim[N], 3]}
    return %1, %h
  }
  func @second(%x: tensor<Nx3xf32>, %h: tensor<Nx3xf32>) -> (y: tensor<Nx3xf32>, z: tensor<Nx3xf32>) {
    %y = math.add(%h, @k)
    return %y, %x
  }`,
  `const @w : tensor<3x3xf32> = quant.dequantize(@q, @s, _) {axis = 0}
  const @q : tensor<3x3xi8> = random(3)
  const @s : tensor<3xf32> = [0.01, 0.02, 0.03]
  const @k : tensor<3xf32> = [1.0, 2.0, 3.0]`,
);

for (const condition of [0, 1]) {
  oracle(`if, condition ${condition}`, async () => {
    const inputs = { c: flag(condition), x };
    const model = await assertSameInOrt(choice, inputs, "if");
    assertRoundTrip(choice, model, inputs, "if");
  });
}

test("no name is given out twice, in whatever graph", () => {
  const names: string[] = [];
  const collect = (graph: NonNullable<ReturnType<typeof decoded>["graph"]>): void => {
    names.push(...graph.input.map((v) => v.name), ...graph.initializer.map((t) => t.name));
    for (const node of graph.node) {
      names.push(...node.output);
      for (const attribute of node.attribute) if (attribute.g) collect(attribute.g);
    }
  };
  const { graph } = decoded(exported(choice));
  assert.ok(graph);
  collect(graph);
  assert.equal(names.length, new Set(names).size);
});

const loop = moduleOf(
  `func @main(%n: tensor<i64>, %x: tensor<2x3xf32>) -> (y: tensor<2x3xf32>, all: tensor<Kx2x3xf32>) {
    %h = math.tanh(%x)
    %y, %all = control.loop(%n, _, %x, %h) {body = @body, carried = 1} : tensor<2x3xf32>, tensor<?Kx2x3xf32>
    return %y, %all
  }
  func @body(%i: tensor<i64>, %sum: tensor<2x3xf32>, %h: tensor<2x3xf32>) -> (on: tensor<bool>, next: tensor<2x3xf32>, item: tensor<2x3xf32>) {
    %0 = math.add(%sum, %h)
    %1 = math.mul(%0, @half)
    %2 = math.less(%i, @most)
    return %2, %1, %0
  }`,
  "const @half : tensor<f32> = 0.5\n const @most : tensor<i64> = 3",
);

for (const trips of [1, 3, 9]) {
  oracle(`loop of at most ${trips}, which ends itself after 5`, async () => {
    const inputs = { n: count(trips), x };
    const model = await assertSameInOrt(loop, inputs, "loop");
    assertRoundTrip(loop, model, inputs, "loop");
  });
}

oracle("scan: carried, scanned, captured", async () => {
  const module = moduleOf(
    `func @main(%x: tensor<Nx3xf32>, %s: tensor<3xf32>) -> (y: tensor<3xf32>, all: tensor<Nx3xf32>) {
      %h = math.exp(%s)
      %y, %all = control.scan(%s, %x, %h) {body = @body, carried = 1, scanned = 1}
      return %y, %all
    }
    func @body(%s: tensor<3xf32>, %x: tensor<3xf32>, %h: tensor<3xf32>) -> (s: tensor<3xf32>, y: tensor<3xf32>) {
      %0 = math.add(%s, %x)
      %1 = math.mul(%0, %h)
      return %0, %1
    }`,
  );
  const inputs = { x, s: seeded(2).tensor("f32", [3]) };
  const model = await assertSameInOrt(module, inputs, "scan");
  assertRoundTrip(module, model, inputs, "scan");
});

test("a form of an op that ONNX does not have inside a function is told with the function", () => {
  const module = moduleOf(
    `func @main(%c: tensor<bool>, %x: tensor<1x1x2x2xf32>) -> (y: tensor<1x1x2x2xf32>) {
      %y = control.if(%c, %x) {then = @first, else = @second}
      return %y
    }
    func @first(%x: tensor<1x1x2x2xf32>) -> (y: tensor<1x1x2x2xf32>) {
      %n = type.cast(@n) {to = i4}
      %m = shape.concat(%n, %n) {axis = 0}
      return %x
    }
    func @second(%x: tensor<1x1x2x2xf32>) -> (y: tensor<1x1x2x2xf32>) {
      return %x
    }`,
    "const @n : tensor<2xi32> = [1, 2]",
  );
  assert.equal(
    problemsOf(() => exported(module)),
    ["E1002 @first, %m = shape.concat: ONNX has no shape.concat of i4"],
  );
});

test.run();
