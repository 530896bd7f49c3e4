/** @file The test runner's own arithmetic: what it makes of a file's output, and that nothing which broke counts as passed. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { countFile } from "../../scripts/test-counts.mjs";

const summary = (total: number, passed: number, skipped: number): string =>
  `  (${passed} / ${total})\n\n  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n  Duration:  1.0ms\n\n`;

test("passed and failed are uvu's", () => {
  assert.equal(countFile(summary(5, 3, 0), "1"), { passed: 3, failed: 2, skips: [] });
});

test("a SKIP line turns one passed test into a skipped one, by cause", () => {
  const counts = countFile(`• \nSKIP data: mnist, all of it\n• ${summary(4, 4, 0)}`, "0");
  assert.equal(counts, { passed: 3, failed: 0, skips: [{ cause: "data", test: "mnist, all of it" }] });
});

test("uvu's own skips are counted too", () => {
  assert.is(countFile(summary(4, 4, 2), "0").skips.length, 2);
});

test("a file that broke as a whole is a failure", () => {
  const broken: readonly (readonly [output: string, exit: string])[] = [
    ["boom\n", "1"],
    ["", "0"],
    ["", "SIGSEGV"],
    [summary(0, 0, 0), "0"],
    [summary(2, 2, 0), "1"],
    [summary(2, 2, 0), "SIGSEGV"],
    [summary(2, 2, 0) + summary(2, 2, 0), "0"],
    [`SKIP data: a\nSKIP data: b\n${summary(1, 1, 0)}`, "0"],
  ];
  for (const [output, exit] of broken) {
    const counts = countFile(output, exit);
    assert.is(counts.failed, 1, JSON.stringify([output, exit]));
    assert.type(counts.problem, "string");
  }
});

test.run();
