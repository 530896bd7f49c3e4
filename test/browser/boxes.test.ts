/** @file The pages' own arithmetic: reading a detector's boxes, suppression of doubles, and what the digit page makes of strokes. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { centreOfMass, greyToRgba, inkDigit, SIDE, type Stroke } from "../../examples/digit-page/ink.ts";
import { type Box, type Face, findFaces, overlap } from "../../examples/faces-page/boxes.ts";
import { foreignInputs } from "../../scripts/pages/build.ts";

const box = (left: number, top: number, right: number, bottom: number): Box => ({ left, top, right, bottom });

test("overlap is intersection over union, by hand", () => {
  assert.is(overlap(box(0, 0, 2, 2), box(1, 1, 3, 3)), 1 / 7);
  assert.is(overlap(box(0, 0, 1, 1), box(0, 0, 1, 1)), 1);
  assert.is(overlap(box(0, 0, 1, 1), box(1, 0, 2, 1)), 0);
  assert.is(overlap(box(0, 0, 4, 4), box(1, 1, 3, 3)), 1 / 4);
  assert.is(overlap(box(1, 1, 0, 0), box(0, 0, 0, 0)), 0);
});

const detect = (faces: readonly Face[], options = {}) =>
  findFaces(
    faces.flatMap(({ score }) => [1 - score, score]),
    faces.flatMap(({ left, top, right, bottom }) => [left, top, right, bottom]),
    options,
  );

test("of three boxes on one face the surest stays, a second face stays too, the unsure go", () => {
  const faces: readonly Face[] = [
    { ...box(0.11, 0.1, 0.31, 0.3), score: 0.9 },
    { ...box(0.1, 0.1, 0.3, 0.3), score: 0.98 },
    { ...box(0.1, 0.12, 0.3, 0.32), score: 0.95 },
    { ...box(0.6, 0.5, 0.9, 0.8), score: 0.8 },
    { ...box(0.6, 0.1, 0.7, 0.2), score: 0.69 },
  ];
  assert.equal(detect(faces), [faces[1], faces[3]]);
  assert.is(detect(faces, { minScore: 0.6 }).length, 3);
  assert.is(detect(faces, { maxOverlap: 1 }).length, 4);
});

test("a score that is not a number is no face; arrays that disagree are refused", () => {
  assert.equal(findFaces([0, Number.NaN], [0, 0, 1, 1]), []);
  assert.throws(
    () => findFaces([0, 1], [0, 0, 1]),
    (error: Error) => error instanceof RangeError && /2 scores and 3 corners/.test(error.message),
  );
});

const unit = fc.double({ min: 0, max: 1, noNaN: true });
const anyFace = fc.record({ left: unit, top: unit, right: unit, bottom: unit, score: unit });

test("property: what stays does not overlap, and what went overlaps something surer that stayed", () => {
  fc.assert(
    fc.property(fc.array(anyFace, { maxLength: 24 }), (faces) => {
      const kept = detect(faces, { minScore: 0.3 });
      kept.forEach((a, i) => {
        kept.slice(0, i).forEach((b) => {
          assert.ok(overlap(a, b) <= 0.3 && b.score >= a.score);
        });
      });
      for (const face of faces.filter(({ score }) => score >= 0.3)) {
        const same = (other: Face) => JSON.stringify(other) === JSON.stringify(face);
        assert.ok(kept.some((other) => same(other) || (overlap(other, face) > 0.3 && other.score >= face.score)));
      }
    }),
    { seed: 3 },
  );
});

const anyStroke = fc.array(fc.record({ x: unit, y: unit }), { minLength: 1, maxLength: 8 });
const inked = (image: Uint8ClampedArray) => Array.from(image.keys()).filter((i) => (image[i] ?? 0) > 0);

test("property: the digit is inside a box of 20 and a pixel, its centre of mass within half a pixel of the middle", () => {
  fc.assert(
    fc.property(fc.array(anyStroke, { minLength: 1, maxLength: 3 }), (strokes) => {
      const image = inkDigit(strokes);
      const pixels = inked(image);
      const columns = pixels.map((i) => i % SIDE);
      const rows = pixels.map((i) => Math.floor(i / SIDE));
      for (const line of [columns, rows]) assert.ok(Math.max(...line) - Math.min(...line) <= 22);
      const { x, y } = centreOfMass(image);
      assert.ok(Math.hypot(x - 14, y - 14) <= 0.5, `${x} ${y}`);
    }),
    { seed: 5 },
  );
});

test("the image is the same wherever and however large the digit was written", () => {
  const seven: readonly Stroke[] = [
    [
      { x: 0.2, y: 0.2 },
      { x: 0.8, y: 0.2 },
      { x: 0.4, y: 0.9 },
    ],
  ];
  const smaller = seven.map((stroke) => stroke.map(({ x, y }) => ({ x: 0.3 + 0.5 * x, y: 0.1 + 0.5 * y })));
  const [one, other] = [inkDigit(seven), inkDigit(smaller)];
  one.forEach((value, i) => {
    assert.ok(Math.abs(value - (other[i] ?? 0)) <= 1, `${i}`);
  });
});

test("a tap is a dot, no stroke is black", () => {
  const dot = inkDigit([[{ x: 0.9, y: 0.1 }]]);
  assert.ok(inked(dot).length > 0 && inked(dot).length <= 16);
  assert.ok((dot[14 * SIDE + 14] ?? 0) > 200);
  assert.equal(inked(inkDigit([])), []);
  assert.equal([...greyToRgba(Uint8ClampedArray.of(7, 255))], [7, 7, 7, 255, 255, 255, 255, 255]);
});

test("a page that held anything of the compiler would not be built", () => {
  const input = { bytes: 1, imports: [] };
  const own = [
    "examples/digit-page/page.ts",
    "examples/page/text.ts",
    "runtime/session.ts",
    "ir-spec/format/header.ts",
    "node_modules/flatbuffers/mjs/x.js",
  ];
  const foreign = [
    "compiler/compile.ts",
    "examples/digits/files.ts",
    "ir-spec/ops/define.ts",
    "node_modules/chevrotain/x.js",
    "plugins/prune/index.ts",
  ];
  const inputs = Object.fromEntries([...own, ...foreign].map((name) => [name, input]));
  assert.equal(foreignInputs({ inputs }), foreign);
});

test.run();
