/** @file Starting weights: the variance that He et al. ask for, zero biases, by seed and place. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { initialize } from "../../compiler/train/index.ts";
import { constantValue, moduleOf, registry } from "../autodiff/support.ts";

const module = moduleOf(`
  func @main(%x: tensor<Nx4x8x8xf32>) -> (y: tensor<Nx100xf32>) {
    %0 = nn.conv(%x, @conv.w, @conv.b)
    %1 = math.mul(%0, @gain)
    %2 = shape.reshape(%1) {shape = [0, -1]}
    %y = nn.linear(%2, @fc.w, @fc.b)
    return %y
  }
  const @conv.w : tensor<64x4x5x5xf32> = splat 0.0
  const @conv.b : tensor<64xf32> = splat 3.0
  const @gain : tensor<f32> = 2.0
  const @fc.w : tensor<100x1024xf32> = splat 0.0
  const @fc.b : tensor<100xf32> = splat 3.0`);

const deviation = (name: string, seed: number): number => {
  const values = constantValue(initialize(module, registry, seed), name).data as Float32Array;
  return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
};

test("weights have a variance of 2 / fan-in, biases are zero, other constants stay", () => {
  assert.ok(Math.abs(deviation("conv.w", 1) / Math.sqrt(2 / 100) - 1) < 0.04);
  assert.ok(Math.abs(deviation("fc.w", 1) / Math.sqrt(2 / 1024) - 1) < 0.02);
  const made = initialize(module, registry, 1);
  assert.ok((constantValue(made, "conv.b").data as Float32Array).every((v) => v === 0));
  assert.ok((constantValue(made, "fc.b").data as Float32Array).every((v) => v === 0));
  assert.is(made.constants.get("gain"), module.constants.get("gain"));
});

test("the same seed gives the same bits, another seed others", () => {
  const data = (seed: number) => constantValue(initialize(module, registry, seed), "fc.w").data;
  assert.equal(data(1), data(1));
  assert.not.equal(data(1), data(2));
});

test.run();
