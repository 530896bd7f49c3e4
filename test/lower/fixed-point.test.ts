/** @file Factors as multiplier and shift: within 2^-31 of the real number, in range, and equal where the number is exact. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { fixedPoint, sharedShift } from "../../compiler/lower/legalize/fixed-point.ts";

test("by hand", () => {
  assert.equal(fixedPoint(1), { multiplier: 2 ** 30, shift: 30 });
  assert.equal(fixedPoint(0.5), { multiplier: 2 ** 30, shift: 31 });
  assert.equal(fixedPoint(0.75), { multiplier: 3 * 2 ** 29, shift: 31 });
  assert.equal(fixedPoint(2 ** -32), { multiplier: 2 ** 30, shift: 62 });
  assert.equal(fixedPoint(2 ** -33), { multiplier: 0, shift: 0 });
  assert.equal(fixedPoint(0), { multiplier: 0, shift: 0 });
  // Rounds up to the next power of two.
  assert.equal(fixedPoint(1 - 2 ** -40), { multiplier: 2 ** 30, shift: 30 });
  assert.equal(fixedPoint(2 ** 30), { multiplier: 2 ** 30, shift: 0 });
  for (const bad of [2 ** 31, -1, Number.NaN, Number.POSITIVE_INFINITY]) assert.is(fixedPoint(bad), null);
});

test("property: 2^30 <= multiplier < 2^31, 0 <= shift <= 62, relative error at most 2^-31", () => {
  const real = fc.tuple(fc.double({ min: 1, max: 2, noNaN: true }), fc.integer({ min: -32, max: 29 })).map(([m, e]) => m * 2 ** e);
  fc.assert(
    fc.property(real, (value) => {
      const found = fixedPoint(value);
      if (!found) throw new Error("none");
      assert.ok(found.multiplier >= 2 ** 30 && found.multiplier < 2 ** 31 && found.shift >= 0 && found.shift <= 62);
      assert.ok(Math.abs(found.multiplier / 2 ** found.shift - value) <= value * 2 ** -31);
    }),
    { numRuns: 2000, seed: 1 },
  );
});

test("property: shared shifts keep multipliers in 0 .. 2^21 and both products in i32", () => {
  const factor = fc.tuple(fc.double({ min: 1, max: 2, noNaN: true }), fc.integer({ min: -20, max: 20 })).map(([m, e]) => m * 2 ** e);
  fc.assert(
    fc.property(factor, factor, (a, b) => {
      const found = sharedShift([a, b]);
      if (!found) return assert.ok(Math.max(a, b) > 2 ** 21);
      assert.ok(found.shift >= 0 && found.shift <= 29);
      assert.ok(found.multipliers.every((m) => m >= 0 && m <= 2 ** 21));
      const largest = Math.max(a, b);
      const error = Math.abs(Math.max(...found.multipliers) / 2 ** found.shift - largest);
      assert.ok(error <= 2 ** -found.shift / 2);
      // At least 20 bits, unless the shift is at its end.
      assert.ok(found.shift === 29 || Math.max(...found.multipliers) >= 2 ** 20);
    }),
    { numRuns: 2000, seed: 2 },
  );
  assert.is(sharedShift([2 ** 22]), null);
  assert.is(sharedShift([Number.NaN]), null);
});

test.run();
