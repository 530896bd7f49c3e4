/** @file IDX files: whole ones, broken ones, and the real test set where it is. */

import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "fflate";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { mnist, parseIdx } from "../../compiler/data/mnist.ts";
import { openDataSpec } from "../../compiler/data/spec.ts";
import { DATA } from "../support/data.ts";
import { need } from "../support/skip.ts";
import { dataFailure } from "./support.ts";

const idx = (shape: readonly number[], data: readonly number[], type = 8) =>
  Uint8Array.from([0, 0, type, shape.length, ...shape.flatMap((d) => [d >>> 24, (d >>> 16) & 255, (d >>> 8) & 255, d & 255]), ...data]);

const images = idx([3, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
const labels = idx([3], [7, 0, 9]);

test("shape and data", () => {
  const { shape, data } = parseIdx(images, "f");
  assert.equal(shape, [3, 2, 2]);
  assert.equal([...data], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
  assert.equal(parseIdx(idx([256], new Array(256).fill(1)), "f").shape, [256]);
  assert.equal([...parseIdx(idx([0, 5], []), "f").data], []);
});

test("a view into a larger buffer is read from its own start", () => {
  const larger = Uint8Array.from([9, 9, 9, ...images]);
  assert.equal(parseIdx(larger.subarray(3), "f").shape, [3, 2, 2]);
});

test("images and labels as a data set", () => {
  const data = mnist(images, labels, "m");
  assert.equal([data.count, data.classes, data.inputs], [3, 10, { image: { dtype: "f32", shape: [1, 2, 2] } }]);
  assert.equal([...data.labels], [7, 0, 9]);
  assert.equal([...(data.batch(1, 2).image ?? [])], [4, 5, 6, 7, 8, 9, 10, 255]);
  assert.equal([...(data.gather([2, 0]).image ?? [])], [8, 9, 10, 255, 0, 1, 2, 3]);
});

const broken: readonly [string, Uint8Array, string, RegExp][] = [
  ["empty", new Uint8Array(), "D0101", /0 bytes/],
  ["another magic", Uint8Array.of(0x1f, 0x8b, 8, 0), "D0102", /begins with two zero bytes, this one with 8075/],
  ["floats", idx([1], [0, 0, 0, 0], 0xd), "D0107", /element type 0xd/],
  ["header cut", images.subarray(0, 10), "D0101", /header of 3 sizes is cut short/],
  ["data cut", images.subarray(0, -1), "D0101", /12 elements announced, 11 bytes left/],
  ["too long", Uint8Array.from([...images, 0]), "D0103", /12 elements announced, 13 bytes there/],
  ["huge sizes", idx([0xffffffff, 0xffffffff, 0xffffffff], []), "D0101", /elements announced, 0 bytes left/],
];

for (const [what, bytes, code, message] of broken) {
  test(`broken: ${what}`, async () => {
    const error = await dataFailure(() => parseIdx(bytes, "the-file"));
    assert.is(error.code, code);
    assert.is(error.where, "the-file");
    assert.match(error.message, message);
  });
}

test("images and labels that do not fit, labels out of range", async () => {
  assert.is((await dataFailure(() => mnist(images, idx([2], [1, 2]), "m"))).code, "D0103");
  assert.is((await dataFailure(() => mnist(labels, labels, "m"))).code, "D0103");
  const error = await dataFailure(() => mnist(images, idx([3], [1, 10, 2]), "m"));
  assert.is(error.code, "D0105");
  assert.match(error.message, "sample 1 has label 10");
});

/** A folder of named files, as `openDataSpec` sees it. */
function folder(files: Readonly<Record<string, Uint8Array>>) {
  return {
    listDir: async () => Object.keys(files),
    readFile: async (path: string) => {
      const bytes = files[path.split("/").at(-1) ?? ""];
      if (!bytes) throw new Error(`no ${path}`);
      return bytes;
    },
  };
}

test("spec mnist:DIR reads plain and gzip files; a missing one is named", async () => {
  const files = { "t10k-images-idx3-ubyte.gz": gzipSync(images), "t10k-labels-idx1-ubyte": labels };
  const data = await openDataSpec("mnist:dir", folder(files));
  assert.is(data.hash, mnist(images, labels, "other name").hash);
  assert.is((await openDataSpec("mnist:dir", { ...folder(files), limit: 2 })).count, 2);
  const missing = await dataFailure(() => openDataSpec("mnist:dir", { ...folder(files), split: "train" }));
  assert.is(missing.code, "D0111");
  assert.match(missing.message, "train-images-idx3-ubyte");
  const damaged = { ...files, "t10k-images-idx3-ubyte.gz": gzipSync(images).subarray(0, 20) };
  assert.is((await dataFailure(() => openDataSpec("mnist:dir", folder(damaged)))).code, "D0104");
});

const real = join(DATA, "mnist");
const access = { readFile: async (path: string) => new Uint8Array(await readFile(path)), listDir: (path: string) => readdir(path) };

test("the real test set: 10,000 images, the known count of each digit, the known first labels and mean", async () => {
  if (!need("data", existsSync(real), "mnist: the real test set")) return;
  const data = await openDataSpec(`mnist:${real}`, access);
  assert.is(data.count, 10000);
  assert.equal([...data.labels.slice(0, 10)], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  const counts = Array.from({ length: 10 }, (_, digit) => data.labels.filter((label) => label === digit).length);
  assert.equal(counts, [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]);
  let sum = 0;
  for (let start = 0; start < 10000; start += 1000) for (const value of data.batch(start, 1000).image ?? []) sum += value;
  // The mean of the test images is 0.1325 of 255.
  assert.ok(Math.abs(sum / (10000 * 784) / 255 - 0.1325) < 0.0001, `${sum / (10000 * 784) / 255}`);
});

test("the real training set: 55,000 to learn from, 5,000 to choose by", async () => {
  if (!need("data", existsSync(real), "mnist: the real training set")) return;
  const [train, validation] = await Promise.all(
    (["train", "validation"] as const).map((split) => openDataSpec(`mnist:${real}`, { ...access, split })),
  );
  assert.equal([train?.count, validation?.count], [55000, 5000]);
  assert.equal([...(train?.labels.slice(0, 5) ?? [])], [5, 0, 4, 1, 9]);
});

test.run();
