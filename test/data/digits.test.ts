/** @file The drawn digits: the same bytes everywhere, separate splits, balance, and neither trivial nor hopeless for a linear classifier. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { DataSet } from "../../compiler/data/dataset.ts";
import { digits, type Split } from "../../compiler/data/digits/digits.ts";
import { sha256Hex } from "../../compiler/index.ts";
import { Random } from "../../compiler/random/random.ts";

const pixelsOf = (data: DataSet, start: number, count: number) => Uint8Array.from(data.batch(start, count).image ?? []);
const splits: readonly Split[] = ["train", "validation", "test"];

test("100 samples have this sha256, pixels and labels", () => {
  const data = digits({ split: "test", count: 100 });
  assert.is(
    sha256Hex(Uint8Array.from([...pixelsOf(data, 0, 100), ...data.labels])),
    "b000af6f93b29ea212deddaa4474a11d33d3a49e78b894c5ce1cdfaabb5c975f",
  );
});

test("a longer set begins with the shorter one; any range can be drawn alone; a seed makes another set", () => {
  const [short, long] = [digits({ split: "train", count: 20 }), digits({ split: "train", count: 50 })];
  assert.equal(pixelsOf(short, 0, 20), pixelsOf(long, 0, 20));
  assert.equal(pixelsOf(digits({ split: "train", count: 50 }), 40, 5), pixelsOf(long, 40, 5));
  assert.is(short.hash, digits({ split: "train", count: 20, seed: 0 }).hash);
  assert.not.equal(short.hash, digits({ split: "train", count: 20, seed: 1 }).hash);
});

test("no image is in two splits, or twice in one", () => {
  const seen = new Map<string, string>();
  for (const split of splits) {
    const data = digits({ split, count: 500 });
    for (let i = 0; i < data.count; i++) {
      const key = Buffer.from(pixelsOf(data, i, 1)).toString("base64");
      assert.not.ok(seen.has(key), `${split} ${i} is ${seen.get(key)}`);
      seen.set(key, `${split} ${i}`);
    }
  }
});

test("labels are balanced in every block of ten, and not in one order", () => {
  for (const split of splits) {
    const { labels } = digits({ split, count: 1005 });
    for (let start = 0; start + 10 <= 1005; start += 10)
      assert.equal([...labels.slice(start, start + 10)].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.not.equal([...labels.slice(0, 10)], [...labels.slice(10, 20)]);
  }
});

test("images have ink and room: mean between 5 % and 30 %, blacks and near whites", () => {
  const pixels = pixelsOf(digits({ split: "train", count: 200 }), 0, 200);
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length / 255;
  assert.ok(mean > 0.05 && mean < 0.3, `${mean}`);
  assert.ok(pixels.includes(0) && pixels.some((value) => value > 240));
});

test("bad counts are refused", () => {
  for (const count of [-1, 1.5, Number.NaN, 2 ** 31]) assert.throws(() => digits({ split: "test", count }), /count must be an integer/);
});

test("a linear softmax classifier trained on 4,000 gets between 60 % and 95 % of 2,000 test digits", () => {
  const accuracy = linearAccuracy(digits({ split: "train", count: 4000 }), digits({ split: "test", count: 2000 }), 5);
  assert.ok(accuracy > 0.6 && accuracy < 0.95, `${accuracy}`);
});

/** Stochastic gradient descent on softmax cross-entropy, one sample at a time, pixels in 0..1. */
function linearAccuracy(train: DataSet, held: DataSet, epochs: number): number {
  const size = 784;
  const weights = new Float64Array(10 * (size + 1));
  const images = pixelsOf(train, 0, train.count);
  const random = new Random(1);
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const i of random.permutation(train.count)) {
      const image = images.subarray(i * size, (i + 1) * size);
      const scores = scoresOf(weights, image);
      const top = Math.max(...scores);
      const exps = scores.map((score) => Math.exp(score - top));
      const sum = exps.reduce((a, b) => a + b, 0);
      for (const [c, e] of exps.entries())
        descend(weights, c * (size + 1), image, (0.02 / (1 + epoch)) * (e / sum - (train.labels[i] === c ? 1 : 0)));
    }
  }
  const tested = pixelsOf(held, 0, held.count);
  let right = 0;
  for (let i = 0; i < held.count; i++) {
    const scores = scoresOf(weights, tested.subarray(i * size, (i + 1) * size));
    if (scores.indexOf(Math.max(...scores)) === held.labels[i]) right++;
  }
  return right / held.count;
}

function scoresOf(weights: Float64Array, image: Uint8Array): number[] {
  return Array.from({ length: 10 }, (_, c) => {
    const at = c * (image.length + 1);
    let score = weights[at + image.length] as number;
    for (let j = 0; j < image.length; j++) score += ((weights[at + j] as number) * (image[j] as number)) / 255;
    return score;
  });
}

function descend(weights: Float64Array, at: number, image: Uint8Array, step: number): void {
  for (let j = 0; j < image.length; j++)
    if (image[j] !== 0) weights[at + j] = (weights[at + j] as number) - (step * (image[j] as number)) / 255;
  weights[at + image.length] = (weights[at + image.length] as number) - step;
}

test.run();
