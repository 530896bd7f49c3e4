/**
 * @file Legalization: the integer form of a random op differs from the float form by at most one output step; tables are exact; wasm's plan of either form gives the integer
 * reference's bits; what cannot be integer stays float and says why.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { interpret, legalize, lower, printModule } from "../../compiler/index.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import type { TargetSpec } from "../../compiler/target/target.ts";
import { verifyModule } from "../../compiler/verify/verify.ts";
import { type HostTensor, type Module, mainFunction, toNumbers } from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { readBody, registry } from "../passes/support.ts";
import { loadPlan, toHost, toTensor } from "../support/op-module.ts";
import { clusterCase } from "./cluster-nets.ts";

const seeds = Array.from({ length: 900 }, (_, i) => i);

function targetOf(name: string): TargetSpec {
  const target = builtinTargets.find((candidate) => candidate.name === name);
  if (!target) throw new Error(`no target ${name}`);
  return target;
}

const opsOf = (module: Module) => mainFunction(module).ops.map(({ name }) => name);

function resultOf(module: Module, inputs: Readonly<Record<string, HostTensor>>): number[] {
  return toNumbers(interpret(module, registry, inputs).outputs.y as HostTensor);
}

test("property: 900 random quantized ops, each at most one step from its float form, which most elements equal", () => {
  let [elements, different] = [0, 0];
  const seen = new Map<string, number>();
  for (const seed of seeds) {
    const { module, inputs, op } = clusterCase(seed);
    const { module: legal, integer, float } = legalize(module, registry);
    assert.equal(verifyModule(legal, registry), []);
    assert.equal(float, [], `seed ${seed}`);
    assert.is(integer, 1);
    assert.is(
      opsOf(legal).some((name) => name.startsWith("quant.")),
      false,
      printModule(legal),
    );
    if (opsOf(legal).includes(op)) seen.set(op, (seen.get(op) ?? 0) + 1);
    const [ours, theirs] = [resultOf(legal, inputs), resultOf(module, inputs)];
    for (const [i, code] of ours.entries()) {
      const distance = Math.abs(code - (theirs[i] as number));
      assert.ok(distance <= (op === "int.lookup" ? 0 : 1), `seed ${seed}, ${op}: element ${i} is ${code}, float form ${theirs[i]}`);
      elements++;
      if (distance > 0) different++;
    }
  }
  assert.ok(different < elements / 100, `${different} of ${elements} differ`);
  assert.equal([...seen.keys()].sort(), [
    "int.add",
    "int.avg_pool",
    "int.conv",
    "int.linear",
    "int.lookup",
    "int.mean",
    "int.requantize",
    "nn.max_pool",
    "shape.concat",
  ]);
});

test("wasm: the plan of the float form and that of the integer form both give the integer reference's codes", async () => {
  const target = targetOf("wasm-simd");
  for (const seed of seeds.slice(0, 90)) {
    const { module, inputs } = clusterCase(seed);
    const { module: legal } = legalize(module, registry);
    const wanted = resultOf(legal, inputs);
    for (const source of [module, legal]) {
      const plan = lower(source, target, registry);
      assert.equal(plan.legalized?.float, [], `seed ${seed}`);
      const session = await loadPlan(plan, wasm());
      const { y } = await session.run(Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toTensor(tensor)])));
      session.dispose();
      if (!y) throw new Error("no result");
      assert.equal(toNumbers(toHost(y)), wanted, `seed ${seed}`);
    }
  }
});

const quantized = (op: string, constants = "") => `  func @main(%x: tensor<1x2x4x4xi8>) -> (y: tensor<1x2x4x4xi8>) {
    %0 = quant.dequantize(%x, @s, _)
    %mid = ${op}
    %y = quant.quantize(%mid, @s, _)
    return %y
  }
  const @s : tensor<f32> = 0.5
  ${constants}`;

const reasons: readonly (readonly [string, string, string])[] = [
  ["nn.conv(%0, @w, _)", "const @w : tensor<2x2x1x1xf32> = splat 1.0", "@w is no dequantized integers"],
  [
    "nn.conv(%0, @w, _)",
    "const @w : tensor<2x2x1x1xf32> = quant.dequantize(@q, @ws, _) {axis = 1, block = 2}\n const @q : tensor<2x2x1x1xi8> = splat 1\n const @ws : tensor<2x1x1x1xf32> = splat 1.0",
    "the scales of @w are in blocks",
  ],
  [
    "nn.conv(%0, @w, _)",
    "const @w : tensor<2x2x1x1xf32> = quant.dequantize(@q, @ws, _) {axis = 1}\n const @q : tensor<2x2x1x1xi8> = splat 1\n const @ws : tensor<2xf32> = [1.0, 2.0]",
    "the scales of @w lie along axis 1",
  ],
  [
    "nn.conv(%0, @w, _)",
    "const @w : tensor<2x2x1x1xf32> = quant.dequantize(@q, @ws, @wz)\n const @q : tensor<2x2x1x1xi8> = [-128, 0, 0, 127]\n const @ws : tensor<f32> = 1.0\n const @wz : tensor<i8> = 1",
    "@q less its zero point does not fit i8",
  ],
  [
    "nn.conv(%0, @w, @b)",
    "const @w : tensor<2x2x1x1xf32> = quant.dequantize(@q, @s, _)\n const @q : tensor<2x2x1x1xi8> = splat 1\n const @b : tensor<2xf32> = [0.0, 1e20]",
    "element 1 of the bias @b does not fit i32",
  ],
  ["math.softmax(%0) {axis = 1}", "", "math.softmax has no integer form"],
  ["math.add(%0, @c)", "const @c : tensor<2x4x4xf32> = splat 1.0", "operand 1 is not dequantized bytes with one scale"],
  ["nn.avg_pool(%0) {kernel = [3, 3], pad = [1, 1, 1, 1]}", "", "windows at the border are over fewer elements"],
];

for (const [op, constants, reason] of reasons) {
  test(`stays float: ${op}: ${reason}`, () => {
    const module = readBody(quantized(op, constants));
    const { module: legal, integer, float } = legalize(module, registry);
    assert.equal([integer, float], [0, [{ op: op.split("(")[0], value: "mid", reason }]]);
    assert.is(legal, module);
  });
}

test("stays float where the float result is read elsewhere, and where nothing quantizes it", () => {
  const shared = readBody(`  func @main(%x: tensor<4xi8>) -> (y: tensor<4xi8>, z: tensor<4xf32>) {
    %0 = quant.dequantize(%x, @s, _)
    %sum = math.add(%0, %0)
    %y = quant.quantize(%sum, @s, _)
    return %y, %sum
  }
  const @s : tensor<f32> = 0.5`);
  assert.equal(legalize(shared, registry).float, [{ op: "math.add", value: "sum", reason: "its float result is read elsewhere, too" }]);
  const open = readBody(`  func @main(%x: tensor<4xi8>) -> (z: tensor<4xf32>) {
    %0 = quant.dequantize(%x, @s, _)
    %sum = math.add(%0, %0)
    return %sum
  }
  const @s : tensor<f32> = 0.5`);
  assert.equal(legalize(open, registry).float, [{ op: "math.add", value: "sum", reason: "its result is not quantized" }]);
});

test("imported forms: u8 weights with zero point 128, u8 activations, one scale for the weight", () => {
  const module = readBody(`  func @main(%x: tensor<1x2xu8>) -> (y: tensor<1x2xu8>) {
    %0 = quant.dequantize(%x, @s, @z)
    %1 = nn.linear(%0, @w, _)
    %y = quant.quantize(%1, @t, @z) {to = u8}
    return %y
  }
  const @s : tensor<f32> = 0.5
  const @t : tensor<f32> = 4.0
  const @z : tensor<u8> = 100
  const @w : tensor<2x2xf32> = quant.dequantize(@q, @s, @wz)
  const @q : tensor<2x2xu8> = [129, 126, 255, 0]
  const @wz : tensor<u8> = 128`);
  const { module: legal } = legalize(module, registry);
  assert.equal(opsOf(legal), ["int.linear"]);
  const x: HostTensor = { dtype: "u8", shape: [1, 2], data: Uint8Array.of(108, 116) };
  // (8 * 1 - 16 * 2) / 16 = -1.5, rounded up; (8 * 127 - 16 * 128) / 16 = -64.5.
  assert.equal(resultOf(legal, { x }), [99, 36]);
  assert.equal(resultOf(module, { x }), [98, 36]);
});

test("targets: webgpu keeps the float form; an int op without a fitting kernel stays float, and says so", () => {
  const { module } = clusterCase(0);
  const target = targetOf("wasm-simd");
  if (!target.manifest) throw new Error("no manifest");
  const without = (drop: (op: string) => boolean): TargetSpec => {
    const kernels = target.manifest?.kernels.filter((row) => !drop(row.op)) ?? [];
    return { ...target, manifest: { backend: "wasm", abi: 1, kernels } };
  };
  assert.is(
    lower(
      module,
      without((op) => op.startsWith("int.")),
      registry,
    ).legalized,
    null,
  );
  const partly = lower(
    module,
    without((op) => op === "int.linear"),
    registry,
  );
  assert.is(partly.legalized?.float[0]?.reason, "target wasm-simd has no kernel for int.linear");
  assert.ok(partly.kernels.some((kernel) => kernel.startsWith("f32_linear")));
  const whole = lower(module, target, registry);
  assert.ok(whole.kernels.includes("i8_linear"), whole.kernels.join());
});

test.run();
