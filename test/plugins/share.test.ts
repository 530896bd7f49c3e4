/** @file Weight sharing: k-means against brute force, the stored table and codes, and structural zeros. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kMeans } from "../../plugins/share/index.ts";
import { run } from "../passes/support.ts";
import { dataOf, dtypeOf, normals, oneLayer, partsOf, twoLayers, valuesOf, zeros } from "./support.ts";

/** Smallest mean squared error of two clusters: clusters of sorted values are a cut. */
function bestOfTwo(values: readonly number[]): number {
  const sorted = [...values].sort((x, y) => x - y);
  const spread = (part: readonly number[]) => {
    const mean = part.reduce((sum, v) => sum + v, 0) / part.length;
    return part.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  };
  let best = spread(sorted);
  for (let cut = 1; cut < sorted.length; cut++) best = Math.min(best, spread(sorted.slice(0, cut)) + spread(sorted.slice(cut)));
  return best / sorted.length;
}

const errorOf = (values: ArrayLike<number>, centroids: ArrayLike<number>) =>
  Array.from(values, (v) => Math.min(...Array.from(centroids, (c) => (v - c) ** 2))).reduce((sum, e) => sum + e, 0) / values.length;

const numbers = (max = 40) => fc.array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: max });

test("property, k = 2: a fixed point, never better than brute force, never worse than the linear start", () => {
  fc.assert(
    fc.property(numbers(), (values) => {
      const { centroids, codes, error } = kMeans(values, 2);
      const best = bestOfTwo(values);
      assert.ok(error >= best * (1 - 1e-9) - 1e-12, `${error} < ${best}`);
      const start = [Math.min(...values), Math.max(...values)];
      assert.ok(error <= errorOf(values, start) * (1 + 1e-9) + 1e-12);
      const means = Array.from(centroids, (_, c) => values.filter((_, i) => codes[i] === c));
      means.forEach((members, c) => {
        const mean = members.reduce((sum, v) => sum + v, 0) / members.length;
        assert.ok(Math.abs(mean - (centroids[c] as number)) <= 1e-9, `centroid ${c} is ${centroids[c]}, its mean ${mean}`);
      });
    }),
    { numRuns: 500, seed: 1 },
  );
});

test("two clouds apart: the optimum of brute force", () => {
  fc.assert(
    fc.property(numbers(12), numbers(12), (low, high) => {
      const values = [...low, ...high.map((v) => v + 1000)];
      const { error } = kMeans(values, 2);
      assert.ok(Math.abs(error - bestOfTwo(values)) <= 1e-9 * Math.max(1, error));
    }),
    { numRuns: 300, seed: 2 },
  );
});

test("property: centroids ascend, codes name the nearest, the error is the true one", () => {
  fc.assert(
    fc.property(numbers(), fc.integer({ min: 1, max: 20 }), (values, k) => {
      const { centroids, codes, error } = kMeans(values, k);
      assert.ok(centroids.length >= 1 && centroids.length <= Math.min(k, new Set(values).size));
      for (let i = 1; i < centroids.length; i++) assert.ok((centroids[i] as number) > (centroids[i - 1] as number));
      const decoded = values.map((v, i) => (v - (centroids[codes[i] as number] as number)) ** 2);
      assert.ok(Math.abs(error - decoded.reduce((a, b) => a + b, 0) / values.length) <= 1e-9 * Math.max(1, error));
      assert.ok(Math.abs(error - errorOf(values, centroids)) <= 1e-9 * Math.max(1, error));
    }),
    { numRuns: 300, seed: 3 },
  );
});

test("enough clusters for every distinct value: no error", () => {
  const values = Float32Array.from({ length: 200 }, (_, i) => [-3, -1, 0.5, 2][i % 4] as number);
  assert.is(kMeans(values, 16).error, 0);
  assert.equal([...kMeans(values, 16).centroids], [-3, -1, 0.5, 2]);
});

test("more clusters, less error", () => {
  const values = normals(5000);
  const errors = [2, 4, 8, 16, 32, 64, 128, 256].map((k) => kMeans(values, k).error);
  for (let i = 1; i < errors.length; i++) assert.ok((errors[i] as number) < (errors[i - 1] as number) / 2, errors.join(" "));
});

test("k = 16 on normal weights is near the Lloyd-Max quantizer (error 0.0095)", () => {
  const { error } = kMeans(normals(20000), 16);
  assert.ok(error > 0.008 && error < 0.0115, `${error}`);
});

test("an outlier does not cost clusters: as many as asked for, the error that k - 1 have without it", () => {
  const values = normals(5000);
  const clean = kMeans(values, 15).error;
  const { centroids, error } = kMeans([...values, 1000], 16);
  assert.is(centroids.length, 16);
  assert.ok(error < clean * 1.1, `${error} ${clean}`);
});

test("codes are as narrow as the table allows", async () => {
  for (const [clusters, dtype] of [
    [2, "u1"],
    [3, "u2"],
    [4, "u2"],
    [5, "u4"],
    [16, "u4"],
    [17, "u8"],
    [256, "u8"],
  ] as const) {
    const { module } = await run(oneLayer(normals(4096), 64), `share-weights{clusters=${clusters}}`);
    const [table = "", codes = ""] = partsOf(module, "w");
    assert.is(dtypeOf(module, codes), dtype);
    assert.is(dataOf(module, table).length, clusters);
  }
});

test("the weight is the table looked up, nothing else changes", async () => {
  const before = twoLayers();
  const { module } = await run(before, "share-weights{clusters=8 keep=b}");
  const [table = "", codes = ""] = partsOf(module, "a");
  const entries = dataOf(module, table);
  assert.equal(
    valuesOf(module, "a"),
    dataOf(module, codes).map((code) => entries[code]),
  );
  const expected = kMeans(valuesOf(before, "a"), 8);
  assert.equal(entries, [...Float32Array.from(expected.centroids)]);
  assert.is(module.constants.get("b"), before.constants.get("b"));
  assert.is(module.functions, before.functions);
});

test("structural zeros stay zero and outside the table", async () => {
  const { module } = await run(twoLayers(), "prune-magnitude{sparsity=80% min=0},share-weights{clusters=4 min=0}");
  const values = valuesOf(module, "a");
  assert.is(zeros(values), Math.floor(512 * 0.8));
  assert.is(dataOf(module, "a.values.codes").length, 512 - Math.floor(512 * 0.8));
  assert.is(zeros(dataOf(module, "a.values.table")), 0);
});

test("where it would be larger it is left alone, with a warning", async () => {
  const small = oneLayer(normals(16), 4);
  const { module, warnings } = await run(small, "share-weights{clusters=16 min=0}");
  assert.is(module, small);
  assert.match(warnings[0] ?? "", /share-weights: w: a table of 16 and its codes would be larger than the 16 weights; left alone/);
});

test("min, keep, and a weight that is shared already", async () => {
  const before = twoLayers();
  assert.is((await run(before, "share-weights{min=1000}")).module, before);
  assert.is((await run(before, 'share-weights{min=0 keep=["*"]}')).module, before);
  const { module } = await run(before, "share-weights{min=0 clusters=4}");
  const again = await run(module, "share-weights{min=0 clusters=4 keep=b}");
  assert.is(again.module, module);
  assert.equal(again.warnings, ["share-weights: a: @a is defined by codebook.lookup, not float data: left alone"]);
});

test.run();
