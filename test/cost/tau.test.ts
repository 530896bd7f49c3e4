/** @file Kendall's tau on lists whose value is known. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kendallTau } from "../../bench/rank-correlation.ts";

test("agreement, disagreement, one swap, ties, no pairs", () => {
  assert.is(kendallTau([1, 2, 3], [10, 20, 30]), 1);
  assert.is(kendallTau([1, 2, 3], [3, 2, 1]), -1);
  assert.is(kendallTau([1, 2, 3, 4], [1, 2, 4, 3]), 4 / 6);
  assert.is(kendallTau([1, 2, 3], [1, 1, 3]), 2 / 3);
  assert.is(
    kendallTau([1, 2, 30], [1, 3, 2], (i, j) => Math.max(i, j) < 2),
    1,
  );
  assert.ok(Number.isNaN(kendallTau([1], [1])));
});

test.run();
