/** @file Fitting: planted coefficients come back, none negative, and a disturbed sample does not bend them. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { estimate, fit } from "../../compiler/cost/fit.ts";
import { nonNegativeLeastSquares } from "../../compiler/cost/nnls.ts";
import { Random } from "../../compiler/random/random.ts";

function planted(truth: readonly number[], count: number, disturb: (random: Random) => number) {
  const random = new Random(3);
  return Array.from({ length: count }, () => {
    const counts = [1, 10 ** (6 * random.float()), 10 ** (4 * random.float())];
    return { counts, microseconds: estimate(truth, counts) * disturb(random) };
  });
}

test("coefficients of three sizes come back from exact samples", () => {
  const truth = [0.5, 1e-4, 0.02];
  for (const [i, x] of fit(planted(truth, 40, () => 1)).entries()) assert.ok(Math.abs(x / (truth[i] as number) - 1) < 1e-3, `${i}: ${x}`);
});

test("a tenth of the samples five times too long: still within 5 %", () => {
  const truth = [0.5, 1e-4, 0.02];
  const fitted = fit(planted(truth, 200, (random) => (random.int(10) === 0 ? 5 : 0.98 + 0.04 * random.float())));
  for (const [i, x] of fitted.entries()) assert.ok(Math.abs(x / (truth[i] as number) - 1) < 0.05, `${i}: ${x}`);
});

test("what would be negative is 0, and the rest is the least squares of what is left", () => {
  // y = 2a - b: with b >= 0 the best is b = 0, a = 2 * sum(a(a - b/2)) / sum(a²).
  const rows = [
    [1, 1],
    [2, 1],
    [3, 2],
  ] as const;
  const y = rows.map(([a, b]) => 2 * a - b);
  const [x = 0, z = 0] = nonNegativeLeastSquares(rows, y);
  assert.is(z, 0);
  const best = rows.reduce((s, [a], i) => s + a * (y[i] as number), 0) / rows.reduce((s, [a]) => s + a * a, 0);
  assert.ok(Math.abs(x - best) < 1e-6, `${x} ${best}`);
});

test("property: never negative, never worse than any single column", () => {
  const row = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(
      fc.array(row, { minLength: 5, maxLength: 20 }),
      fc.array(fc.double({ min: 0.1, max: 50, noNaN: true }), { minLength: 20, maxLength: 20 }),
      (rows, targets) => {
        const b = targets.slice(0, rows.length);
        const x = nonNegativeLeastSquares(rows, b);
        assert.ok(
          x.every((v) => v >= 0 && Number.isFinite(v)),
          x.join(),
        );
        const error = (c: readonly number[]) => rows.reduce((s, r, i) => s + (estimate(c, r) - (b[i] as number)) ** 2, 0);
        for (let j = 0; j < 4; j++) {
          const norm = rows.reduce((s, r) => s + (r[j] as number) ** 2, 0);
          const alone = norm === 0 ? 0 : rows.reduce((s, r, i) => s + (r[j] as number) * (b[i] as number), 0) / norm;
          const single = [0, 1, 2, 3].map((k) => (k === j ? alone : 0));
          assert.ok(error(x) <= error(single) * (1 + 1e-6) + 1e-6, `${error(x)} ${error(single)}`);
        }
      },
    ),
    { seed: 5, numRuns: 200 },
  );
});

test("nothing measured is an error", () => {
  assert.throws(() => fit([]), /nothing was measured/);
});

test.run();
