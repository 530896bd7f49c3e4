/** @file The digits generator: the same bytes everywhere, disjoint splits, balance, and a difficulty between "linear" and "hopeless". */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DataSet } from "../../compiler/data/dataset.ts";
import { digits, type Split } from "../../compiler/data/digits/digits.ts";
import { TEMPLATES } from "../../compiler/data/digits/templates.ts";

const SPLITS: readonly Split[] = ["train", "validation", "test"];
const PIXELS = 784;

test("the bytes of 50 digits per split, so that no change of the generator goes unseen", () => {
  const hashes = SPLITS.map((split) => digits({ split, count: 50 }).hash);
  assert.equal(hashes, [
    "2c8d15cf9d77be15dfeeafeec5b469d1f991b500ee0facd3d79a7c1823902c14",
    "aee4a379fed3fe39343647ef770efb564c3005bc6c5044dc9f981ff01bcb78f5",
    "f988e6fab626f4bc626d502be7ec3b50801f356b258179dbe6f3a45b90bac41a",
  ]);
});

test("sample i depends on split, seed and i alone: any order, any count, any batch", () => {
  const short = digits({ split: "train", count: 30 });
  const long = digits({ split: "train", count: 60 });
  const late = long.batch(20, 10).image;
  assert.equal(short.batch(20, 10).image, late);
  assert.equal(short.labels, long.labels.slice(0, 30));
  assert.equal(long.gather([29, 20]).image?.slice(0, PIXELS), late?.slice(9 * PIXELS));
});

test("splits and seeds share no image, and no split repeats one", () => {
  const seen = new Set<string>();
  const sets = [...SPLITS.map((split) => digits({ split, count: 300 })), digits({ split: "test", count: 300, seed: 1 })];
  for (const data of sets) for (let i = 0; i < data.count; i++) seen.add(String(data.batch(i, 1).image));
  assert.is(seen.size, 4 * 300);
});

test("labels are balanced at any count and not in a fixed order", () => {
  const { labels } = digits({ split: "test", count: 1005 });
  const counts = TEMPLATES.map((_, digit) => labels.filter((label) => label === digit).length);
  for (const count of counts) assert.ok(count === 100 || count === 101, counts.join());
  const blocks = Array.from({ length: 100 }, (_, i) => labels.slice(10 * i, 10 * i + 10).join());
  assert.ok(new Set(blocks).size > 95, "blocks repeat");
});

test("images are white on black, every one has ink, and pixels are whole numbers 0..255", () => {
  const { image = new Float32Array() } = digits({ split: "validation", count: 200 }).batch(0, 200);
  assert.is(image.length, 200 * PIXELS);
  assert.ok(image.every((value) => Number.isInteger(value) && value >= 0 && value <= 255));
  for (let i = 0; i < 200; i++) {
    const one = image.slice(i * PIXELS, (i + 1) * PIXELS);
    const bright = one.filter((value) => value > 100).length;
    assert.ok(bright > 12 && bright < 300, `sample ${i}: ${bright} bright pixels`);
  }
});

test("every digit has at least three ways to be written, and all points lie in the box", () => {
  assert.is(TEMPLATES.length, 10);
  for (const ways of TEMPLATES) {
    assert.ok(ways.length >= 3);
    for (const { x, y } of ways.flat(3)) assert.ok(x >= 0 && x <= 1 && y >= 0 && y <= 1, `${x}, ${y}`);
  }
});

test("a count or a seed out of range is refused", () => {
  for (const count of [-1, 1.5, 3_000_000]) assert.throws(() => digits({ split: "test", count }), /count/);
  assert.throws(() => digits({ split: "test", count: 1, seed: -1 }), /seed/);
});

/** Softmax regression by plain SGD on pixels / 255, one sample at a time; returns accuracy on `test`. */
function linearAccuracy(train: DataSet, held: DataSet, epochs: number): number {
  const weights = new Float64Array(10 * (PIXELS + 1));
  const score = (x: ArrayLike<number>, offset: number) =>
    Float64Array.from({ length: 10 }, (_, k) => {
      const row = k * (PIXELS + 1);
      let sum = weights[row + PIXELS] ?? 0;
      for (let j = 0; j < PIXELS; j++) sum += ((weights[row + j] ?? 0) * (x[offset + j] ?? 0)) / 255;
      return sum;
    });
  const { image: x = [] } = train.batch(0, train.count);
  for (let step = 0; step < epochs * train.count; step++) {
    const i = step % train.count;
    const scores = score(x, i * PIXELS);
    const top = Math.max(...scores);
    const exps = scores.map((s) => Math.exp(s - top));
    const total = exps.reduce((a, b) => a + b, 0);
    const rate = 0.02 * (1 - step / (epochs * train.count));
    for (let k = 0; k < 10; k++) {
      const slope = rate * ((exps[k] ?? 0) / total - (train.labels[i] === k ? 1 : 0));
      const row = k * (PIXELS + 1);
      for (let j = 0; j < PIXELS; j++) weights[row + j] = (weights[row + j] ?? 0) - (slope * (x[i * PIXELS + j] ?? 0)) / 255;
      weights[row + PIXELS] = (weights[row + PIXELS] ?? 0) - slope;
    }
  }
  const { image: y = [] } = held.batch(0, held.count);
  let right = 0;
  for (let i = 0; i < held.count; i++) {
    const scores = score(y, i * PIXELS);
    if (scores.indexOf(Math.max(...scores)) === held.labels[i]) right++;
  }
  return right / held.count;
}

test("a linear classifier learns it, but stays under 95 %", () => {
  const accuracy = linearAccuracy(digits({ split: "train", count: 6000 }), digits({ split: "test", count: 2000 }), 4);
  assert.ok(accuracy > 0.7 && accuracy < 0.95, `${accuracy}`);
});

test.run();
