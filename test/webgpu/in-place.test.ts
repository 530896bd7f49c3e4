/**
 * @file Kernels that read quantized and shared weights as the file stores them: the plan names them and rebuilds nothing, and the answer is the interpreter's. The row under test is made the
 * cheapest by leaving the dense ones out.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { create, globals } from "webgpu";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { readModule } from "../../compiler/text/index.ts";
import { manifest, webgpu } from "../../runtime/backends/webgpu/index.ts";
import { Tensor } from "../../runtime/index.ts";
import { loadPlan, lowerTo, registry, targetOf } from "../support/op-module.ts";
import { seeded } from "../support/seeded.ts";
import { need } from "../support/skip.ts";

Object.assign(globalThis, globals);
const gpu = create([]);
const adapter = await gpu.requestAdapter().catch(() => null);

const linear = (weight: string, bias = "@b") => `tersor 1.0
module @one {
  func @main(%x: tensor<Nx16xf32>) -> (y: tensor<Nx6xf32>) {
    %y = nn.linear(%x, @w, ${bias}) {activation = relu}
    return %y
  }
  const @b : tensor<6xf32> = [0.5, -0.25, 0.0, 1.0, 2.0, -1.0]
${weight.replaceAll("SHAPE", "6x16")}
}
`;

const pointwise = (weight: string, bias = "@b") => `tersor 1.0
module @one {
  func @main(%x: tensor<Nx16x5x3xf32>) -> (y: tensor<Nx6x5x3xf32>) {
    %y = nn.conv(%x, @w, ${bias})
    return %y
  }
  const @b : tensor<6xf32> = [0.5, -0.25, 0.0, 1.0, 2.0, -1.0]
${weight.replaceAll("SHAPE", "6x16x1x1")}
}
`;

const perColumn = `  const @w : tensor<SHAPExf32> = quant.dequantize(@w.q, @w.s, _) {axis = 0}
    const @w.q : tensor<SHAPExi4> = random(3)
    const @w.s : tensor<6xf32> = [0.1, 0.2, 0.05, 0.3, 0.15, 0.25]`;
const whole = `  const @w : tensor<SHAPExf32> = quant.dequantize(@w.q, @w.s, @w.z)
    const @w.q : tensor<SHAPExu8> = random(4)
    const @w.s : tensor<f32> = 0.01
    const @w.z : tensor<u8> = 121`;
const grouped = (scales: string) => `  const @w : tensor<SHAPExf32> = quant.dequantize(@w.q, @w.s, @w.z) {axis = 1, block = 8}
    const @w.q : tensor<SHAPExu4> = random(5)
    const @w.s : tensor<${scales}xf32> = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2]
    const @w.z : tensor<${scales}xu4> = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]`;
const shared = `  const @w : tensor<SHAPExf32> = codebook.lookup(@w.t, @w.c)
    const @w.t : tensor<16xf32> = random(6)
    const @w.c : tensor<SHAPExu4> = random(7)`;

interface Case {
  readonly name: string;
  readonly kernel: string;
  readonly text: string;
  readonly shape: readonly number[];
}

const cases: readonly Case[] = [
  { name: "int4, a scale per column", kernel: "linear_affine", text: linear(perColumn), shape: [16] },
  { name: "uint8, one scale and zero point", kernel: "linear_affine", text: linear(whole, "_"), shape: [16] },
  { name: "uint4 in groups of 8 with zero points", kernel: "linear_affine", text: linear(grouped("6x2")), shape: [16] },
  { name: "16 shared values", kernel: "linear_codebook", text: linear(shared), shape: [16] },
  { name: "1x1, int4, a scale per column", kernel: "pointwise_affine", text: pointwise(perColumn), shape: [16, 5, 3] },
  { name: "1x1, uint4 in groups of 8", kernel: "pointwise_affine", text: pointwise(grouped("6x2x1x1"), "_"), shape: [16, 5, 3] },
  { name: "1x1, 16 shared values", kernel: "pointwise_codebook", text: pointwise(shared), shape: [16, 5, 3] },
];

for (const { name, kernel, text, shape } of cases) {
  test(`${kernel}: ${name}`, async () => {
    if (!need("webgpu", adapter !== null, name)) return;
    const module = readModule(text, { registry });
    const lowered = lowerTo(
      module,
      targetOf(
        "webgpu",
        manifest.kernels.filter(({ id }) => id === kernel),
      ),
    );
    assert.equal(lowered.kernels, [kernel]);
    assert.is(lowered.module.functions.get("init")?.ops.length, 0, "nothing is rebuilt");
    const session = await loadPlan(lowered, webgpu({ gpu }));
    const random = seeded(11);
    for (const batch of [1, 4, 9]) {
      const size = [batch, ...shape];
      const data = Float32Array.from({ length: size.reduce((a, b) => a * b) }, () => random.unit() - 0.5);
      const { y } = await session.run({ x: new Tensor("f32", data, size) });
      const wanted = interpret(module, registry, { x: { dtype: "f32", shape: size, data } }).outputs.y;
      assert.equal(y?.shape, wanted?.shape);
      const largest = Math.max(...Array.from(wanted?.data as Float32Array, Math.abs));
      const worst = Math.max(...Array.from(wanted?.data as Float32Array, (v, i) => Math.abs(v - Number(y?.data[i]))));
      assert.ok(largest > 0.1 && worst <= 1e-5 * largest, `batch ${batch}: ${worst} of ${largest}`);
    }
    session.dispose();
  });
}

test.run();
