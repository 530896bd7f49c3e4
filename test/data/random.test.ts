/** @file The random source: reference numbers, uniformity, independence of keys; sin, cos and ln against the engine's. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cos, ln, sin } from "../../compiler/random/elementary.ts";
import { Random } from "../../compiler/random/random.ts";

const key = fc.nat({ max: 0xffffffff });

test("the first numbers of two keys, so that no change of the generator goes unseen", () => {
  const first = (random: Random) => Array.from({ length: 4 }, () => random.uint32());
  assert.equal(first(new Random(0)), [2116791157, 2203754312, 2393906119, 2946415674]);
  assert.equal(first(new Random(1, 2, 3)), [2821194019, 3252046961, 1701443199, 457767292]);
});

test("equal keys give equal numbers, and changing any word of the key changes them", () => {
  const head = (...words: [number, number, number]) => {
    const random = new Random(...words);
    return [random.uint32(), random.uint32(), random.uint32()].join();
  };
  fc.assert(
    fc.property(key, key, key, (a, b, c) => {
      assert.is(head(a, b, c), head(a, b, c));
      const heads = [head(a, b, c), head((a ^ 1) >>> 0, b, c), head(a, (b ^ 1) >>> 0, c), head(a, b, (c ^ 1) >>> 0)];
      assert.is(new Set(heads).size, 4);
    }),
  );
});

test("a key that is not three uint32 is refused", () => {
  for (const seed of [-1, 0.5, 2 ** 32, Number.NaN]) assert.throws(() => new Random(seed), /seed must be an integer/);
  assert.throws(() => new Random(0, -1), /stream/);
  assert.throws(() => new Random(0, 0, 2 ** 32), /index/);
});

test("int is uniform (chi-square of 10 cells, 100,000 draws, below the 99.99 % point) and stays in range", () => {
  const random = new Random(7);
  const cells = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const drawn = random.int(10);
    cells[drawn] = (cells[drawn] ?? 0) + 1;
  }
  const chi2 = cells.reduce((sum, n) => sum + ((n - 10_000) * (n - 10_000)) / 10_000, 0);
  assert.is(cells.length, 10);
  assert.ok(chi2 < 33.7, `${chi2}`);
  assert.is(random.int(1), 0);
  for (const n of [0, -1, 1.5, 2 ** 32 + 1]) assert.throws(() => random.int(n), /n must be/);
});

test("normal has mean 0, deviation 1, kurtosis 3 and a normal's tails", () => {
  const random = new Random(3);
  const n = 200_000;
  const values = Float64Array.from({ length: n }, () => random.normal());
  const moment = (power: number) => values.reduce((sum, x) => sum + x ** power, 0) / n;
  assert.ok(Math.abs(moment(1)) < 0.01, `mean ${moment(1)}`);
  assert.ok(Math.abs(moment(2) - 1) < 0.015, `variance ${moment(2)}`);
  assert.ok(Math.abs(moment(4) - 3) < 0.12, `kurtosis ${moment(4)}`);
  const beyond3 = values.filter((x) => Math.abs(x) > 3).length / n;
  assert.ok(beyond3 > 0.002 && beyond3 < 0.0034, `beyond 3: ${beyond3}, expected 0.0027`);
});

test("shuffle and permutation keep every item; each item comes first about equally often", () => {
  const random = new Random(11);
  const first = new Array<number>(5).fill(0);
  for (let i = 0; i < 20_000; i++) {
    const order = random.permutation(5);
    assert.is([...order].sort().join(), "0,1,2,3,4");
    first[order[0] ?? 0] = (first[order[0] ?? 0] ?? 0) + 1;
  }
  for (const count of first) assert.ok(Math.abs(count - 4000) < 250, first.join());
  assert.equal(random.shuffle(["a", "b", "c"]).sort(), ["a", "b", "c"]);
});

test("sin, cos and ln agree with the engine's to 1e-13", () => {
  fc.assert(
    fc.property(fc.double({ min: -1000, max: 1000, noNaN: true }), (x) => {
      assert.ok(Math.abs(sin(x) - Math.sin(x)) < 1e-13, `sin ${x}`);
      assert.ok(Math.abs(cos(x) - Math.cos(x)) < 1e-13, `cos ${x}`);
    }),
  );
  fc.assert(
    fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (x) => {
      assert.ok(Math.abs(ln(x) - Math.log(x)) <= 1e-14 * Math.max(1, Math.abs(Math.log(x))), `ln ${x}`);
    }),
  );
});

test.run();
