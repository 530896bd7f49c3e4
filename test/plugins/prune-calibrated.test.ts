/** @file Pruning by inputs: patterns hold, Wanda's scores are |w| sqrt(G_jj), SparseGPT loses less output than pruning by magnitude at the same count, and what neither can do is said. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dataSet } from "../../compiler/data/dataset.ts";
import { outputError } from "../../plugins/prune/calibrated.ts";
import { maskOf, parsePattern } from "../../plugins/prune/pattern.ts";
import { sparseGpt } from "../../plugins/prune/sparse-gpt.ts";
import { damped } from "../../plugins/prune/symmetric.ts";
import { failure, run } from "../passes/support.ts";
import { seeded } from "../support/seeded.ts";
import { normals, oneLayer, partsOf, valuesOf, zeros } from "./support.ts";

/** Moments of correlated inputs: `A Aᵀ` with fewer columns than it has rows, and a little of each. */
function moments(size: number, seed: number): Float64Array {
  const { data } = seeded(seed).tensor("f64", [size, size]);
  const a = data as Float64Array;
  const result = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      for (let k = 0; k < size / 2; k++)
        result[i * size + j] = (result[i * size + j] as number) + (a[i * size + k] as number) * (a[j * size + k] as number);
    }
    result[i * size + i] = (result[i * size + i] as number) + 0.1;
  }
  return result;
}

for (const text of ["single", "2:4", "1:4", "4x1", "1x4"]) {
  test(`SparseGPT, ${text}: zeros where the mask has them, as many as asked for, and less error than by magnitude`, () => {
    const pattern = parsePattern(text);
    for (let seed = 1; seed <= 8; seed++) {
      const [rows, columns] = [8, 32];
      const weights = Float64Array.from(seeded(100 + seed).tensor("f64", [rows, columns]).data as Float64Array);
      const gram = moments(columns, seed);
      const { weights: made, mask } = sparseGpt(weights, rows, columns, damped(gram, columns, 1e-6), pattern, 0.5);
      assert.ok(made.every((w, i) => (mask[i] === 0) === (w === 0)));
      const plain = maskOf(weights.map(Math.abs), rows, columns, pattern, 0.5);
      assert.is(
        mask.reduce((n, bit) => n + bit, 0),
        plain.reduce((n, bit) => n + bit, 0),
      );
      const cut = weights.map((w, i) => (plain[i] === 1 ? w : 0));
      const [ours, theirs] = [made, cut].map((w) => outputError(weights, w, rows, columns, gram)) as [number, number];
      assert.ok(ours < theirs, `seed ${seed}: ${ours} and ${theirs}`);
    }
  });
}

test("one weight of two that goes hands on what least squares would", () => {
  // Inputs 0 and 1 always equal: the second weight takes all of the first.
  const gram = Float64Array.of(1, 1, 1, 1 + 1e-9);
  const { weights, mask } = sparseGpt(Float64Array.of(1, 3), 1, 2, gram, parsePattern("1:2"), 0);
  assert.equal([...mask], [0, 1]);
  assert.ok(Math.abs((weights[1] as number) - 4) < 1e-6, `${weights[1]}`);
});

test("patterns: N of M keeps the largest of each group, what is left over stays; blocks go whole", () => {
  const scores = Float64Array.of(5, 1, 4, 2, 3, 9, 0, 7, 6);
  assert.equal([...maskOf(scores, 1, 9, parsePattern("2:4"), 0)], [1, 0, 1, 0, 0, 1, 0, 1, 1]);
  const grid = Float64Array.of(1, 1, 9, 9, 5, 5, 2, 2, 9, 9, 1, 1, 0, 0, 0);
  assert.equal([...maskOf(grid, 3, 5, parsePattern("2x2"), 0.5)], [0, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]);
  for (const wrong of ["4:2", "2:2", "0:4", "x4", "4x", "dense"]) assert.throws(() => parsePattern(wrong), RangeError);
});

/** Inputs of very different sizes: input i is about `i % 4 + 0.1`. */
function data(size: number, count = 64) {
  const { data: values } = seeded(5).tensor("f32", [count, size]);
  return dataSet({
    name: "rows",
    classes: 1,
    inputs: { x: { dtype: "f32", shape: [size] } },
    labels: new Uint8Array(count),
    write: (index, out, row) => {
      for (let i = 0; i < size; i++)
        (out.x as Float32Array)[row * size + i] = ((values as Float32Array)[index * size + i] as number) * ((i % 4) + 0.1);
    },
  });
}

test("Wanda keeps a small weight of a large input", async () => {
  const module = oneLayer(normals(256), 8);
  const { module: after } = await run(module, "prune-calibrated{method=wanda sparsity=50% min=0}", { data: data(32) });
  const [old, now] = [valuesOf(module, "w"), valuesOf(after, "w")];
  assert.is(zeros(now), 128);
  const gone = [0, 0, 0, 0];
  now.forEach((w, i) => {
    if (w === 0) gone[i % 4] = (gone[i % 4] as number) + 1;
    else assert.is(w, old[i]);
  });
  assert.ok((gone[0] as number) > 55 && (gone[3] as number) < 20, gone.join());
});

test("SparseGPT through the pass: 2 of 4 along the inputs, survivors changed, structural zeros", async () => {
  const module = oneLayer(normals(256), 8);
  const { module: after, records } = await run(module, 'prune-calibrated{pattern="2:4" min=0}', { data: data(32) });
  const now = valuesOf(after, "w");
  for (let i = 0; i < 256; i += 4) assert.is(zeros(now.slice(i, i + 4)), 2);
  assert.is(partsOf(after, "w").length, 2);
  assert.ok(now.some((w, i) => w !== 0 && w !== valuesOf(module, "w")[i]));
  assert.match(
    records
      .flatMap((r) => r.rows)
      .map((r) => r.note)
      .join(),
    /50\.0 % of 256/,
  );
});

test("without data it prunes by magnitude and says so", async () => {
  const module = oneLayer(normals(256), 8);
  const { module: after, warnings } = await run(module, "prune-calibrated{sparsity=25% min=0}");
  assert.is(zeros(valuesOf(after, "w")), 64);
  assert.match(warnings.join(), /there is no data/);
});

test("weights that are not finite, or pruned before, are left alone; a wrong pattern is an error of the pass", async () => {
  const broken = oneLayer(
    normals(256).map((w, i) => (i === 7 ? Number.NaN : w)),
    8,
  );
  const { module: after, warnings } = await run(broken, "prune-calibrated{min=0}");
  assert.is(after, broken);
  assert.match(warnings.join(), /not finite; left alone/);
  const twice = await run(oneLayer(normals(256), 8), "prune-magnitude{min=0},prune-calibrated{min=0}");
  assert.match(twice.warnings.join(), /a definition already/);
  const problem = await failure(() => run(oneLayer(normals(256), 8), 'prune-calibrated{pattern="4:2"}'));
  assert.match(problem.message, /E0707.*pattern "4:2"/s);
});

test.run();
