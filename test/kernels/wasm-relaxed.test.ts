/**
 * @file Relaxed SIMD: plans for `wasm-relaxed-simd` give what the plain ones give, up to the fused rounding; the target is taken only where it was asked for and the engine has it. Node 20 has the instructions
 * behind a flag, newer ones and browsers without.
 */
import { setFlagsFromString } from "node:v8";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Net } from "../../compiler/cost/calibration/net.ts";
import { compile, createHost } from "../../compiler/index.ts";
import type { Module } from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { hasRelaxedSimd } from "../../runtime/backends/wasm/relaxed.ts";
import { relaxedSimd } from "../../runtime/backends/wasm-relaxed/index.ts";
import { load, Tensor } from "../../runtime/index.ts";
import { need } from "../support/skip.ts";

const { ops } = createHost();

async function outputs(module: Module, target: string, shape: readonly number[]): Promise<Float32Array> {
  const { bytes } = await compile(module, { targets: [target] });
  const session = await load(bytes, { backends: [wasm({ relaxed: relaxedSimd })] });
  assert.is(session.info.target, target);
  const x = Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(i * 0.7));
  const { y } = await session.run({ x: new Tensor("f32", x, shape) });
  session.dispose();
  return y?.data as Float32Array;
}

const nets: readonly (readonly [name: string, shape: readonly number[], make: (net: Net) => number])[] = [
  ["linear, odd sizes", [3, 77], (net) => net.linear(net.input, 53, "relu")],
  [
    "a product of two values",
    [2, 9, 13],
    (net) => net.one("nn.matmul", [net.input, net.one("shape.transpose", [net.input], { perm: [0, 2, 1] })]),
  ],
  ["3x3 convolution", [2, 5, 11, 13], (net) => net.conv(net.input, 7, 3, { activation: "relu6" })],
  ["strided, grouped", [1, 6, 12, 12], (net) => net.conv(net.input, 8, 5, { stride: 2, groups: 2 })],
  ["depthwise", [1, 9, 14, 37], (net) => net.depthwise(net.input, 3, { activation: "relu" })],
];

test("before the flag of Node 20: the target is not offered, and the error names it", async () => {
  if (hasRelaxedSimd()) return;
  assert.equal(wasm({ relaxed: relaxedSimd }).targets, ["wasm-simd"]);
  const net = new Net("n", ops, [1, 8]);
  const { bytes } = await compile(net.finish(net.linear(net.input, 8)), { targets: ["wasm-relaxed-simd"] });
  const refused = await load(bytes, { backends: [wasm({ relaxed: relaxedSimd })] }).catch((error: unknown) => String(error));
  assert.match(String(refused), /R0405.*compiled for wasm-relaxed-simd; backend wasm was asked for wasm-simd/s);
});

for (const [name, shape, make] of nets) {
  test(`${name}: as plain SIMD, within the fused rounding`, async () => {
    setFlagsFromString("--experimental-wasm-relaxed-simd");
    if (!need("relaxed-simd", hasRelaxedSimd(), "relaxed SIMD in this engine")) return;
    const net = new Net("n", ops, shape);
    const module = net.finish(make(net));
    const [plain, relaxed] = [await outputs(module, "wasm-simd", shape), await outputs(module, "wasm-relaxed-simd", shape)];
    const size = Math.max(...plain.map(Math.abs));
    const worst = plain.reduce((most, value, i) => Math.max(most, Math.abs(value - (relaxed[i] as number))), 0);
    assert.ok(relaxed.length === plain.length && size > 0.1 && worst <= 2e-6 * size, `${worst / size}`);
  });
}

test("without { relaxed } nothing changes; a wrong probe is an error, not a wrong answer", async () => {
  if (!hasRelaxedSimd()) return;
  assert.equal(wasm().targets, ["wasm-simd"]);
  // (module (import "env" "memory" (memory 1)) (func (export "probe") (result i32) i32.const 41))
  // biome-ignore format: sections
  const wrong = Uint8Array.of(
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 127, 2, 15, 1, 3, 101, 110, 118, 6, 109, 101, 109, 111, 114, 121, 2, 0, 1,
    3, 2, 1, 0, 7, 9, 1, 5, 112, 114, 111, 98, 101, 0, 0, 10, 6, 1, 4, 0, 65, 41, 11,
  );
  const net = new Net("n", ops, [1, 8]);
  const { bytes } = await compile(net.finish(net.linear(net.input, 8)), { targets: ["wasm-relaxed-simd"] });
  const refused = await load(bytes, { backends: [wasm({ relaxed: { bytes: () => wrong } })] }).catch((error: unknown) => String(error));
  assert.match(String(refused), /R0401.*relaxed SIMD gives 41 instead of 40/s);
});

test.run();
