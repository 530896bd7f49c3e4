/** @file Data sets: batches, gathering, slices, hashes, preprocessing. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { batches, type DataSet, dataSet, slice, take } from "../../compiler/data/dataset.ts";
import { preprocess } from "../../compiler/data/preprocessing.ts";
import { Random } from "../../compiler/random/random.ts";
import { type ImagePreprocessing, imageTensor, parseImagePreprocessing } from "../../runtime/index.ts";
import { ramp, throwsCode } from "./broken-files.ts";

/** Samples `[2]` of f32 `a` = (10 i, 10 i + 1) and `[1]` of u8 `b` = i, labels i mod 3. */
function pairs(count: number, changes: Partial<{ name: string; shift: number; flip: number }> = {}): DataSet {
  const { name = "pairs", shift = 0, flip = -1 } = changes;
  return dataSet({
    name,
    classes: 3,
    labels: Uint8Array.from({ length: count }, (_, i) => (i === flip ? i + 1 : i) % 3),
    inputs: { a: { dtype: "f32", shape: [2] }, b: { dtype: "u8", shape: [1] } },
    write(i, out, row) {
      out.a?.set([10 * i + shift, 10 * i + 1], 2 * row);
      out.b?.set([i], row);
    },
  });
}

test("batch and gather give row-major values of each input in its dtype", () => {
  const data = pairs(5);
  assert.equal(data.batch(1, 2), { a: Float32Array.of(10, 11, 20, 21), b: Uint8Array.of(1, 2) });
  assert.equal(data.gather([4, 0]), { a: Float32Array.of(40, 41, 0, 1), b: Uint8Array.of(4, 0) });
  assert.equal(data.batch(5, 0).a, new Float32Array(0));
});

test("samples outside the set are D0112", () => {
  const data = pairs(5);
  throwsCode(() => data.batch(4, 2), "D0112", "pairs");
  throwsCode(() => data.batch(-1, 1), "D0112", "pairs");
  throwsCode(() => data.batch(0, -1), "D0112", "pairs");
  throwsCode(() => data.gather([0.5]), "D0112", "pairs");
  throwsCode(() => slice(data, 3, 3), "D0112", "pairs");
});

test("a label outside the classes is D0105 and names the sample", () => {
  const make = (label: number) => dataSet({ name: "bad", classes: 3, labels: Int32Array.of(0, label), inputs: {}, write: () => undefined });
  throwsCode(() => make(3), "D0105", "bad");
  throwsCode(() => make(-1), "D0105", "bad");
  assert.throws(() => make(3), /sample 1 has label 3/);
});

test("slice and take renumber; their hash is that of the same samples made directly", () => {
  const data = pairs(7);
  const part = slice(data, 3, 2);
  assert.equal(part.batch(0, 2), data.batch(3, 2));
  assert.equal([...part.labels], [0, 1]);
  assert.is(take(data, 4).hash, pairs(4).hash);
  assert.is(take(data, 7), data);
  assert.is(take(data, 100), data);
});

test("the hash is content: not the name, but every sample, label, shape and the count", () => {
  const { hash } = pairs(300);
  assert.match(hash, /^[0-9a-f]{64}$/);
  assert.is(pairs(300, { name: "other" }).hash, hash);
  assert.is.not(pairs(300, { shift: 0.5 }).hash, hash);
  assert.is.not(pairs(300, { flip: 299 }).hash, hash);
  assert.is.not(pairs(299).hash, hash);
});

test("batches cover all samples once with their labels, in order or in a seeded order", () => {
  const data = pairs(10);
  const plain = [...batches(data, 4)];
  assert.equal(
    plain.map((batch) => batch.indices.length),
    [4, 4, 2],
  );
  const shuffled = [...batches(data, 4, new Random(1))];
  const order = shuffled.flatMap((batch) => [...batch.indices]);
  assert.is.not(order.join(), "0,1,2,3,4,5,6,7,8,9");
  assert.equal([...order].sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  for (const batch of shuffled) {
    assert.equal(batch.inputs, data.gather(batch.indices));
    assert.equal(
      [...batch.labels],
      [...batch.indices].map((i) => i % 3),
    );
  }
  assert.equal([...batches(data, 4, new Random(1))], shuffled);
  for (const size of [0, -1, 1.5]) assert.throws(() => [...batches(data, size)], /size must be/);
});

const pixels = ramp(2 * 12);
const rgb = dataSet({
  name: "rgb",
  classes: 1,
  labels: new Uint8Array(2),
  pixels: "picture",
  inputs: { picture: { dtype: "u8", shape: [3, 2, 2] } },
  write: (i, out, row) => out.picture?.set(pixels.subarray(12 * i, 12 * i + 12), 12 * row),
});
const wanted = (fields: Record<string, unknown>): ImagePreprocessing =>
  parseImagePreprocessing({ input: "image", width: 2, height: 2, ...fields });

test("preprocessing scales, then takes off the mean and divides by the deviation of each channel, and names the model's input", () => {
  const { image = [] } = preprocess(rgb, wanted({ scale: 0.5, mean: [0, 1, 2], std: [1, 2, 4] })).batch(0, 1);
  assert.equal([...image], [0, 0.5, 1, 1.5, 0.5, 0.75, 1, 1.25, 0.5, 0.625, 0.75, 0.875]);
});

test("preprocessing reorders to bgr and to channels last, for every row of a batch", () => {
  const done = preprocess(rgb, wanted({ layout: "nhwc", channels: "bgr" }));
  assert.equal(done.inputs.image, { dtype: "f32", shape: [2, 2, 3] });
  const { image = [] } = done.batch(0, 2);
  assert.equal([...image].slice(0, 6), [8, 4, 0, 9, 5, 1]);
  assert.equal([...image].slice(12, 15), [20, 16, 12]);
});

test("a data set and a picture of the same pixels give the same tensor, whatever the record asks for", () => {
  const rgba = new Uint8Array(16).fill(255);
  for (let c = 0; c < 3; c++) for (let i = 0; i < 4; i++) rgba[4 * i + c] = pixels[12 + 4 * c + i] ?? 0;
  const image = { data: rgba, width: 2, height: 2 };
  for (const fields of [
    {},
    { channels: "grey", invert: true },
    { width: 5, height: 3, resize: "contain", fill: 7, layout: "nhwc", mean: 3, std: 9 },
  ]) {
    const record = wanted(fields);
    assert.equal(preprocess(rgb, record).batch(1, 1).image, imageTensor(image, record).data);
  }
});

test("values that are prepared already are left alone; pixels that are no picture are D0113; slices keep what is pixels", () => {
  const record = wanted({});
  const prepared = pairs(3);
  assert.is(preprocess(prepared, record), prepared);
  assert.is(slice(rgb, 1, 1).pixels, "picture");
  const flat = dataSet({
    name: "flat",
    classes: 1,
    labels: new Uint8Array(1),
    pixels: "x",
    inputs: { x: { dtype: "u8", shape: [4] } },
    write: () => undefined,
  });
  throwsCode(() => preprocess(flat, record), "D0113", "flat");
});

test.run();
