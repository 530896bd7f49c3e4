/** @file The linear algebra of the factorings against ml-matrix, and the randomized decomposition against the exact one. */
import * as fc from "fast-check";
import { Matrix as Oracle, SingularValueDecomposition } from "ml-matrix";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../compiler/index.ts";
import {
  cholesky,
  jacobiSvd,
  lazySvd,
  type Matrix,
  matrix,
  multiply,
  multiplyTransposed,
  randomizedSvd,
  type Svd,
  solveNormal,
  solveRight,
  transposed,
} from "../../plugins/low-rank/index.ts";

function normal(rows: number, columns: number, seed: number): Matrix {
  const random = new Random(seed);
  return matrix(
    rows,
    columns,
    Float64Array.from({ length: rows * columns }, () => random.normal()),
  );
}

/** Singular values that fall as 1 / i. */
function falling(rows: number, columns: number, seed: number): Matrix {
  const { left, right } = jacobiSvd(normal(rows, columns, seed));
  const scaled = matrix(
    left.rows,
    left.columns,
    left.data.map((v, i) => v / (1 + Math.floor(i / left.columns))),
  );
  return multiply(transposed(scaled), right);
}

const oracleValues = (a: Matrix): number[] =>
  new SingularValueDecomposition(
    new Oracle(Array.from({ length: a.rows }, (_, r) => [...a.data.slice(r * a.columns, (r + 1) * a.columns)])),
    {
      autoTranspose: true,
    },
  ).diagonal;

const largest = (values: ArrayLike<number>) => Array.from(values, Math.abs).reduce((most, value) => Math.max(most, value), 0);

function rebuilt({ left, values, right }: Svd): Matrix {
  const scaled = matrix(
    left.rows,
    left.columns,
    left.data.map((v, i) => v * (values[Math.floor(i / left.columns)] as number)),
  );
  return multiply(transposed(scaled), right);
}

const gap = (a: Matrix, b: Matrix) => largest(a.data.map((v, i) => v - (b.data[i] as number)));

/** Rows of singular value above `floor` are orthonormal. */
function checkOrthonormal(a: Matrix, values: Float64Array, floor: number): void {
  const products = multiplyTransposed(a, a);
  for (let i = 0; i < a.rows; i++)
    for (let j = 0; j < a.rows; j++) {
      if ((values[i] as number) <= floor || (values[j] as number) <= floor) continue;
      const wanted = i === j ? 1 : 0;
      assert.ok(Math.abs((products.data[i * a.rows + j] as number) - wanted) < 1e-10, `${i} ${j}: ${products.data[i * a.rows + j]}`);
    }
}

test("property: Jacobi has ml-matrix's singular values, orthonormal vectors, and A back", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 24 }),
      fc.integer({ min: 1, max: 24 }),
      fc.integer({ min: 1, max: 1e6 }),
      (rows, columns, seed) => {
        const a = normal(rows, columns, seed);
        const svd = jacobiSvd(a);
        const expected = oracleValues(a);
        assert.is(svd.values.length, Math.min(rows, columns));
        assert.ok(largest(svd.values.map((value, i) => value - (expected[i] as number))) <= 1e-12 * (expected[0] as number));
        assert.ok(gap(rebuilt(svd), a) < 1e-12 * Math.max(1, expected[0] as number));
        checkOrthonormal(svd.left, svd.values, 1e-9);
        checkOrthonormal(svd.right, svd.values, 1e-9);
      },
    ),
    { numRuns: 200, seed: 1 },
  );
});

test("rank-deficient, zero, scaled by 1e150 and 1e-150", () => {
  const thin = multiply(normal(30, 3, 1), normal(3, 20, 2));
  const svd = jacobiSvd(thin);
  assert.ok((svd.values[2] as number) > 1 && (svd.values[3] as number) < 1e-12 * (svd.values[0] as number));
  assert.ok(gap(rebuilt(svd), thin) < 1e-12);
  checkOrthonormal(svd.left, svd.values, 1e-9);
  assert.equal([...jacobiSvd(matrix(4, 3)).values], [0, 0, 0]);
  for (const scale of [1e150, 1e-150]) {
    const a = matrix(
      5,
      4,
      normal(5, 4, 3).data.map((v) => v * scale),
    );
    const values = jacobiSvd(a).values;
    const plain = jacobiSvd(normal(5, 4, 3)).values;
    assert.ok(largest(values.map((value, i) => value / scale - (plain[i] as number))) < 1e-12);
  }
});

test("256 x 300: as ml-matrix", () => {
  const a = normal(256, 300, 4);
  const expected = oracleValues(a);
  const { values } = jacobiSvd(a);
  assert.ok(largest(values.map((v, i) => v - (expected[i] as number))) < 1e-11 * (expected[0] as number));
});

test("randomized: an exact low rank is found exactly; of a falling spectrum what is lost is within 1 % of the best", () => {
  const exact = multiply(normal(200, 8, 5), normal(8, 150, 6));
  assert.ok(gap(rebuilt(randomizedSvd(exact, 8, new Random(1))), exact) < 1e-9);
  const a = falling(160, 120, 7);
  const best = oracleValues(a)
    .slice(20)
    .reduce((sum, v) => sum + v * v, 0);
  const svd = randomizedSvd(a, 20, new Random(1));
  const lost = rebuilt(svd).data.reduce((sum, v, i) => sum + (v - (a.data[i] as number)) ** 2, 0);
  assert.ok(lost >= best * (1 - 1e-9) && lost < best * 1.01, `${lost} ${best}`);
  assert.equal([...randomizedSvd(a, 20, new Random(1)).values], [...svd.values]);
});

test("lazy: large matrices are sketched as far as they are asked for, and say what they drop", () => {
  const a = falling(400, 350, 8);
  const lazy = lazySvd(a, new Random(1));
  const squares = Array.from({ length: 350 }, (_, i) => 1 / (1 + i) ** 2);
  for (const rank of [4, 40, 90, 200, 350]) {
    const tail = squares.slice(rank).reduce((sum, v) => sum + v, 0);
    assert.ok(Math.abs(lazy.dropped(rank) - tail) <= 0.01 * tail + 1e-12, `${rank}: ${lazy.dropped(rank)} ${tail}`);
    assert.ok(lazy.upTo(rank).values.length >= rank);
  }
});

test("property: Cholesky's factor, and what it solves", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 1e6 }), (n, rows, seed) => {
      const x = normal(n, n + 5, seed);
      const g = multiplyTransposed(x, x);
      const l = cholesky(g);
      if (!l) throw new Error("not positive definite");
      assert.ok(gap(multiplyTransposed(l, l), g) < 1e-10);
      const b = normal(rows, n, seed + 1);
      assert.ok(gap(multiply(solveRight(b, l), l), b) < 1e-8);
      assert.ok(gap(multiply(solveNormal(b, l), g), b) < 1e-6);
    }),
    { numRuns: 100, seed: 2 },
  );
  assert.is(cholesky(matrix(2, 2, Float64Array.of(1, 2, 2, 1))), null);
});

test.run();
