/** @file CIFAR-10 records, data specs and their errors, slices and batches. */
import { gzipSync } from "fflate";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cifar10 } from "../../compiler/data/cifar10.ts";
import { batches, slice, take } from "../../compiler/data/dataset.ts";
import { digits } from "../../compiler/data/digits/digits.ts";
import { openDataSpec } from "../../compiler/data/spec.ts";
import { Random } from "../../compiler/random/random.ts";
import { dataFailure } from "./support.ts";

const record = (label: number, fill: number) => [label, ...new Array(3072).fill(fill)];
const none = { readFile: async () => new Uint8Array(), listDir: async () => [] as string[] };

test("cifar10: records of a label and three planes", () => {
  const bytes = Uint8Array.from([...record(3, 1), ...record(9, 2)]);
  bytes[1 + 1024] = 77;
  const data = cifar10(bytes, "c");
  assert.equal([data.count, data.classes, data.inputs], [2, 10, { image: { dtype: "f32", shape: [3, 32, 32] } }]);
  assert.equal([...data.labels], [3, 9]);
  const image = data.batch(0, 2).image ?? [];
  assert.equal([image[0], image[1024], image[3071], image[3072]], [1, 77, 1, 2]);
});

test("cifar10: broken files", async () => {
  assert.is((await dataFailure(() => cifar10(new Uint8Array(), "c"))).code, "D0101");
  assert.is((await dataFailure(() => cifar10(new Uint8Array(3072), "c"))).code, "D0101");
  assert.is((await dataFailure(() => cifar10(Uint8Array.from(record(10, 0)), "c"))).code, "D0105");
});

test("cifar10:DIR joins the split's files, gzip or plain; one training record is too few to spare 5,000", async () => {
  const files: Readonly<Record<string, Uint8Array>> = {
    "data_batch_1.bin": Uint8Array.from(record(1, 0)),
    "test_batch_1.bin": Uint8Array.from(record(7, 0)),
    "test_batch_2.bin.gz": gzipSync(Uint8Array.from(record(2, 0))),
    "readme.html": Uint8Array.of(1),
  };
  const access = {
    listDir: async () => Object.keys(files),
    readFile: async (path: string) => files[path.split("/")[1] ?? ""] ?? new Uint8Array(),
  };
  assert.equal([...(await openDataSpec("cifar10:d", access)).labels], [7, 2]);
  assert.is((await dataFailure(() => openDataSpec("cifar10:d", { ...access, split: "train" }))).code, "D0112");
  assert.is((await dataFailure(() => openDataSpec("cifar10:d", none))).code, "D0111");
});

const wrong: readonly [string, RegExp][] = [
  ["imagenet:x", /unknown kind "imagenet"; there are: digits, mnist:DIR, cifar10:DIR, npz:FILE/],
  ["", /unknown kind ""/],
  ["mnist", /mnist needs a path/],
  ["npz:", /npz needs a path/],
  ["digits:dev", /expected digits\[:train\|validation\|test\]\[:COUNT\]/],
];

for (const [spec, message] of wrong) {
  test(`spec "${spec}"`, async () => {
    const error = await dataFailure(() => openDataSpec(spec, none));
    assert.is(error.code, "D0110");
    assert.match(error.message, message);
  });
}

test("a limit below 1 or broken", async () => {
  for (const limit of [0, -1, 1.5, Number.NaN])
    assert.is((await dataFailure(() => openDataSpec("digits:test:5", { ...none, limit }))).code, "D0110");
  assert.is((await openDataSpec("digits:test:5", { ...none, limit: 9 })).count, 5);
});

test("digits specs: split and count", async () => {
  assert.is((await openDataSpec("digits:train:20", none)).hash, digits({ split: "train", count: 20 }).hash);
  assert.is((await openDataSpec("digits:20", { ...none, split: "validation" })).hash, digits({ split: "validation", count: 20 }).hash);
  assert.equal([(await openDataSpec("digits", none)).count, (await openDataSpec("digits:train", none)).count], [10000, 30000]);
});

test("slices, ranges and their limits", async () => {
  const data = digits({ split: "test", count: 30 });
  const part = slice(data, 10, 5);
  assert.equal([...part.labels], [...data.labels.slice(10, 15)]);
  assert.equal(part.batch(2, 2).image, data.batch(12, 2).image);
  assert.is(take(data, 50), data);
  for (const call of [
    () => slice(data, 28, 3),
    () => data.batch(28, 3),
    () => data.gather([30]),
    () => data.gather([0.5]),
    () => data.batch(0, -1),
  ]) {
    assert.is((await dataFailure(call)).code, "D0112");
  }
});

test("batches cover every sample once, in order or in a seeded one", () => {
  const data = digits({ split: "test", count: 25 });
  const plain = [...batches(data, 10)];
  assert.equal(
    plain.map((b) => b.labels.length),
    [10, 10, 5],
  );
  assert.equal(
    plain.flatMap((b) => [...b.indices]),
    Array.from({ length: 25 }, (_, i) => i),
  );
  const shuffled = (seed: number) => [...batches(data, 10, new Random(seed))].flatMap((b) => [...b.indices]);
  assert.equal(shuffled(1), shuffled(1));
  assert.not.equal(shuffled(1), shuffled(2));
  assert.equal(
    shuffled(1).sort((x, y) => x - y),
    Array.from({ length: 25 }, (_, i) => i),
  );
  assert.throws(() => [...batches(data, 0)], /positive integer/);
});

test.run();
