/** @file Rate-distortion quantization: a bound on each error, lambda trades bits for error without turning back, the price is what the coder then takes, and files stay valid. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodeTensor, hostTensor } from "../../ir-spec/index.ts";
import { contextEncoder } from "../../plugins/entropy/context-encoder.ts";
import { quantize } from "../../plugins/entropy/rate-distortion.ts";
import { run } from "../passes/support.ts";
import { dtypeOf, normals, oneLayer, partsOf, valuesOf } from "./support.ts";

const values = Float32Array.from(normals(64 * 128, 5));
const shape = [64, 128];

test("lambda 0 rounds to nearest: no error beyond half a step", () => {
  const { codes, scales } = quantize(values, shape, { bits: 8, step: 1, lambda: 0 });
  values.forEach((value, i) => {
    const scale = scales[i >> 7] as number;
    assert.ok(Math.abs(value - (codes[i] as number) * scale) <= 0.5001 * scale);
  });
});

test("a larger lambda takes fewer bits and more error, and beats a coarser step at equal bits", () => {
  const at = (lambda: number, step = 4) => quantize(values, shape, { bits: 8, step, lambda });
  const runs = [0, 0.02, 0.1, 0.3].map((lambda) => at(lambda));
  for (let i = 1; i < runs.length; i++) {
    assert.ok((runs[i]?.bits ?? 0) < (runs[i - 1]?.bits ?? 0), `bits at ${i}`);
    assert.ok((runs[i]?.error ?? 0) > (runs[i - 1]?.error ?? 0), `error at ${i}`);
  }
  const [, , chosen] = runs;
  let coarse = 4;
  while (at(0, coarse).bits > (chosen?.bits ?? 0)) coarse *= 1.02;
  assert.ok((chosen?.error ?? 1) < at(0, coarse).error, "rate-distortion is better than rounding with a coarser step");
});

test("the price of the codes is what the context coder takes, within a hundredth", () => {
  const { codes, bits } = quantize(values, shape, { bits: 8, step: 2, lambda: 0.1 });
  const coded = contextEncoder.encode({ bytes: encodeTensor(hostTensor("i8", shape, codes)), dtype: "i8", shape });
  assert.ok(
    Math.abs((coded?.bytes.length ?? 0) * 8 - bits) < 0.01 * bits + 64,
    `${(coded?.bytes.length ?? 0) * 8} bits, ${bits.toFixed(0)} priced`,
  );
});

test("the pass defines the weight by codes and scales, leaves NaN weights alone with a warning, and what is named", async () => {
  const { module } = await run(oneLayer(values, 64), "rate-distortion{bits=4 lambda=0.1},entropy");
  const [codes = "", scales = ""] = partsOf(module, "w");
  assert.is(dtypeOf(module, codes), "i4");
  assert.is(dtypeOf(module, scales), "f32");
  const largest = Math.max(...values.map(Math.abs));
  valuesOf(module, "w").forEach((value, i) => {
    assert.ok(Math.abs(value - (values[i] as number)) < largest / 2);
  });
  const broken = values.slice();
  broken[7] = Number.NaN;
  const kept = await run(oneLayer(broken, 64), "rate-distortion");
  assert.equal(partsOf(kept.module, "w"), []);
  assert.match(kept.warnings.join(), /w: weights that are infinite or no numbers/);
  assert.equal(partsOf((await run(oneLayer(values, 64), "rate-distortion{keep=[w]}")).module, "w"), []);
});

test.run();
