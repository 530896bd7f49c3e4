/** @file `--data` specs over files in memory, and the real MNIST and CIFAR-10 files where they are. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync, zipSync } from "fflate";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { writeNpy } from "../../compiler/data/npy.ts";
import { openDataSpec } from "../../compiler/data/spec.ts";
import { Tensor } from "../../runtime/index.ts";
import { DATA, hasData } from "../support/data.ts";
import { needing } from "../support/skip.ts";
import { idx, memory, ramp, records, rejectsCode } from "./broken-files.ts";

const none = memory({});

test("digits: split and count from the spec, else from the command", async () => {
  const shape = async (spec: string, options = {}) => {
    const { name } = await openDataSpec(spec, { ...none, ...options });
    return name;
  };
  assert.is(await shape("digits"), "digits:test:10000");
  assert.is(await shape("digits", { split: "train" }), "digits:train:30000");
  assert.is(await shape("digits:validation", { split: "train" }), "digits:validation:5000");
  assert.is(await shape("digits:train:12"), "digits:train:12");
  assert.is(await shape("digits:12"), "digits:test:12");
  assert.is((await openDataSpec("digits", { ...none, limit: 7 })).count, 7);
});

test("specs that are none of the forms are D0110", async () => {
  const wrong = [
    "",
    "digit",
    "digits:dev",
    "digits:test:x",
    "digits:0",
    "digits:9999999",
    "digits:test:1:2",
    "mnist",
    "mnist:",
    "constructor:x",
  ];
  for (const spec of wrong) await rejectsCode(openDataSpec(spec, none), "D0110", spec);
  for (const limit of [0, -1, 0.5]) await rejectsCode(openDataSpec("digits", { ...none, limit }), "D0110", "digits");
});

const count = 5002;
const pixels = ramp(count * 4);
const classes = Uint8Array.from({ length: count }, (_, i) => i % 10);
const folder = memory({
  "m:n/train-images-idx3-ubyte": idx([count, 2, 2], pixels),
  "m:n/train-labels-idx1-ubyte.gz": gzipSync(idx([count], classes)),
  "m:n/t10k-images-idx3-ubyte.gz": gzipSync(idx([2, 2, 2], ramp(8))),
  "m:n/t10k-labels-idx1-ubyte": idx([2], [3, 4]),
});

test("mnist: t10k is the test set, the last 5,000 of train are for validation; names plain or .gz", async () => {
  const open = (split: "train" | "validation" | "test") => openDataSpec("mnist:m:n", { ...folder, split });
  const [train, validation, held] = await Promise.all([open("train"), open("validation"), open("test")]);
  assert.equal([train.count, validation.count, held.count], [2, 5000, 2]);
  assert.equal(validation.batch(0, 1).image, Float32Array.from(pixels.subarray(8, 12)));
  assert.is(validation.labels[0], 2);
  assert.equal([...held.labels], [3, 4]);
});

test("mnist: a missing file is D0111, too few training images D0112, a damaged gzip names its path", async () => {
  await rejectsCode(openDataSpec("mnist:nowhere", folder), "D0111", "mnist:nowhere");
  const few = memory({ "m/train-images-idx3-ubyte": idx([1, 2, 2], ramp(4)), "m/train-labels-idx1-ubyte": idx([1], [3]) });
  await rejectsCode(openDataSpec("mnist:m", { ...few, split: "train" }), "D0112", "mnist:train");
  const broken = memory({ "m/t10k-images-idx3-ubyte.gz": gzipSync(ramp(99)).subarray(0, 60), "m/t10k-labels-idx1-ubyte": idx([0], []) });
  await rejectsCode(openDataSpec("mnist:m", broken), "D0104", "m/t10k-images-idx3-ubyte.gz");
});

test("cifar10: batches in the order of their names, each once; the last 5,000 are for validation", async () => {
  const files = memory({
    "c/data_batch_1.bin": records(new Array(4000).fill(1)),
    "c/data_batch_2.bin": records(new Array(1500).fill(2)),
    "c/data_batch_2.bin.gz": gzipSync(records([7])),
    "c/test_batch.bin.gz": gzipSync(records([3, 4])),
    "c/readme.html": ramp(10),
  });
  const open = (split: "train" | "validation" | "test") => openDataSpec("cifar10:c", { ...files, split });
  assert.equal([...(await open("test")).labels], [3, 4]);
  assert.equal([...(await open("train")).labels], new Array(500).fill(1));
  const { labels } = await open("validation");
  assert.equal([labels.length, labels[3499], labels[3500]], [5000, 1, 2]);
  await rejectsCode(openDataSpec("cifar10:d", files), "D0111", "cifar10:d");
});

test("npz: the file after the colon", async () => {
  const x = writeNpy(new Tensor("u8", ramp(4), [2, 2]));
  const y = writeNpy(new Tensor("u8", Uint8Array.of(1, 0), [2]));
  const data = await openDataSpec("npz:d/a.npz", { ...memory({ "d/a.npz": zipSync({ "x.npy": x, "y.npy": y }) }), limit: 1 });
  assert.equal([data.count, [...data.labels]], [1, [1]]);
});

const disk = {
  readFile: async (path: string): Promise<Uint8Array> => readFile(path),
  listDir: (path: string): Promise<readonly string[]> => readdir(path),
};
const dataTest = needing(test, "data", hasData);

dataTest("real MNIST: 55,000 + 5,000 + 10,000, the first labels, the mean pixel that everyone quotes (0.1307)", async () => {
  const open = (split: "train" | "validation" | "test") => openDataSpec(`mnist:${join(DATA, "mnist")}`, { ...disk, split });
  const [train, validation, held] = await Promise.all([open("train"), open("validation"), open("test")]);
  assert.equal([train.count, validation.count, held.count], [55_000, 5_000, 10_000]);
  assert.equal([...train.labels.slice(0, 10)], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
  assert.equal([...held.labels.slice(0, 10)], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  const sum = (data: typeof train) => {
    let total = 0;
    for (const value of data.batch(0, data.count).image ?? []) total += value;
    return total;
  };
  const total = (sum(train) + sum(validation)) / (60_000 * 784 * 255);
  assert.is(total.toFixed(4), "0.1307");
});

dataTest("real CIFAR-10 test records: 300 of each class", async () => {
  const data = await openDataSpec(`cifar10:${join(DATA, "cifar-10")}`, disk);
  assert.is(data.count, 3000);
  for (let c = 0; c < 10; c++) assert.is(data.labels.filter((label) => label === c).length, 300);
});

test.run();
