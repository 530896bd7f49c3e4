/** @file The recorded full run of ONNX's operator tests: within the limits beside ONNX Runtime, on kernels of the backend only; the coverage page is made from it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { coveragePage } from "../../scripts/conformance-page.ts";
import type { ConformanceRecord } from "../../scripts/conformance-record.ts";
import { ROOT } from "../support/data.ts";

const record = JSON.parse(readFileSync(join(ROOT, "bench/results/conformance.json"), "utf8")) as ConformanceRecord;

test("docs/onnx-coverage.md is the record's page: npm run conformance -- --page", () => {
  assert.fixture(readFileSync(join(ROOT, "docs/onnx-coverage.md"), "utf8"), coveragePage(record));
});

test("three sets on two backends, whole", () => {
  assert.equal(
    record.runs.map(({ set, backend, score }) => [set, backend, score.theirs]),
    [
      ["onnx-1.7.0-opset12", 626],
      ["onnx-1.13.1-opset18", 769],
      ["onnx-dev-opset28", 1089],
    ].flatMap(([set, theirs]) => ["reference", "wasm"].map((backend) => [set, backend, theirs])),
  );
});

for (const { set, backend, score, kernels, materialized } of record.runs) {
  test(`${set} on ${backend}: within the limits`, () => {
    const { differ, excludedShare, missedShare } = score;
    assert.is(differ, 0);
    assert.ok(excludedShare <= 0.08, `${excludedShare} are out`);
    assert.ok(missedShare <= (backend === "reference" ? 0.03 : 0.1), `${missedShare} are not run`);
    if (backend === "reference") return;
    const known = new Set(builtinTargets.find(({ name }) => name === "wasm-simd")?.manifest?.kernels.map(({ id }) => id));
    assert.equal(
      Object.keys(kernels).filter((id) => !known.has(id)),
      [],
      "kernels that are no wasm kernels",
    );
    assert.ok(Object.keys(kernels).length > 50);
    assert.equal(materialized, [], "tests with constants that only the reference functions could evaluate");
  });
}

test.run();
