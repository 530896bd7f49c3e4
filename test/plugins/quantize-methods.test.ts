/**
 * @file The methods behind `quantize{method=...}`: the factor of the inverse against ml-matrix, GPTQ against the textbook (OBS updates of an explicit inverse), AdaRound against every way of
 * rounding a tiny row, never worse than rounding to nearest under the Gram norm, and what the pass does with groups, masks, missing data, NaN and empty layers.
 */
import * as fc from "fast-check";
import { inverse, Matrix } from "ml-matrix";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dataSet } from "../../compiler/data/dataset.ts";
import type { DataSet } from "../../compiler/index.ts";
import { interpreterExecutor } from "../../compiler/interpret/executor.ts";
import { adaround } from "../../compiler/rounding/adaround.ts";
import { refitRow } from "../../compiler/rounding/refit.ts";
import { decodeAt, encodeAt, type Moments, type Row, roundRow, rowError } from "../../compiler/rounding/rows.ts";
import { verifyModule } from "../../compiler/verify/verify.ts";
import { describeForm, hostTensor, type Module, weightForm } from "../../ir-spec/index.ts";
import { inverseFactor } from "../../plugins/quantize/cholesky.ts";
import { gptq } from "../../plugins/quantize/gptq.ts";
import { encode, gridFor } from "../../plugins/quantize/grid.ts";
import { halfQuadratic, lpErrors } from "../../plugins/quantize/hqq.ts";
import { readBody, registry, run } from "../passes/support.ts";
import { dataOf, dtypeOf, normals, oneLayer, partsOf, twoLayers, valuesOf, withValues } from "./support.ts";

/** `E[x x']` over correlated vectors: neighbours share half of what they are. */
function moments(size: number, count: number, seed: number): Moments {
  const noise = normals(count * (size + 1), seed);
  const matrix = new Float64Array(size * size);
  for (let n = 0; n < count; n++) {
    const x = Array.from({ length: size }, (_, i) => (noise[n * (size + 1) + i] as number) + (noise[n * (size + 1) + i + 1] as number));
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++)
        matrix[i * size + j] = (matrix[i * size + j] as number) + ((x[i] as number) * (x[j] as number)) / count;
  }
  return { size, matrix };
}

function rowFor(size: number, seed: number, bits = 3, fixed: readonly number[] = []): Row {
  const weights = Float64Array.from(normals(size, seed), (value, i) => (fixed.includes(i) ? 0 : value));
  const grid = gridFor(weights, { blockOf: () => 0, count: 1 }, { bits, rule: "minmax" });
  return {
    weights,
    scales: new Float64Array(size).fill(grid.scales[0] as number),
    zeros: new Float64Array(size),
    fixed: Uint8Array.from(weights, (_, i) => (fixed.includes(i) ? 1 : 0)),
    least: grid.least,
    most: grid.most,
  };
}

const cases = fc.record({
  size: fc.integer({ min: 1, max: 24 }),
  windows: fc.integer({ min: 1, max: 60 }),
  seed: fc.integer({ min: 1, max: 1e6 }),
  bits: fc.integer({ min: 2, max: 5 }),
});

test("transpose(U) U is the inverse, by ml-matrix", () => {
  for (const size of [1, 2, 7, 20]) {
    const { matrix } = moments(size, 50, size);
    const u = inverseFactor(matrix, size);
    assert.ok(u);
    const upper = new Matrix(Array.from({ length: size }, (_, i) => [...u.subarray(i * size, (i + 1) * size)]));
    const wanted = inverse(new Matrix(Array.from({ length: size }, (_, i) => [...matrix.subarray(i * size, (i + 1) * size)])));
    const gap = Matrix.sub(upper.transpose().mmul(upper), wanted).abs().max();
    assert.ok(gap < 1e-9 * wanted.abs().max(), `${size}: ${gap}`);
    for (let i = 0; i < size; i++) for (let j = 0; j < i; j++) assert.is(upper.get(i, j), 0);
  }
});

test("a matrix that is not positive definite has no factor", () => {
  assert.is(inverseFactor(Float64Array.of(1, 2, 2, 1), 2), null);
  assert.is(inverseFactor(Float64Array.of(Number.NaN), 1), null);
});

/** Column after column: error over the diagonal of the inverse, spread by its row, then the column leaves the inverse. */
function textbook(row: Row, { size, matrix }: Moments, damping: number): Int8Array {
  const mean = Array.from({ length: size }, (_, i) => matrix[i * size + i] as number).reduce((a, b) => a + b, 0) / size;
  const damped = new Matrix(Array.from({ length: size }, (_, i) => [...matrix.subarray(i * size, (i + 1) * size)]));
  damped.add(Matrix.eye(size, size).mul(damping * mean));
  let left = inverse(damped);
  const weights = Float64Array.from(row.weights);
  const codes = new Int8Array(size);
  for (let q = 0; q < size; q++) {
    codes[q] = encodeAt(row, q, weights[q] as number);
    const error = ((weights[q] as number) - decodeAt(row, q, codes[q] as number)) / left.get(q, q);
    for (let j = q; j < size; j++) weights[j] = (weights[j] as number) - error * left.get(q, j);
    const [column, line] = [left.getColumnVector(q), left.getRowVector(q)];
    left = Matrix.sub(left, column.mmul(line).div(left.get(q, q)));
  }
  return codes;
}

test("GPTQ gives the textbook's codes wherever these beat plain rounding", () => {
  let beaten = 0;
  for (let seed = 1; seed <= 60; seed++) {
    const [own, row] = [moments(12, 40, seed), rowFor(12, seed + 1000)];
    const codes = gptq(own, { damping: 0.01, order: "natural" })?.(row);
    const wanted = textbook(row, own, 0.01);
    const better = rowError(row, wanted, own) <= rowError(row, roundRow(row), own);
    assert.equal(codes, better ? wanted : roundRow(row), `seed ${seed}`);
    if (better) beaten++;
  }
  assert.ok(beaten > 50, `${beaten} of 60 better than rounding`);
});

test("property: GPTQ and AdaRound err no more than rounding, in either order, with places that stay 0", () => {
  fc.assert(
    fc.property(cases, fc.boolean(), ({ size, windows, seed, bits }, natural) => {
      const [own, row] = [moments(size, windows, seed), rowFor(size, seed + 7, bits, [seed % size])];
      const plain = rowError(row, roundRow(row), own);
      const fed = gptq(own, { damping: 0.01, order: natural ? "natural" : "activations" })?.(row);
      assert.ok(fed);
      assert.ok(rowError(row, fed, own) <= plain);
      assert.ok(rowError(row, adaround(row, own), own) <= plain * (1 + 1e-9));
      for (const codes of [fed, adaround(row, own)]) assert.ok(codes.every((code) => code >= row.least && code <= row.most));
    }),
    { numRuns: 300, seed: 3 },
  );
});

/** Least error over every way of rounding each weight down or up. */
function bruteForce(row: Row, own: Moments): number {
  let least = Number.POSITIVE_INFINITY;
  for (let choice = 0; choice < 2 ** own.size; choice++) {
    const codes = Int8Array.from(row.weights, (weight, i) => {
      const down = Math.floor(weight / (row.scales[i] as number));
      return Math.max(row.least, Math.min(row.most, down + ((choice >> i) & 1)));
    });
    least = Math.min(least, rowError(row, codes, own));
  }
  return least;
}

test("AdaRound: no flip is left that helps; the best of all roundings nearly always in tiny rows, always without correlations", () => {
  let found = 0;
  for (let seed = 1; seed <= 100; seed++) {
    const [own, row] = [moments(6, 40, seed), rowFor(6, seed + 500)];
    const codes = adaround(row, own);
    const error = rowError(row, codes, own);
    codes.forEach((code, i) => {
      const weight = (row.weights[i] as number) / (row.scales[i] as number);
      for (const other of [Math.floor(weight), Math.ceil(weight)]) {
        if (other === code || other < row.least || other > row.most) continue;
        assert.ok(
          rowError(
            row,
            codes.map((kept, k) => (k === i ? other : kept)),
            own,
          ) >=
            error - 1e-12,
          `seed ${seed}, column ${i}`,
        );
      }
    });
    const best = bruteForce(row, own);
    assert.ok(error >= best - 1e-12);
    if (error <= best + 1e-12) found++;
    const diagonal = { size: 6, matrix: own.matrix.map((value, i) => (i % 7 === 0 ? value : 0)) };
    assert.ok(Math.abs(rowError(row, adaround(row, diagonal), diagonal) - bruteForce(row, diagonal)) < 1e-12);
  }
  assert.ok(found >= 80, `the best rounding in ${found} of 100 rows`);
});

test("refitted steps are least squares: one block by hand, several no worse", () => {
  const [own, row] = [moments(8, 40, 5), rowFor(8, 6)];
  const codes = roundRow(row);
  const [scale = 0] = refitRow(row, codes, new Int32Array(8), own).values();
  const form = (a: ArrayLike<number>, b: ArrayLike<number>) => {
    let sum = 0;
    for (let i = 0; i < 8; i++) for (let j = 0; j < 8; j++) sum += (a[i] as number) * (own.matrix[i * 8 + j] as number) * (b[j] as number);
    return sum;
  };
  assert.ok(Math.abs(scale - form(codes, row.weights) / form(codes, codes)) < 1e-6 * scale);
  const several = refitRow(
    row,
    codes,
    Int32Array.from({ length: 8 }, (_, i) => Math.floor(i / 4)),
    own,
  );
  const changed = { ...row, scales: row.scales.map((old, i) => several.get(Math.floor(i / 4)) ?? old) };
  assert.ok(rowError(changed, codes, own) < rowError(row, codes, own));
});

test("property: HQQ's norm never rises; affine grids hold 0 exactly", () => {
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 40 }),
      fc.boolean(),
      (values, affine) => {
        const blocks = { blockOf: (i: number) => i % 3, count: 3 };
        const grid = gridFor(values, blocks, { bits: 3, affine, rule: "minmax" });
        const [before, after] = [lpErrors(values, grid), lpErrors(values, halfQuadratic(values, grid))];
        after.forEach((error, i) => {
          assert.ok(error <= (before[i] as number) + 1e-12);
        });
        for (let b = 0; b < 3; b++) assert.is(encode(grid, b, 0), grid.zeros?.[b] ?? 0);
      },
    ),
    { numRuns: 300, seed: 4 },
  );
});

function samples(shape: readonly number[], count: number, seed: number): DataSet {
  const size = shape.reduce((n, d) => n * d, 1);
  const noise = normals(count * (size + 1), seed);
  return dataSet({
    name: "samples",
    classes: 1,
    inputs: { x: { dtype: "f32", shape } },
    labels: new Uint8Array(count),
    write: (index, out, row) => {
      // Correlated along the sample.
      const from = index * (size + 1);
      for (let i = 0; i < size; i++)
        (out.x as Float32Array)[row * size + i] = (noise[from + i] as number) + (noise[from + i + 1] as number);
    },
  });
}

async function outputs(module: Module, data: DataSet, shape: readonly number[]): Promise<readonly number[]> {
  const { x } = data.batch(0, data.count);
  const result = await interpreterExecutor(registry).run(module, { x: hostTensor("f32", [data.count, ...shape], x as Float32Array) });
  return Array.from(result.outputs.y?.data as Float32Array);
}

const distance = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0);

const grouped = withValues(
  readBody(`  func @main(%x: tensor<Nx4x6x6xf32>) -> (y: tensor<Nx8x6x6xf32>) {
    %y = nn.conv(%x, @w, _) {pad = [1, 1, 1, 1], groups = 2}
    return %y
  }
  const @w : tensor<8x2x3x3xf32> = splat 1.0`),
  "w",
  normals(144, 9),
);

for (const [name, module, shape] of [
  ["a convolution in two groups", grouped, [4, 6, 6]],
  ["a linear layer", oneLayer(normals(24 * 32, 8), 24), [32]],
] as const) {
  test(`on calibrated data the outputs of ${name} move less with GPTQ and AdaRound than with rounding`, async () => {
    const data = samples(shape, 200, 11);
    const exact = await outputs(module, data, shape);
    for (const options of ["bits=3 granularity=channel", "bits=4 group=2", "bits=2 scheme=affine granularity=channel"]) {
      const errors: Record<string, number> = {};
      for (const method of ["round", "gptq", "adaround"]) {
        const { module: after, warnings } = await run(module, `quantize{${options} method=${method} min=0}`, { data });
        assert.equal(warnings, []);
        assert.equal(verifyModule(after, registry), []);
        errors[method] = distance(await outputs(after, data, shape), exact);
      }
      const { round = 0, gptq: fed = 0, adaround: chosen = 0 } = errors;
      assert.ok(fed < 0.9 * round && chosen < 0.9 * round, `${options}: ${JSON.stringify(errors)}`);
    }
  });
}

test("a pruned weight keeps its zeros under GPTQ", async () => {
  const data = samples([32], 100, 12);
  const { module: after } = await run(
    oneLayer(normals(512, 3), 16),
    "prune-magnitude{sparsity=50% min=0},quantize{bits=4 method=gptq min=0}",
    {
      data,
    },
  );
  const { module: pruned } = await run(oneLayer(normals(512, 3), 16), "prune-magnitude{sparsity=50% min=0}");
  valuesOf(pruned, "w").forEach((value, i) => {
    if (value === 0) assert.is(valuesOf(after, "w")[i], 0);
  });
});

test("affine codes keep a zero point each; bf16 is the nearest", async () => {
  const values = normals(16 * 32, 2).map((value) => Math.abs(value));
  const errorOf = async (options: string) => {
    const { module } = await run(oneLayer(values, 16), `quantize{bits=3 ${options} granularity=channel}`);
    return distance(valuesOf(module, "w"), [...values]);
  };
  assert.ok((await errorOf("scheme=affine")) < 0.4 * (await errorOf("")));
  const { module } = await run(oneLayer(values, 16), "quantize{bits=3 scheme=affine granularity=channel}");
  const [codes = "", scale = "", zero = ""] = partsOf(module, "w");
  assert.equal([dtypeOf(module, codes), dtypeOf(module, zero)], ["i4", "i4"]);
  const [q, s, z] = [dataOf(module, codes), dataOf(module, scale), dataOf(module, zero)];
  assert.ok(Math.min(...q) >= -4 && Math.max(...q) <= 3);
  assert.equal(
    valuesOf(module, "w"),
    q.map((code, i) => Math.fround((code - (z[i >> 5] as number)) * (s[i >> 5] as number))),
  );
  const { module: half } = await run(
    oneLayer(Float32Array.of(1, 1 + 2 ** -8, 1 + 3 * 2 ** -8, 0.1), 2),
    "quantize{bits=16 half=bf16 min=0}",
  );
  assert.equal(valuesOf(half, "w"), [1, 1, 1 + 2 ** -6, 0.10009765625]);
  assert.is(describeForm(weightForm(half, "w")), "dense bf16");
});

test("without data GPTQ rounds to nearest and says so; NaN weights and empty layers are left alone", async () => {
  const { module, warnings } = await run(twoLayers(), "quantize{bits=4 method=gptq}");
  const { module: plain } = await run(twoLayers(), "quantize{bits=4}");
  assert.equal(valuesOf(module, "a"), valuesOf(plain, "a"));
  assert.match(warnings.join(), "method=gptq looks at what layers multiply, and there is no data");
  const broken = oneLayer(
    normals(64).map((value, i) => (i === 5 ? Number.NaN : value)),
    2,
  );
  const { module: same, warnings: told } = await run(broken, "quantize{min=0}");
  assert.is(same, broken);
  assert.equal(told, ["quantize: w: has weights that are NaN or infinite: left alone"]);
  const empty = readBody(`  func @main(%x: tensor<Nx0xf32>) -> (y: tensor<Nx4xf32>) { %y = nn.linear(%x, @w, _) return %y }
  const @w : tensor<4x0xf32> = hex""`);
  assert.is((await run(empty, "quantize{min=0 method=adaround}", { data: samples([0], 2, 1) })).module, empty);
});

test.run();
