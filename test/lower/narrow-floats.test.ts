/** @file Half precision: every value of the body is f16, inputs, results and the dialect `quant` stay f32, weights become casts of what is stored, and the answers differ by f16's 11 bits. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { narrowFloats } from "../../compiler/lower/narrow-floats.ts";
import { printModule, readModule } from "../../compiler/text/index.ts";
import { verifyModule } from "../../compiler/verify/index.ts";
import { mainFunction } from "../../ir-spec/index.ts";
import { registry } from "../support/op-module.ts";
import { seeded } from "../support/seeded.ts";

const text = `tersor 1.0
module @small {
  func @main(%x: tensor<Nx6xf32>, %k: tensor<Nx6xi32>) -> (y: tensor<Nx4xf32>, same: tensor<Nx6xf32>, count: tensor<Nx6xf32>) {
    %0 = nn.linear(%x, @w, @b) {activation = relu}
    %1 = quant.quantize(%0, @s, _)
    %2 = quant.dequantize(%1, @s, _)
    %3 = math.sigmoid(%2)
    %4 = math.add(%3, @b)
    %5 = type.cast(%k) {to = f32}
    %6 = math.mul(%5, @half)
    return %4, %x, %6
  }
  const @w : tensor<4x6xf32> = random(1)
  const @b : tensor<4xf32> = [0.1, -0.2, 0.3, 0.4]
  const @s : tensor<f32> = 0.05
  const @half : tensor<f32> = 0.5
}
`;

test("the body is f16, its borders are not", () => {
  const source = readModule(text, { registry });
  const half = narrowFloats(source, registry);
  assert.equal(verifyModule(half, registry), []);
  const main = mainFunction(half);
  assert.equal(
    main.params.map((id) => main.values[id]?.type.dtype),
    ["f32", "i32"],
  );
  assert.equal(
    main.results.map(({ type }) => type.dtype),
    ["f32", "f32", "f32"],
  );
  for (const op of main.ops) {
    const dtypes = op.results.map((id) => main.values[id]?.type.dtype);
    if (op.name === "quant.quantize") assert.equal(dtypes, ["i8"]);
    else if (op.name === "quant.dequantize") assert.equal(dtypes, ["f32"]);
    else if (op.name !== "type.cast") assert.equal(dtypes, ["f16"], op.name);
  }
  assert.match(printModule(half), /const @b\.f16 : tensor<4xf16> = type\.cast\(@b\) \{to = f16\}/);
  assert.is(printModule(half).match(/const @b\.f16/g)?.length, 1, "one constant for two users");
});

test("the answers are f32's to 11 bits", () => {
  const source = readModule(text, { registry });
  const random = seeded(2);
  const inputs = { x: random.tensor("f32", [3, 6]), k: random.tensor("i32", [3, 6]) };
  for (let i = 0; i < inputs.k.data.length; i++) inputs.k.data[i] = i % 11;
  const [a, b] = [source, narrowFloats(source, registry)].map((module) => interpret(module, registry, inputs).outputs);
  assert.ok(a && b);
  for (const name of Object.keys(a)) {
    const [exact, near] = [a[name]?.data as Float32Array, b[name]?.data as Float32Array];
    exact.forEach((value, i) => {
      assert.ok(Math.abs(value - (near[i] as number)) <= 0.06 * 0.3 + 2e-3 * Math.abs(value), `${name}[${i}]: ${value}, ${near[i]}`);
    });
  }
});

test.run();
