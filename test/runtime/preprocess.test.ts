/** @file Declared preprocessing: the record's checks, and pixels to tensors against sums done by hand. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type ImagePreprocessing,
  imagePreprocessing,
  imageTensor,
  parseImagePreprocessing,
  type RgbaImage,
  RuntimeError,
} from "../../runtime/index.ts";

const declared = (fields: Record<string, unknown>): ImagePreprocessing =>
  parseImagePreprocessing({ input: "image", width: 2, height: 2, ...fields });

/** A grey picture of rows. */
function grey(...rows: readonly (readonly number[])[]): RgbaImage {
  const width = rows[0]?.length ?? 0;
  return { width, height: rows.length, data: Uint8ClampedArray.from(rows.flat().flatMap((v) => [v, v, v, 255])) };
}

function values(image: RgbaImage, fields: Record<string, unknown>): number[] {
  return Array.from(imageTensor(image, declared(fields)).data as Float32Array);
}

function code(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof RuntimeError) return `${error.code} ${error.where}`;
    throw error;
  }
  return "nothing thrown";
}

test("a file that declares nothing has no preprocessing; defaults are filled in; unknown keys are passed over", () => {
  assert.is(imagePreprocessing({ preprocessing: null }), null);
  assert.equal(imagePreprocessing({ preprocessing: { input: "x", width: 3, height: 2, later: [1] } }), {
    input: "x",
    width: 3,
    height: 2,
    layout: "nchw",
    channels: "rgb",
    resize: "stretch",
    scale: 1,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    fill: 0,
    invert: false,
    labels: null,
  });
  assert.equal(declared({ mean: 127, std: 128 }).mean, [127, 127, 127], "one number stands for every channel");
});

test("a wrong or hostile field is R0320 and names the field", () => {
  const wrong: readonly (readonly [string, unknown])[] = [
    ["input", 3],
    ["input", ""],
    ["width", 0],
    ["width", 2.5],
    ["width", 1e9],
    ["height", "28"],
    ["height", 5n],
    ["layout", "chw"],
    ["layout", ["nchw"]],
    ["channels", "toString"],
    ["resize", null],
    ["scale", Number.NaN],
    ["scale", Number.POSITIVE_INFINITY],
    ["mean", [1, 2]],
    ["mean", ["0"]],
    ["std", [1, 0, 1]],
    ["std", 0],
    ["fill", 256],
    ["invert", 1],
    ["labels", "abc"],
    ["labels", ["a", 1]],
    ["labels", { length: 3 }],
  ];
  for (const [field, value] of wrong)
    assert.is(
      code(() => declared({ [field]: value })),
      `R0320 preprocessing.${field}`,
      String(value),
    );
  assert.is(
    code(() => parseImagePreprocessing({ input: "x", height: 1 })),
    "R0320 preprocessing.width",
    "a size cannot be left out",
  );
  assert.is(
    code(() => parseImagePreprocessing(Object.create({ input: "x", width: 1, height: 1 }))),
    "R0320 preprocessing.input",
  );
});

test("pixels at the model's own size stay exactly themselves", () => {
  const picture = fc.uint8Array({ minLength: 12, maxLength: 12 });
  fc.assert(
    fc.property(picture, (bytes) => {
      const rows = [bytes.slice(0, 4), bytes.slice(4, 8), bytes.slice(8)].map((row) => [...row]);
      assert.equal(values(grey(...rows), { width: 4, height: 3, channels: "grey" }), [...bytes]);
    }),
  );
});

test("enlarging interpolates between pixel centres, and repeats the outer half pixels", () => {
  // Output centres 0.25, 0.75, 1.25, 1.75 of a row with centres 0.5 and 1.5.
  assert.equal(values(grey([0, 100]), { width: 4, height: 1, channels: "grey" }), [0, 25, 75, 100]);
  assert.equal(values(grey([0], [100]), { width: 1, height: 4, channels: "grey" }), [0, 25, 75, 100]);
  assert.equal(values(grey([0, 80], [40, 120]), { width: 1, height: 1, channels: "grey" }), [60]);
});

test("shrinking by two weighs 1/8, 3/8, 3/8, 1/8 around each centre, renormalized at the border", () => {
  // Centre 1 of six pixels: |0.5-1|, |1.5-1| -> 3/4 each, |2.5-1| -> 1/4, nothing on the left of pixel 0: (3 a + 3 b + c) / 7. Centre 3: (b + 3 c + 3 d + e) / 8.
  const row = [10, 20, 70, 120, 200, 30];
  const [a, b, c, d, e, f] = row as [number, number, number, number, number, number];
  const expected = [(3 * a + 3 * b + c) / 7, (b + 3 * c + 3 * d + e) / 8, (d + 3 * e + 3 * f) / 7];
  values(grey(row), { width: 3, height: 1, channels: "grey" }).forEach((value, i) => {
    assert.ok(Math.abs(value - (expected[i] ?? Number.NaN)) < 1e-4, `${i}: ${value}, by hand ${expected[i]}`);
  });
});

test("a constant picture stays constant at every size and fit", () => {
  const sizes = fc.integer({ min: 1, max: 17 });
  fc.assert(
    fc.property(sizes, sizes, sizes, sizes, fc.constantFrom("stretch", "cover", "contain"), (w, h, width, height, resize) => {
      const image = grey(...Array.from({ length: h }, () => new Array<number>(w).fill(77)));
      for (const value of values(image, { width, height, channels: "grey", resize, fill: 77 })) assert.ok(Math.abs(value - 77) < 1e-4);
    }),
  );
});

test("contain draws the whole picture in the middle of a border of `fill`, cover cuts what hangs over", () => {
  const wide = grey([10, 20, 30, 40], [10, 20, 30, 40]);
  const contained = values(wide, { width: 4, height: 4, channels: "grey", resize: "contain", fill: 9 });
  assert.equal(contained, [9, 9, 9, 9, 10, 20, 30, 40, 10, 20, 30, 40, 9, 9, 9, 9]);
  assert.equal(values(wide, { width: 2, height: 2, channels: "grey", resize: "cover" }), [20, 30, 20, 30]);
});

test("grey is ITU-R 601 luma; bgr turns the channels round; nhwc interleaves", () => {
  const image: RgbaImage = { width: 2, height: 1, data: Uint8Array.of(200, 100, 50, 255, 1, 2, 3, 255) };
  const size = { width: 2, height: 1 };
  const [luma = 0] = values(image, { ...size, channels: "grey" });
  assert.ok(Math.abs(luma - (0.299 * 200 + 0.587 * 100 + 0.114 * 50)) < 1e-4);
  assert.equal(values(image, size), [200, 1, 100, 2, 50, 3]);
  assert.equal(values(image, { ...size, channels: "bgr" }), [50, 3, 100, 2, 200, 1]);
  assert.equal(values(image, { ...size, layout: "nhwc" }), [200, 100, 50, 1, 2, 3]);
  assert.equal(values(image, { ...size, layout: "nhwc", channels: "bgr" }), [50, 100, 200, 3, 2, 1]);
});

test("value = (pixel * scale - mean) / std per channel; invert comes first; transparent pixels show `fill`", () => {
  const one: RgbaImage = { width: 1, height: 1, data: Uint8Array.of(255, 51, 0, 255) };
  const size = { width: 1, height: 1 };
  const fields = { ...size, scale: 1 / 255, mean: [0.5, 0.2, 0.25], std: [0.5, 1, 0.25] };
  assert.equal(values(one, fields), [1, Math.fround((51 / 255 - 0.2) / 1), -1]);
  assert.equal(values(one, { ...size, invert: true }), [0, 204, 255]);
  const clear: RgbaImage = { width: 1, height: 1, data: Uint8Array.of(100, 100, 100, 0) };
  assert.equal(values(clear, { ...size, fill: 255 }), [255, 255, 255]);
  assert.equal(values(clear, { ...size, fill: 255, invert: true }), [0, 0, 0], "a white page becomes a black ground");
  assert.equal(values({ ...clear, data: Uint8Array.of(200, 0, 0, 51) }, { ...size, fill: 100 }), [120, 80, 80]);
});

test("the port decides dtype and rank, and refuses sizes that differ", () => {
  const image = grey([0.4, 200], [300, 7]);
  const wanted = declared({ channels: "grey", scale: 1.5 });
  assert.equal(imageTensor(image, wanted).shape, [1, 1, 2, 2]);
  assert.equal(imageTensor(image, wanted, { dtype: "f32", shape: ["N", 1, "H", 2] }).shape, [1, 1, 2, 2]);
  assert.equal(imageTensor(image, wanted, { dtype: "f32", shape: [1, 2, 2] }).shape, [1, 2, 2]);
  const bytes = imageTensor(image, wanted, { dtype: "u8", shape: [1, 1, 2, 2] });
  assert.equal([bytes.dtype, [...(bytes.data as Uint8Array)]], ["u8", [0, 255, 255, 10]]);
  for (const port of [
    { dtype: "f32", shape: [1, 3, 2, 2] },
    { dtype: "f32", shape: [4, 1, 2, 2] },
    { dtype: "f32", shape: [1, 4] },
    { dtype: "i64", shape: [1, 1, 2, 2] },
  ] as const) {
    assert.is(
      code(() => imageTensor(image, wanted, port)),
      'R0322 input "image"',
    );
  }
});

test("a picture whose data do not fit its size is R0321", () => {
  const data = new Uint8Array(16);
  for (const [width, height] of [
    [2, 3],
    [0, 0],
    [-2, -2],
    [1.5, 2],
    [Number.NaN, 2],
  ] as const) {
    assert.is(
      code(() => imageTensor({ data, width, height }, declared({}))),
      "R0321 image",
    );
  }
});

test.run();
