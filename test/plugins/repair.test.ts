/**
 * @file Repair: remembered statistics against plain loops over outputs, means and deviations after correction against those of the float module, integers that stay integers, batch norms
 * against their inputs' statistics, and what is refused.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dataSet } from "../../compiler/data/dataset.ts";
import { type DataSet, legalize, printModule } from "../../compiler/index.ts";
import { interpreterExecutor } from "../../compiler/interpret/executor.ts";
import { readModule } from "../../compiler/text/index.ts";
import { verifyModule } from "../../compiler/verify/verify.ts";
import { hostTensor, type Module } from "../../ir-spec/index.ts";
import { remembered } from "../../plugins/repair/statistics.ts";
import { failure, readBody, registry, run } from "../passes/support.ts";
import { dataOf, normals, valuesOf, withValues } from "./support.ts";

const shape = [3, 6, 6] as const;
const size = 108;

function samples(count: number, seed: number, broken = false): DataSet {
  const noise = normals(count * size, seed);
  if (broken) noise.fill(Number.NaN);
  return dataSet({
    name: "samples",
    classes: 1,
    inputs: { x: { dtype: "f32", shape } },
    labels: new Uint8Array(count),
    // Shifted, so that errors of the weights move the mean.
    write: (index, out, row) =>
      out.x?.set(
        noise.subarray(index * size, (index + 1) * size).map((value) => value + 1),
        row * size,
      ),
  });
}

const data = samples(100, 5);

/** Two convolutions; what the second gives is the output, so its statistics are those of a layer. */
const net = (norm: boolean): Module => {
  const module = readBody(`  func @main(%x: tensor<Nx3x6x6xf32>) -> (y: tensor<Nx5x6x6xf32>) {
    %h = nn.conv(%x, @a, @a.bias) {pad = [1, 1, 1, 1]${norm ? "" : ", activation = relu"}}
    ${norm ? "%n = nn.batch_norm(%h, @scale, @shift, @mean, @variance)\n    %r = math.relu(%n)" : ""}
    %y = nn.conv(${norm ? "%r" : "%h"}, @b, _)
    return %y
  }
  const @a : tensor<8x3x3x3xf32> = splat 1.0
  const @a.bias : tensor<8xf32> = splat 0.25
  ${norm ? ["scale", "shift", "mean", "variance"].map((name) => `const @${name} : tensor<8xf32> = splat 1.0`).join("\n  ") : ""}
  const @b : tensor<5x8x1x1xf32> = splat 1.0`);
  return withValues(withValues(module, "a", normals(216, 2)), "b", normals(40, 3));
};

interface Statistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** Of each channel of the output, by plain sums. */
async function outputStatistics(module: Module): Promise<Statistics> {
  const { x } = data.batch(0, data.count);
  const result = await interpreterExecutor(registry).run(module, { x: hostTensor("f32", [data.count, ...shape], x as Float32Array) });
  const values = result.outputs.y?.data as Float32Array;
  const channels = Array.from({ length: 5 }, (_, c) => Array.from(values).filter((_, i) => Math.floor(i / 36) % 5 === c));
  const mean = channels.map((list) => list.reduce((sum, value) => sum + value, 0) / list.length);
  const deviation = channels.map((list, c) =>
    Math.sqrt(list.reduce((sum, value) => sum + (value - (mean[c] as number)) ** 2, 0) / list.length),
  );
  return { mean, deviation };
}

const furthest = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));

test("what is remembered are mean and deviation of the outputs; it survives text", async () => {
  const { module } = await run(net(false), "remember-statistics{samples=100}", { data });
  const wanted = await outputStatistics(module);
  const kept = remembered(module)?.get("b");
  assert.ok(kept && remembered(module)?.has("a"));
  assert.ok(furthest(kept.mean, wanted.mean) < 1e-4 && furthest(kept.deviation, wanted.deviation) < 1e-4);
  assert.equal(remembered(readModule(printModule(module), { registry })), remembered(module));
});

for (const scheme of ["bits=2 granularity=channel", "bits=3 group=2", "bits=2 granularity=tensor"]) {
  test(`quantize{${scheme}}: correct-bias brings the means back, correct-statistics the deviations too`, async () => {
    const before = await outputStatistics(net(false));
    const quantize = `remember-statistics{samples=100},quantize{${scheme} min=0}`;
    const plain = await outputStatistics((await run(net(false), quantize, { data })).module);
    const { module: moved } = await run(net(false), `${quantize},correct-bias{samples=100}`, { data });
    const { module: scaled, warnings } = await run(net(false), `${quantize},correct-statistics{samples=100}`, { data });
    assert.equal([verifyModule(moved, registry), verifyModule(scaled, registry)], [[], []]);
    assert.is(remembered(moved), null);
    const [means, both] = [await outputStatistics(moved), await outputStatistics(scaled)];
    assert.ok(furthest(plain.mean, before.mean) > 0.05, "there is something to correct");
    assert.ok(furthest(means.mean, before.mean) < 1e-3 && furthest(both.mean, before.mean) < 1e-3);
    if (scheme.includes("tensor")) assert.match(warnings.join(), "b: its channels have no steps of their own: only the mean is corrected");
    else assert.ok(furthest(both.deviation, before.deviation) < 1e-3, `${furthest(both.deviation, before.deviation)}`);
  });
}

test("integer layers stay integer: codes of the bias change, its unit stays that of the weight", async () => {
  const pipeline = "remember-statistics{samples=100},quantize{bits=4 granularity=channel activations=static samples=100}";
  for (const pass of ["correct-bias", "correct-statistics"]) {
    const { module: plain } = await run(net(false), pipeline, { data });
    const { module } = await run(net(false), `${pipeline},${pass}{samples=100}`, { data });
    assert.equal(verifyModule(module, registry), []);
    assert.not.equal(valuesOf(module, "a.bias"), valuesOf(plain, "a.bias"));
    const [before, after] = [legalize(plain, registry), legalize(module, registry)];
    assert.is(before.integer, after.integer);
    assert.equal(dataOf(module, "a.q"), dataOf(plain, "a.q"));
  }
});

test("batch norms get the statistics of their inputs, one after the other", async () => {
  const { module, warnings } = await run(net(true), "reestimate-batch-norm{samples=100}", { data });
  assert.equal(warnings, []);
  assert.equal(verifyModule(module, registry), []);
  const tapped = { ...net(true) };
  const { x } = data.batch(0, data.count);
  const { taps } = await interpreterExecutor(registry).run(
    tapped,
    { x: hostTensor("f32", [data.count, ...shape], x as Float32Array) },
    { taps: ["h"] },
  );
  const channels = Array.from({ length: 8 }, (_, c) =>
    Array.from(taps.h?.data as Float32Array).filter((_, i) => Math.floor(i / 36) % 8 === c),
  );
  const mean = channels.map((list) => list.reduce((sum, value) => sum + value, 0) / list.length);
  const variance = channels.map((list, c) => list.reduce((sum, value) => sum + (value - (mean[c] as number)) ** 2, 0) / list.length);
  assert.ok(furthest(valuesOf(module, "mean"), mean) < 1e-4);
  assert.ok(furthest(valuesOf(module, "variance"), variance) < 1e-3);
});

test("without data, without memory, with NaN: errors with a code, or a warning and the module as it was", async () => {
  for (const pass of ["remember-statistics", "correct-bias", "correct-statistics", "reestimate-batch-norm"])
    assert.is((await failure(() => run(net(true), pass))).code, "E0720", pass);
  assert.is((await failure(() => run(net(false), "correct-bias", { data }))).code, "E0724");
  const { warnings } = await run(net(false), "remember-statistics", { data: samples(8, 1, true) });
  assert.equal(warnings.length, 2);
  const { module: same } = await run(net(true), "reestimate-batch-norm", { data: samples(8, 1, true) });
  assert.equal(valuesOf(same, "mean"), valuesOf(net(true), "mean"));
});

test.run();
