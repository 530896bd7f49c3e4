/** @file Ranges from histograms: percentiles against sorted values, MSE against direct search, KL on a distribution with a far tail, and the pass; dynamic steps against a plain loop and on a backend. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { HistogramObserver } from "../../compiler/calibrate/histogram.ts";
import { dataSet } from "../../compiler/data/dataset.ts";
import { type Histogram, interpret, lower } from "../../compiler/index.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { verifyModule } from "../../compiler/verify/verify.ts";
import { hostTensor, mainFunction, toNumbers } from "../../ir-spec/index.ts";
import { clippedEnds } from "../../plugins/quantize/clipping.ts";
import { affineParams } from "../../plugins/quantize/ranges.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { failure, readBody, registry, run } from "../passes/support.ts";
import { loadPlan, toHost, toTensor } from "../support/op-module.ts";
import { dataOf, normals, valuesOf } from "./support.ts";

function histogramOf(values: Float32Array): Histogram {
  const observer = new HistogramObserver();
  observer.observe(hostTensor("f32", [values.length], values));
  return observer.histogram;
}

/** Squared error of the values under the i8 codes of a range. */
function errorOf(values: Float32Array, { min, max }: { readonly min: number; readonly max: number }): number {
  const { scale, zero } = affineParams("x", [{ min, max, nonFinite: 0, count: 1 }]);
  return values.reduce((sum, value) => {
    const code = Math.max(-128, Math.min(127, Math.round(value / scale) + zero));
    return sum + (value - (code - zero) * scale) ** 2;
  }, 0);
}

const tailed = normals(20_000, 3).map((value, i) => (i % 4000 === 0 ? 60 : value));
const rectified = normals(20_000, 4).map((value, i) => (i % 5000 === 0 ? 40 : Math.max(0, value)));

test("percentile: at most so many elements are cut, and the next bin would be too many", () => {
  for (const percentile of [90, 99, 99.9]) {
    const { min, max } = clippedEnds(histogramOf(tailed), { range: "percentile", percentile });
    const sorted = [...tailed].sort((a, b) => a - b);
    const cut = Math.floor(sorted.length * (1 - percentile / 100));
    const width = 128 / 4096;
    assert.ok(Math.abs(min - (sorted[cut] as number)) <= width && Math.abs(max - (sorted[sorted.length - 1 - cut] as number)) <= width);
  }
});

test("mse and kl clip a far tail; the error falls with mse to nearly the best of a direct search", () => {
  for (const values of [tailed, rectified]) {
    const histogram = histogramOf(values);
    const ends = (range: "minmax" | "mse" | "kl") => clippedEnds(histogram, { range, percentile: 100 });
    assert.equal(ends("minmax"), { min: histogram.min, max: histogram.max });
    assert.ok(ends("kl").max < 10 && ends("kl").max > 2, `${ends("kl").max}`);
    const shares = Array.from({ length: 80 }, (_, i) => 0.2 + i / 99);
    const best = Math.min(...shares.map((share) => errorOf(values, { min: histogram.min, max: histogram.max * share })));
    assert.ok(errorOf(values, ends("mse")) <= 1.05 * best, `${errorOf(values, ends("mse"))} beside ${best}`);
  }
});

test("values of one kind, zeros, and none keep their range", () => {
  for (const range of ["percentile", "kl", "mse"] as const) {
    assert.equal(clippedEnds(histogramOf(new Float32Array(10)), { range, percentile: 99 }), { min: 0, max: 0 });
    const { min, max } = clippedEnds(histogramOf(new Float32Array(10).fill(3)), { range, percentile: 99 });
    assert.ok(max === 3 && min <= 3, `${range}: ${min} ${max}`);
  }
});

const net = readBody(`  func @main(%x: tensor<Nx4xf32>) -> (y: tensor<Nx2xf32>) {
    %y = nn.linear(%x, @w, _)
    return %y
  }
  const @w : tensor<2x4xf32> = [1.0, 2.0, -1.0, 0.5, 0.0, 1.0, 1.0, -2.0]`);

const data = (values: Float32Array) =>
  dataSet({
    name: "samples",
    classes: 1,
    inputs: { x: { dtype: "f32", shape: [4] } },
    labels: new Uint8Array(values.length / 4),
    write: (index, out, row) => out.x?.set(values.subarray(index * 4, index * 4 + 4), row * 4),
  });

test("the pass takes the rule, and still names a value that is NaN", async () => {
  const scaleOf = async (options: string) =>
    dataOf((await run(net, `quantize{activations=static samples=1024 ${options}}`, { data: data(tailed) })).module, "x.s")[0] as number;
  const whole = await scaleOf("");
  for (const range of ["percentile percentile=99", "kl", "mse"]) assert.ok((await scaleOf(`range=${range}`)) < whole, range);
  const broken = tailed.map((value, i) => (i === 2 ? Number.NaN : value));
  const error = await failure(() => run(net, "quantize{activations=static range=kl samples=1024}", { data: data(broken) }));
  assert.is(error.code, "E0722");
});

test("dynamic: each sample has its own step, zeros stay zeros, a backend gives the same; a second reader shares the pair", async () => {
  const two = readBody(`  func @main(%x: tensor<Nx4xf32>) -> (y: tensor<Nx2xf32>) {
    %a = nn.linear(%x, @w, _)
    %b = nn.linear(%x, @v, _)
    %y = math.add(%a, %b)
    return %y
  }
  const @w : tensor<2x4xf32> = [1.0, 2.0, -1.0, 0.5, 0.0, 1.0, 1.0, -2.0]
  const @v : tensor<2x4xf32> = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]`);
  const { module } = await run(two, "quantize{activations=dynamic min=0}");
  assert.equal(verifyModule(module, registry), []);
  const names = mainFunction(module).ops.map(({ name }) => name);
  assert.is(names.filter((name) => name === "quant.quantize").length, 1);
  const rows = [Float32Array.of(1, -0.51, 0.25, 0.126), Float32Array.of(1000, 3, -501, 0), new Float32Array(4)];
  const x = hostTensor("f32", [3, 4], Float32Array.from(rows.flatMap((row) => [...row])));
  const result = interpret(module, registry, { x }).outputs.y?.data as Float32Array;
  const [w, v] = [valuesOf(module, "w"), valuesOf(module, "v")];
  rows.forEach((row, n) => {
    const step = Math.max(...row.map(Math.abs)) / 127 || 1;
    for (let o = 0; o < 2; o++) {
      const wanted = row.reduce(
        (sum, value, i) => sum + Math.round(value / step) * step * ((w[o * 4 + i] as number) + (v[o * 4 + i] as number)),
        0,
      );
      assert.ok(Math.abs((result[n * 2 + o] as number) - wanted) <= 1e-4 * Math.max(1, Math.abs(wanted)), `${n}, ${o}`);
    }
  });
  const target = builtinTargets.find(({ name }) => name === "wasm-simd");
  assert.ok(target);
  const session = await loadPlan(lower(module, target, registry), wasm());
  const { y } = await session.run({ x: toTensor(x) });
  assert.ok(y);
  toNumbers(toHost(y)).forEach((value, i) => {
    assert.ok(Math.abs(value - (result[i] as number)) <= 1e-5 * Math.max(1, Math.abs(value)));
  });
  session.dispose();
  assert.match((await failure(() => run(two, "quantize{activations=dynamic bits=16}"))).message, "weights have 2..8 bits");
});

test.run();
