// @ts-check
/**
 * @file What one test file's output says. uvu prints `Total:`, `Passed:` and `Skipped:` once, at its end; `need` of
 * test/support/skip.ts prints `SKIP <cause>: <test>` from inside a test, which then returns and which uvu counts as passed.
 */

/** @param {string} output @param {"Total" | "Passed" | "Skipped"} label */
const totals = (output, label) => [...output.matchAll(new RegExp(`^ {2}${label}: +(\\d+)\\r?$`, "gm"))].map((m) => Number(m[1]));

/**
 * @typedef {object} FileCounts
 * @property {number} passed
 * @property {number} failed tests that failed, and one more for a file that broke as a whole
 * @property {readonly { cause: string, test: string }[]} skips
 * @property {string} [problem] why the file as a whole counts as a failure
 */

/**
 * @param {string} output standard output and standard error of the file, uncoloured
 * @param {string} exit exit code, signal name, or another reason why it ended
 * @returns {FileCounts}
 */
export function countFile(output, exit) {
  const skips = [...output.matchAll(/^SKIP ([a-z]+): (.*?)\r?$/gm)].map(([, cause = "", test = ""]) => ({ cause, test }));
  const [total, ...more] = totals(output, "Total");
  const [passed] = totals(output, "Passed");
  const [unnamed] = totals(output, "Skipped");
  if (total === undefined || passed === undefined || unnamed === undefined) {
    return { passed: 0, failed: 1, skips: [], problem: `ended without uvu's totals (${exit}); does it call test.run()?` };
  }
  const counts = {
    passed: passed - skips.length,
    failed: total - passed,
    skips: [...skips, ...Array.from({ length: unnamed }, () => ({ cause: "test.skip or test.only", test: "" }))],
  };
  const problem = wholeFileProblem({ total, summaries: 1 + more.length, passed: counts.passed, failed: counts.failed, exit });
  return problem === undefined ? counts : { ...counts, passed: Math.max(0, counts.passed), failed: counts.failed + 1, problem };
}

/** @param {{ total: number, summaries: number, passed: number, failed: number, exit: string }} facts */
function wholeFileProblem({ total, summaries, passed, failed, exit }) {
  if (summaries > 1) return `uvu printed ${summaries} summaries; call test.run() before anything is awaited at top level`;
  if (total === 0) return "ran no test";
  if (passed < 0) return "more SKIP lines than tests: need() belongs inside a test";
  if (failed === 0 && exit !== "0") return `all tests passed, yet it ended with ${exit}`;
  return undefined;
}
