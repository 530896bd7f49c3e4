/** @file One-bit weights: magnitudes by hand, fitted signs against every choice of signs, two levels against sorted values, what is stored and what a backend computes, and what is refused. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HistogramObserver } from "../../compiler/calibrate/histogram.ts";
import { dataSet } from "../../compiler/data/dataset.ts";
import { type DataSet, lower } from "../../compiler/index.ts";
import { interpreterExecutor } from "../../compiler/interpret/executor.ts";
import { rowError } from "../../compiler/rounding/rows.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { verifyModule } from "../../compiler/verify/verify.ts";
import { describeForm, hostTensor, type Module, mainFunction, weightForm } from "../../ir-spec/index.ts";
import { levelsOf } from "../../plugins/binarize/levels.ts";
import { fittedSigns, rowOf, signsOf } from "../../plugins/binarize/signs.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { failure, readBody, registry, run } from "../passes/support.ts";
import { loadPlan, toHost, toTensor } from "../support/op-module.ts";
import { normals, valuesOf, withValues } from "./support.ts";

test("a channel's magnitude is the mean of |w|; 0 counts as plus; a channel of zeros stays 0", () => {
  const { bits, magnitudes } = signsOf([1, -3, 0, 2, 0, 0, 0, 0], 2);
  assert.equal(
    [[...bits], [...magnitudes]],
    [
      [1, 0, 1, 1, 1, 1, 1, 1],
      [1.5, 0],
    ],
  );
});

/** `E[x x']` of correlated vectors. */
function moments(size: number, seed: number) {
  const noise = normals(50 * (size + 1), seed);
  const matrix = new Float64Array(size * size);
  for (let n = 0; n < 50; n++) {
    const at = (i: number) => (noise[n * (size + 1) + i] as number) + (noise[n * (size + 1) + i + 1] as number);
    for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) matrix[i * size + j] = (matrix[i * size + j] as number) + at(i) * at(j);
  }
  return { size, matrix };
}

test("fitted signs never err more than plain ones, and are mostly the best of all signs in tiny rows", () => {
  let found = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const [size, own] = [6, moments(6, seed)];
    const values = normals(size, seed + 100);
    const places = Int32Array.from({ length: size }, (_, i) => i);
    const error = (bits: Int8Array, magnitude: number) => rowError(rowOf(values, places, magnitude), bits, own);
    const plain = signsOf(values, 1);
    const fitted = fittedSigns(values, plain, { rows: 1, columns: size, places, moments: [own] });
    const [before, after] = [error(plain.bits, plain.magnitudes[0] as number), error(fitted.bits, fitted.magnitudes[0] as number)];
    assert.ok(after <= before * (1 + 1e-9), `seed ${seed}: ${after} after ${before}`);
    let best = Number.POSITIVE_INFINITY;
    for (let choice = 0; choice < 64; choice++) {
      const bits = Int8Array.from({ length: size }, (_, i) => (choice >> i) & 1);
      // The least squares magnitude of these signs: the error is a parabola in it.
      const [e0, e1, e2] = [error(bits, 0), error(bits, 1), error(bits, 2)];
      const [curve, slope] = [(e2 - 2 * e1 + e0) / 2, (4 * e1 - 3 * e0 - e2) / 2];
      best = Math.min(best, error(bits, Math.max(0, -slope / (2 * curve))));
    }
    assert.ok(after >= best - 1e-6 * before);
    if (after <= best + 1e-5 * before) found++;
  }
  assert.ok(found >= 24, `${found} of 40`);
});

test("levels are the means of both sides of the threshold", () => {
  const values = normals(5000, 3).map((value) => Math.max(0, value));
  const observer = new HistogramObserver();
  observer.observe(hostTensor("f32", [values.length], values));
  const options = { threshold: 0.5, scaling: "levels" } as const;
  const average = (list: readonly number[]) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const mean = average([...values]);
  for (const [activations, threshold] of [
    ["mean", mean],
    ["given", 0.5],
  ] as const) {
    const levels = levelsOf(observer.histogram, { ...options, activations });
    assert.ok(Math.abs(levels.threshold - threshold) < 0.005);
    assert.ok(Math.abs(levels.low - average([...values].filter((value) => value <= threshold))) < 0.005);
    assert.ok(Math.abs(levels.high - average([...values].filter((value) => value > threshold))) < 0.005);
  }
  const size = average([...values].map((value) => Math.abs(value - 0.5)));
  const { low, high } = levelsOf(observer.histogram, { ...options, activations: "given", scaling: "symmetric" });
  assert.ok(Math.abs(low - (0.5 - size)) < 0.005 && Math.abs(high - (0.5 + size)) < 0.005);
  assert.equal(levelsOf(null, { ...options, activations: "zero", scaling: "none" }), { threshold: 0, low: -1, high: 1 });
});

const text = `  func @main(%x: tensor<Nx3x6x6xf32>) -> (y: tensor<Nx4xf32>) {
    %a = nn.conv(%x, @a, _) {pad = [1, 1, 1, 1], activation = relu}
    %b = nn.conv(%a, @b, @b.bias) {pad = [1, 1, 1, 1], activation = relu}
    %m = reduce.mean(%b) {axes = [2, 3], keepdims = false}
    %y = nn.linear(%m, @c, _)
    return %y
  }
  const @a : tensor<8x3x3x3xf32> = splat 1.0
  const @b : tensor<8x8x3x3xf32> = splat 1.0
  const @b.bias : tensor<8xf32> = splat 0.5
  const @c : tensor<4x8xf32> = splat 1.0`;
const net = ["a", "b", "c"].reduce(
  (module, name, i) => withValues(module, name, normals([216, 576, 32][i] as number, i + 1)),
  readBody(text),
);

const data: DataSet = dataSet({
  name: "samples",
  classes: 1,
  inputs: { x: { dtype: "f32", shape: [3, 6, 6] } },
  labels: new Uint8Array(60),
  write: (index, out, row) => out.x?.set(normals(108, index + 50), row * 108),
});

const input = () => hostTensor("f32", [60, 3, 6, 6], data.batch(0, 60).x as Float32Array);
const outputsOf = async (module: Module) =>
  Array.from((await interpreterExecutor(registry).run(module, { x: input() })).outputs.y?.data as Float32Array);
const distance = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0);

test("one bit a weight; the ends stay float; fitted signs move the outputs less", async () => {
  const before = await outputsOf(net);
  const losses: number[] = [];
  for (const method of ["signs", "fitted"]) {
    const { module, warnings } = await run(net, `binarize{method=${method}}`, { data });
    assert.equal([warnings, verifyModule(module, registry)], [[], []]);
    assert.is(module.constants.get("a"), net.constants.get("a"));
    assert.match(describeForm(weightForm(module, "b")), "codebook");
    assert.is(module.constants.get("b.bits")?.type.dtype, "u1");
    const values = valuesOf(module, "b");
    for (let channel = 0; channel < 8; channel++)
      assert.is(new Set(values.slice(channel * 72, channel * 72 + 72).map(Math.abs)).size, 1, `channel ${channel}`);
    losses.push(distance(await outputsOf(module), before));
  }
  assert.ok((losses[1] as number) < 0.8 * (losses[0] as number), losses.join());
});

test("two levels before the layer; a backend computes what the interpreter does", async () => {
  const { module } = await run(net, "binarize{activations=mean}", { data });
  assert.equal(verifyModule(module, registry), []);
  const names = mainFunction(module).ops.map(({ name }) => name);
  assert.equal(names.slice(0, 4), ["nn.conv", "math.greater", "math.where", "nn.conv"]);
  const target = builtinTargets.find(({ name }) => name === "wasm-simd");
  assert.ok(target);
  const session = await loadPlan(lower(module, target, registry), wasm());
  const result = await session.run({ x: toTensor(input()) });
  assert.ok(result.y);
  const [wanted, got] = [await outputsOf(module), Array.from(toHost(result.y).data as Float32Array)];
  session.dispose();
  wanted.forEach((value, i) => {
    assert.ok(Math.abs(value - (got[i] as number)) <= 1e-4 * Math.max(1, Math.abs(value)));
  });
});

test("without data: plain signs with a warning, levels of -1 and 1 or an error; NaN is left alone; nothing to do says so", async () => {
  const { module, warnings } = await run(net, "binarize{activations=zero scaling=none}");
  assert.match(warnings.join(), "there is no data: plain signs");
  assert.is(mainFunction(module).ops[1]?.name, "math.greater");
  assert.is((await failure(() => run(net, "binarize{method=signs activations=mean}"))).code, "E0720");
  const broken = withValues(
    net,
    "b",
    normals(576).map((value, i) => (i === 9 ? Number.NaN : value)),
  );
  const { module: same, warnings: told } = await run(broken, "binarize{method=signs}");
  assert.is(same, broken);
  assert.match(told.join(), "b: has weights that are NaN or infinite");
  assert.match(told.join(), "there is no layer to binarize");
});

test.run();
