/** @file Weight quantization: error bounds per scheme, what is stored, and that the definition decodes to what the codes say. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { describeForm, type Module, weightForm } from "../../ir-spec/index.ts";
import { quantizeSymmetric } from "../../plugins/quantize/affine.ts";
import { failure, readBody, run } from "../passes/support.ts";
import { dataOf, dtypeOf, normals, oneLayer, partsOf, twoLayers, valuesOf, withValues } from "./support.ts";

const quantized = async (module: Module, options: string) => (await run(module, `quantize{${options}}`)).module;
const f32 = Math.fround;

test("int8 per channel: each error at most half its channel's scale, by hand", async () => {
  const values = normals(64 * 32).map((v, i) => v * (1 + Math.floor(i / 32)));
  const after = await quantized(oneLayer(values, 64), "bits=8 calibration=minmax");
  const [codes = "", scale = ""] = partsOf(after, "w");
  assert.equal([dtypeOf(after, codes), dtypeOf(after, scale)], ["i8", "f32"]);
  const [q, s, w] = [dataOf(after, codes), dataOf(after, scale), valuesOf(after, "w")];
  assert.is(s.length, 64);
  values.forEach((value, i) => {
    const step = s[Math.floor(i / 32)] as number;
    assert.is(w[i], f32((q[i] as number) * step));
    assert.ok(Math.abs((w[i] as number) - value) <= (step / 2) * (1 + 1e-6), `${i}: ${w[i]} for ${value}, scale ${step}`);
  });
  assert.is(Math.max(...q.map(Math.abs)), 127);
});

test("int4 in groups along the input axis: each error at most half its group's scale", async () => {
  const values = normals(16 * 64).map((v, i) => v * (1 + Math.floor(i / 32)));
  const after = await quantized(oneLayer(values, 16), "bits=4 group=32 calibration=minmax");
  const [codes = "", scale = ""] = partsOf(after, "w");
  assert.is(dtypeOf(after, codes), "i4");
  assert.equal(after.constants.get(scale)?.type.shape, [16, 2]);
  const [s, w] = [dataOf(after, scale), valuesOf(after, "w")];
  for (const [i, value] of values.entries())
    assert.ok(Math.abs((w[i] as number) - value) <= ((s[Math.floor(i / 32)] as number) / 2) * (1 + 1e-6));
  assert.ok(Math.max(...dataOf(after, codes).map(Math.abs)) <= 7);
});

test("int4 groups of a conv weight lie along its input channels, one per kernel position", async () => {
  const module = readBody(`  func @main(%x: tensor<Nx4x2x2xf32>) -> (y: tensor<Nx3x1x1xf32>) {
    %y = nn.conv(%x, @w, _)
    return %y
  }
  const @w : tensor<3x4x2x2xf32> = splat 1.0`);
  const values = normals(48).map((v, i) => v * 10 ** (i % 4));
  const after = await quantized(withValues(module, "w", values), "bits=4 group=2 calibration=minmax min=0");
  const [, scale = ""] = partsOf(after, "w");
  assert.equal(after.constants.get(scale)?.type.shape, [3, 2, 2, 2]);
  const [s, w] = [dataOf(after, scale), valuesOf(after, "w")];
  values.forEach((value, i) => {
    const [out, input, place] = [Math.floor(i / 16), Math.floor(i / 4) % 4, i % 4];
    const step = s[(out * 2 + Math.floor(input / 2)) * 4 + place] as number;
    assert.ok(Math.abs((w[i] as number) - value) <= (step / 2) * (1 + 1e-6), `${i}`);
  });
});

test("one scale for the tensor; channels instead where groups do not divide", async () => {
  const module = oneLayer(normals(30 * 10), 10);
  const form = async (options: string) => describeForm(weightForm(await quantized(module, options), "w"));
  assert.is(await form("bits=8 granularity=tensor"), "int8/tensor");
  assert.is(await form("bits=8"), "int8/channel");
  assert.is(await form("bits=4 group=32"), "int4/channel");
  assert.is(await form("bits=4 group=10"), "int4/10");
  assert.is(await form("bits=2 granularity=channel"), "int2/channel");
});

test("every number of bits stays within its codes and its storage", async () => {
  for (const [bits, dtype] of [
    [2, "i2"],
    [3, "i4"],
    [4, "i4"],
    [5, "i8"],
    [6, "i8"],
    [7, "i8"],
    [8, "i8"],
  ] as const) {
    const after = await quantized(oneLayer(normals(512), 8), `bits=${bits}`);
    const [codes = ""] = partsOf(after, "w");
    assert.is(dtypeOf(after, codes), dtype);
    assert.ok(Math.max(...dataOf(after, codes).map(Math.abs)) <= 2 ** (bits - 1) - 1);
  }
});

test("f16: each weight to the nearest half", async () => {
  const values = Float32Array.of(1, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 0.1, -65504, 6e-8, 0, 3);
  const after = await quantized(oneLayer(values, 2), "bits=16 min=0");
  assert.equal(valuesOf(after, "w"), [1, 1, 1 + 2 ** -9, 0.0999755859375, -65504, 2 ** -24, 0, 3]);
  assert.is(describeForm(weightForm(after, "w")), "dense f16");
});

test("bits 9..15 are refused", async () => {
  const error = await failure(() => run(twoLayers(), "quantize{bits=12}"));
  assert.is(error.code, "E0707");
  assert.match(error.message, "quantize{bits=12} (quantize): bits = 12: there is 2..8 and 16");
});

test("a shared weight keeps its codes, its table becomes int8", async () => {
  const { module: shared } = await run(twoLayers(), "share-weights{clusters=16 min=0}");
  const after = await quantized(shared, "bits=4");
  assert.is(after.constants.get("a.codes"), shared.constants.get("a.codes"));
  assert.is(dtypeOf(after, partsOf(after, "a.table")[0] ?? ""), "i8");
  const [old, now, [step = 0]] = [valuesOf(shared, "a.table"), valuesOf(after, "a.table"), dataOf(after, "a.table.s")];
  for (const [i, value] of old.entries()) assert.ok(Math.abs((now[i] as number) - value) < step);
});

test("a pruned weight keeps its mask and its zeros", async () => {
  const { module: pruned } = await run(twoLayers(), "prune-magnitude{sparsity=50% min=0}");
  const after = await quantized(pruned, "bits=8");
  assert.is(after.constants.get("a.mask"), pruned.constants.get("a.mask"));
  const [old, now] = [valuesOf(pruned, "a"), valuesOf(after, "a")];
  for (const [i, value] of old.entries()) if (value === 0) assert.is(now[i], 0);
  assert.is(describeForm(weightForm(after, "a")).startsWith("mask ∘ "), true);
});

const block = fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 40 });

test("property: mse never errs more than min-max, codes never leave their range", () => {
  fc.assert(
    fc.property(block, fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 4 }), (values, bits, count) => {
      const blocks = { blockOf: (i: number) => i % count, count };
      const [minmax, mse] = [quantizeSymmetric(values, blocks, bits, "minmax"), quantizeSymmetric(values, blocks, bits, "mse")];
      assert.ok(mse.error <= minmax.error, `${mse.error} > ${minmax.error}`);
      for (const { codes, scales, error } of [minmax, mse]) {
        const limit = 2 ** (bits - 1) - 1;
        assert.ok(codes.every((code) => Math.abs(code) <= limit));
        const measured =
          values.reduce((sum, v, i) => sum + (v - (codes[i] as number) * (scales[i % count] as number)) ** 2, 0) / values.length;
        assert.ok(Math.abs(measured - error) <= 1e-12 * Math.max(1, error));
      }
    }),
    { numRuns: 500, seed: 1 },
  );
});

test("mse clips the tails of normal weights at 4 bits", () => {
  const values = normals(4000);
  const whole = { blockOf: () => 0, count: 1 };
  const [minmax, mse] = [quantizeSymmetric(values, whole, 4, "minmax"), quantizeSymmetric(values, whole, 4, "mse")];
  assert.ok(mse.error < minmax.error * 0.9);
  assert.ok((mse.scales[0] as number) < (minmax.scales[0] as number));
});

test("ties round to even, as quant.quantize does; a block of zeros has codes 0", () => {
  const whole = { blockOf: () => 0, count: 1 };
  assert.equal([...quantizeSymmetric([127, 0.5, 1.5, 2.5, -0.5, -1.5], whole, 8, "minmax").codes], [127, 0, 2, 2, 0, -2]);
  assert.equal([...quantizeSymmetric([0, 0], whole, 8, "mse").codes], [0, 0]);
});

test("min and keep; a weight that is quantized already is left alone with a warning", async () => {
  const before = twoLayers();
  assert.is(await quantized(before, "min=1000"), before);
  assert.is(await quantized(before, 'keep=["a","b"]'), before);
  const once = await quantized(before, "bits=8");
  const { module, warnings } = await run(once, "quantize{bits=4 keep=b}");
  assert.is(module, once);
  assert.equal(warnings, ["quantize: a: @a is defined by quant.dequantize, not float data: left alone"]);
});

test.run();
