/** @file Weight sharing beyond Lloyd's: the exact clusters against brute force, weights, starts, one table across layers, vector codes, and files that hold them. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile, dataSet, interpret, Random } from "../../compiler/index.ts";
import { verifyModule } from "../../compiler/verify/verify.ts";
import { describeForm, hostTensor, type Module, weightForm } from "../../ir-spec/index.ts";
import { entropy } from "../../plugins/entropy/index.ts";
import { kMeans, share, starts, vectorKMeans } from "../../plugins/share/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load, Tensor } from "../../runtime/index.ts";
import { readBody, registry, run } from "../passes/support.ts";
import { dataOf, dtypeOf, normals, oneLayer, partsOf, twoLayers, valuesOf, withValues } from "./support.ts";

interface Point {
  readonly value: number;
  readonly weight: number;
}

const massOf = (part: readonly Point[]) => part.reduce((sum, { weight }) => sum + weight, 0);
const meanOf = (part: readonly Point[]) => part.reduce((sum, { value, weight }) => sum + value * weight, 0) / massOf(part);
const spreadOf = (part: readonly Point[]) => part.reduce((sum, { value, weight }) => sum + weight * (value - meanOf(part)) ** 2, 0);

/** Least weighted squared error of at most k clusters, over all cuts of the sorted points. */
function brute(points: readonly Point[], k: number): number {
  if (k === 1 || points.length <= 1) return points.length === 0 ? 0 : spreadOf(points);
  let best = spreadOf(points);
  for (let cut = 1; cut < points.length; cut++) best = Math.min(best, spreadOf(points.slice(0, cut)) + brute(points.slice(cut), k - 1));
  return best;
}

const errorOf = (points: readonly Point[], centroids: ArrayLike<number>, codes: ArrayLike<number>) =>
  points.reduce((sum, { value, weight }, i) => sum + weight * (value - (centroids[codes[i] as number] as number)) ** 2, 0);

const point = fc.record({ value: fc.integer({ min: -40, max: 40 }), weight: fc.integer({ min: 1, max: 9 }) });

test("property: exact clusters have brute force's error, weighted or not, with ties", () => {
  fc.assert(
    fc.property(fc.array(point, { minLength: 1, maxLength: 11 }), fc.integer({ min: 1, max: 4 }), fc.boolean(), (drawn, k, weighted) => {
      const points = weighted ? drawn : drawn.map(({ value }) => ({ value, weight: 1 }));
      const values = points.map(({ value }) => value);
      const { centroids, codes } = kMeans(values, k, { start: "exact", weights: weighted ? points.map(({ weight }) => weight) : null });
      const best = brute(
        [...points].sort((a, b) => a.value - b.value),
        k,
      );
      const reached = errorOf(points, centroids, codes);
      assert.ok(Math.abs(reached - best) <= 1e-9 * Math.max(1, best), `${reached} instead of ${best}`);
    }),
    { numRuns: 400, seed: 1 },
  );
});

test("property: no start beats exact, and exact ends where Lloyd stays", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 9 }),
      (values, k) => {
        const [linear, density, exact] = starts.map((start) => kMeans(values, k, { start }).error) as [number, number, number];
        assert.ok(exact <= linear * (1 + 1e-9) + 1e-12 && exact <= density * (1 + 1e-9) + 1e-12, `${exact} ${linear} ${density}`);
      },
    ),
    { numRuns: 300, seed: 2 },
  );
});

test("exact on 200,000 normal values, taken together: as good as Lloyd from any start, in a second", () => {
  const values = normals(200_000, 3);
  const start = performance.now();
  const exact = kMeans(values, 16, { start: "exact" }).error;
  const [linear, density] = [kMeans(values, 16).error, kMeans(values, 16, { start: "density" }).error];
  assert.ok(exact <= Math.min(linear, density), `${exact} ${linear} ${density}`);
  // Lloyd-Max for 16 levels: 0.0095.
  assert.ok(exact > 0.0092 && exact < 0.0098, `${exact}`);
  assert.ok(performance.now() - start < 20_000);
});

test("a density start has its centroids where the values are: fewer for the tails than a linear one", () => {
  const values = [...normals(5000, 4), 30, -30];
  const least = (start: "linear" | "density") => Math.max(...kMeans(values, 8, { start }).centroids.map(Math.abs));
  assert.is(least("linear"), 30);
  const { centroids } = kMeans([0, 0, 0, 0, 1, 2, 3, 100], 2, { start: "density" });
  assert.equal([...centroids], [6 / 7, 100]);
});

test("weights: what counts more is nearer to its entry", () => {
  const values = normals(2000, 5);
  const weights = values.map((value) => (value > 1 ? 100 : 1));
  const error = (options: object) => {
    const { centroids, codes } = kMeans(values, 8, options);
    return values.reduce((sum, value, i) => sum + (weights[i] as number) * (value - (centroids[codes[i] as number] as number)) ** 2, 0);
  };
  assert.ok(error({ start: "exact", weights }) < 0.6 * error({ start: "exact" }));
});

test("vectors: k-means of few distinct ones is exact, weights move entries, every code is the nearest", () => {
  const random = new Random(1);
  const distinct = Array.from({ length: 5 }, () => [random.normal(), random.normal(), random.normal()]);
  const values = Float64Array.from(Array.from({ length: 400 }, (_, i) => distinct[i % 5] as number[]).flat());
  const found = vectorKMeans({ values, weights: null, width: 3 }, 5, new Random(2));
  assert.ok(found.error < 1e-24);
  assert.is(new Set(found.codes).size, 5);
  const noise = Float64Array.from(normals(3000, 6));
  const { table, codes, error } = vectorKMeans({ values: noise, weights: null, width: 3 }, 16, new Random(3));
  const distance = (i: number, e: number) =>
    [0, 1, 2].reduce((sum, j) => sum + ((noise[i * 3 + j] as number) - (table[e * 3 + j] as number)) ** 2, 0);
  let sum = 0;
  codes.forEach((code, i) => {
    const nearest = Math.min(...Array.from({ length: 16 }, (_, e) => distance(i, e)));
    assert.ok(distance(i, code) <= nearest + 1e-12);
    sum += nearest;
  });
  assert.ok(Math.abs(sum / 3000 - error) < 1e-12);
  const weights = noise.map((_, i) => (i % 3 === 0 ? 50 : 1));
  const heavy = vectorKMeans({ values: noise, weights, width: 3 }, 16, new Random(3));
  const axis = ({ table: t, codes: c }: { table: Float64Array; codes: Uint8Array }, j: number) =>
    c.reduce((all, code, i) => all + ((noise[i * 3 + j] as number) - (t[code * 3 + j] as number)) ** 2, 0);
  assert.ok(axis(heavy, 0) < 0.3 * axis({ table, codes }, 0));
});

test("one table across layers: both have it, it is stored once", async () => {
  const before = twoLayers();
  const { module, records } = await run(before, "share-weights{across=true clusters=16 start=exact min=0}");
  assert.equal(verifyModule(module, registry), []);
  assert.equal(partsOf(module, "a"), ["shared.table", "a.codes"]);
  assert.equal(partsOf(module, "b"), ["shared.table", "b.codes"]);
  const table = dataOf(module, "shared.table");
  for (const name of ["a", "b"])
    assert.equal(
      valuesOf(module, name),
      dataOf(module, `${name}.codes`).map((code) => table[code]),
    );
  assert.is(records[0]?.bytesAfter, 16 * 4 + (512 + 128) / 2);
  const all = [...valuesOf(before, "a"), ...valuesOf(before, "b")];
  assert.equal(table, [...Float32Array.from(kMeans(all, 16, { start: "exact" }).centroids)]);
});

test("vector codes: one a vector, expanded by lookup and reshape; smaller than scalar codes; what does not divide is left alone", async () => {
  const before = twoLayers();
  const { module, records, warnings } = await run(before, "share-weights{vector=4 clusters=16 min=0}");
  assert.equal(verifyModule(module, registry), []);
  assert.equal(warnings, []);
  assert.equal(partsOf(module, "a"), ["a.vectors"]);
  assert.equal(partsOf(module, "a.vectors"), ["a.table", "a.codes"]);
  assert.is(dtypeOf(module, "a.codes"), "u4");
  const [table, codes] = [dataOf(module, "a.table"), dataOf(module, "a.codes")];
  assert.is(codes.length, 128);
  assert.equal(
    valuesOf(module, "a"),
    codes.flatMap((code) => table.slice(code * 4, code * 4 + 4)),
  );
  assert.is(describeForm(weightForm(module, "a")), "opaque (@a.vectors: its codes stand for vectors)");
  assert.is(records[0]?.bytesAfter, 2 * 16 * 4 * 4 + 128 / 2 + 32 / 2);
  const uneven = await run(before, "share-weights{vector=5 min=0}");
  assert.is(uneven.module, before);
  assert.equal(uneven.warnings, [
    "share-weights: a: its 512 values do not divide into vectors of 5: left alone",
    "share-weights: b: its 128 values do not divide into vectors of 5: left alone",
  ]);
  assert.equal((await run(before, "share-weights{vector=4 clusters=16 min=0}")).module, module);
});

/** Computes the first result of `main` for N = 3 on wasm, from the file. */
async function fromFile(bytes: Uint8Array, x: Float32Array, width: number): Promise<Float32Array> {
  const session = await load(bytes, { backends: [wasm()] });
  const { y } = await session.run({ x: new Tensor("f32", x, [3, width]) });
  const data = Float32Array.from(y?.data as Float32Array);
  session.dispose();
  return data;
}

const pipelines = [
  "share-weights{vector=4 clusters=16 min=0}",
  "share-weights{vector=2 clusters=200 min=0 across=true}",
  "share-weights{vector=4 clusters=2 min=0},quantize{bits=8 min=0},entropy",
  "share-weights{across=true clusters=5 start=density min=0},quantize{min=0},entropy",
  "prune-magnitude{sparsity=50% min=0},share-weights{vector=2 clusters=8 min=0},quantize{min=0},entropy",
];

for (const pipeline of pipelines) {
  test(`through the file, on wasm: ${pipeline}`, async () => {
    const { module } = await run(twoLayers(), pipeline);
    assert.equal(verifyModule(module, registry), []);
    const x = normals(96, 7);
    const wanted = interpret(module, registry, { x: hostTensor("f32", [3, 32], x) }).outputs.y?.data as Float32Array;
    const { bytes } = await compile(module, { plugins: [share(), entropy()] });
    const got = await fromFile(bytes, x, 32);
    got.forEach((value, i) => {
      assert.ok(Math.abs(value - (wanted[i] as number)) < 1e-4, `${value} ${wanted[i]}`);
    });
  });
}

const layerWith = (definition: string): Module =>
  readBody(`  func @main(%x: tensor<Nx32xf32>) -> (y: tensor<Nx16xf32>) {
    %y = nn.linear(%x, @w, _)
    return %y
  }
  ${definition}`);

/** Inputs of which the second half is thirty times as large. */
const lopsided = normals(200 * 32, 8).map((value, i) => (i % 32 < 16 ? value : 30 * value));
const samples = dataSet({
  name: "lopsided",
  classes: 1,
  inputs: { x: { dtype: "f32", shape: [32] } },
  labels: new Uint8Array(200),
  write: (index, out, row) => out.x?.set(lopsided.subarray(index * 32, (index + 1) * 32), row * 32),
});

/** Mean square of an input. */
const momentOf = (input: number): number => lopsided.reduce((sum, value, i) => sum + (i % 32 === input ? value * value : 0), 0) / 200;

const outputError = (before: Module, after: Module): number => {
  const x = { x: hostTensor("f32", [200, 32], lopsided) };
  const [a, b] = [before, after].map((module) => interpret(module, registry, x).outputs.y?.data as Float32Array) as [
    Float32Array,
    Float32Array,
  ];
  return a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0);
};

test("weighting=hessian: less error of the outputs, also under a mask and transposed; without data a warning and the same as none", async () => {
  // The inputs that count have weights in a narrow range.
  const values = normals(512, 9).map((value, i) => (i % 32 < 16 ? value : 2 + value / 4));
  const turned = Float32Array.from(values, (_, i) => values[(i % 16) * 32 + Math.floor(i / 16)] as number);
  const linear = withValues(layerWith("const @w : tensor<16x32xf32> = splat 1.0"), "w", values);
  const transposed = withValues(
    layerWith(`const @t : tensor<32x16xf32> = splat 1.0
  const @w : tensor<16x32xf32> = shape.transpose(@t) {perm = [1, 0]}`),
    "t",
    turned,
  );
  const pruned = (await run(linear, "prune-magnitude{sparsity=50% min=0}")).module;
  for (const before of [linear, transposed, pruned]) {
    for (const more of ["", "vector=2 "]) {
      const error = async (weighting: string) => {
        const { module, warnings } = await run(before, `share-weights{${more}clusters=8 min=0 weighting=${weighting}}`, { data: samples });
        assert.equal(warnings, []);
        return outputError(before, module);
      };
      const [none, hessian] = [await error("none"), await error("hessian")];
      // Pruning took the small weights, which are those of the small inputs: less is left to gain.
      assert.ok(hessian < (before === pruned ? 1 : 0.75) * none, `${more}: ${hessian} ${none}`);
    }
  }
  for (const before of [linear, transposed, pruned]) {
    const { module, records } = await run(before, "share-weights{clusters=8 min=0 weighting=hessian}", { data: samples });
    const [w, after] = [valuesOf(before, "w"), valuesOf(module, "w")];
    const stored = w
      .map((value, i) => ({ gap: (value - (after[i] as number)) ** 2, moment: momentOf(i % 32) }))
      .filter((_, i) => w[i] !== 0);
    const mean = stored.reduce((sum, { moment }) => sum + moment, 0) / stored.length;
    const weighted = stored.reduce((sum, { gap, moment }) => sum + Math.max(1e-3, moment / mean) * gap, 0) / stored.length;
    assert.ok(Math.abs((records[0]?.rows[0]?.numbers?.weightedMse as number) / weighted - 1) < 1e-3);
  }
  const without = await run(linear, "share-weights{clusters=8 min=0 weighting=hessian}");
  assert.equal(without.warnings, [
    "share-weights: weighting=hessian takes second moments of inputs from data, and there is none: all weights count alike",
  ]);
  assert.equal(without.module, (await run(linear, "share-weights{clusters=8 min=0}")).module);
});

test("NaN is left alone with a warning", async () => {
  const values = normals(512);
  values[3] = Number.NaN;
  const before = oneLayer(values, 16);
  const { module, warnings } = await run(before, "share-weights{min=0}");
  assert.is(module, before);
  assert.equal(warnings, ["share-weights: w: it has NaN or infinite weights: left alone"]);
});

test.run();
