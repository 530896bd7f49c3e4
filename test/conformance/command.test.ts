/** @file `tersor conformance`: its JSON keys and exit codes, folders and archives alike, a test that never ends, a process that dies. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type ConformanceFlags, conformance, reportText } from "../../compiler/cli/commands/conformance.ts";
import { Pool } from "../../compiler/cli/conformance/pool.ts";
import { openSuite } from "../../compiler/cli/conformance/source.ts";
import { UsageError } from "../../compiler/cli/failure.ts";
import { createOutput } from "../../compiler/cli/output.ts";
import { onnx } from "../../compiler/import/onnx/proto/gen/onnx.js";
import { tersor } from "../cli/support.ts";
import { encodeModel, FLOAT, INT64, node, raw, value } from "../import/model.ts";

const root = mkdtempSync(join(tmpdir(), "tersor-conformance-"));
const suite = join(root, "tiny");
test.after(() => rmSync(root, { recursive: true, force: true }));

const pb = (numbers: readonly number[]): Uint8Array => onnx.TensorProto.encode(raw("t", [numbers.length], numbers)).finish();

function write(path: string, bytes: Uint8Array | string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), bytes);
}

function addTest(name: string, op: string, given: readonly number[], expected: readonly number[], type = FLOAT): void {
  const ports = { inputs: [value("x", type, [given.length])], outputs: [value("y", type, [expected.length])] };
  write(`tiny/node/${name}/model.onnx`, encodeModel({ opset: 13, nodes: [node(op, "x", "y")], ...ports }));
  write(`tiny/node/${name}/test_data_set_0/input_0.pb`, pb(given));
  write(`tiny/node/${name}/test_data_set_0/output_0.pb`, pb(expected));
}

addTest("test_relu", "Relu", [-1, 2], [0, 2]);
addTest("test_neg", "Neg", [-1, 2], [1, -2.1]);
addTest("test_unknown", "NoSuchOperator", [1], [1]);
addTest("test_typed", "Neg", [1], [-1], INT64);
write("tiny/node/test_garbage/model.onnx", "this is no model");
write("tiny/node/test_garbage/test_data_set_0/output_0.pb", pb([1]));
write("theirs.json", JSON.stringify({ tiny: { "node/test_relu": "pass", "node/test_neg": "mismatch", "node/test_unknown": "pass" } }));

const wanted = {
  "node/test_garbage": /^error: the model cannot be read/,
  "node/test_neg": /^mismatch$/,
  "node/test_relu": /^pass$/,
  "node/test_typed": /^unsupported: the value of input x does not have the type/,
  "node/test_unknown": /^unsupported: E0604 .*NoSuchOperator/,
};

function hasVerdicts(report: Record<string, unknown>): void {
  const tests = report.tests as Record<string, string>;
  assert.equal(Object.keys(tests), Object.keys(wanted));
  for (const [name, pattern] of Object.entries(wanted)) assert.match(tests[name] as string, pattern);
  assert.equal([report.pass, report.mismatch, report.unsupported, report.error], [1, 1, 2, 1]);
}

const flags: ConformanceFlags = { backend: "reference", jobs: "1", timeout: "60", maxWork: "1e9", filter: "" };

test("a folder on wasm: verdicts, kernels and the score; exit code 1 for what differs", () => {
  const ran = tersor("conformance", suite, "--json", "--jobs", "1", "--baseline", join(root, "theirs.json"));
  assert.is(ran.status, 1, ran.stderr);
  const report = ran.json();
  hasVerdicts(report);
  assert.is(report.backend, "wasm");
  assert.ok(Object.keys(report.kernels as object).length > 0);
  assert.match((report.mismatches as Record<string, string>)["node/test_neg"] as string, /^output y: element 1 is -2 instead of -2\.09/);
  const { theirs, counted, pass, ok } = report.baseline as Record<string, unknown>;
  assert.equal([theirs, counted, pass, ok], [2, 2, 1, false]);
});

test("the archive of it gives the same on reference; what passes alone is fine", async () => {
  const archive = join(root, "tiny.tar.gz");
  execFileSync("tar", ["-C", root, "-czf", archive, "tiny"]);
  const report = await conformance(archive, flags, createOutput(true));
  hasVerdicts({ ...report });
  assert.not.ok(report.ok);
  const passing = await conformance(archive, { ...flags, filter: "relu|unknown" }, createOutput(true));
  assert.ok(passing.ok);
  assert.match(reportText(passing), /tiny on reference: 1 pass, 0 mismatch, 1 unsupported, 0 error/);
  assert.match(reportText(passing), /NoSuchOperator +0 +0 +1 +0/);
});

async function complaint(path: string, more: Partial<ConformanceFlags>): Promise<string> {
  return conformance(path, { ...flags, ...more }, createOutput(true)).then(
    () => "none",
    (error: unknown) => (error instanceof UsageError ? error.message : `other: ${error}`),
  );
}

test("wrong usage: exit code 2 and what there is", async () => {
  const ran = tersor("conformance", suite, "--backend", "abacus", "--json");
  assert.is(ran.status, 2);
  assert.match((ran.json().error as { message: string }).message, /unknown backend "abacus"; there are: wasm/);
  assert.match(await complaint(suite, { filter: "(" }), /^--filter \(: /);
  assert.match(await complaint(suite, { filter: "nothing" }), /none of 5 tests/);
  assert.match(await complaint(suite, { jobs: "none" }), /--jobs none: expected a number above 0/);
  assert.match(await complaint(suite, { baseline: join(root, "theirs.json"), set: "other" }), /--set takes tiny/);
  assert.match(await complaint(join(suite, "node/test_relu/test_data_set_0"), {}), /holds no operator tests/);
  assert.match(await complaint(join(root, "missing"), {}), /^other: .*ENOENT/);
});

test("a test that does not end in time, or whose process dies, is an error; the rest runs on", async () => {
  const { tests } = await openSuite(suite);
  const relu = tests.filter(({ name }) => name === "node/test_relu");
  const hasty = new Pool({ jobs: 1, maxWork: 1e9, timeoutMs: 0 });
  const late = await hasty.run(relu, "reference");
  hasty.close();
  assert.match(late.get("node/test_relu")?.verdict as string, /^error: no end after 0 s/);
  const pool = new Pool({ jobs: 1, maxWork: 1, timeoutMs: 60_000 });
  const dead = await pool.run(relu, "nonsense");
  assert.match(
    dead.get("node/test_relu")?.verdict as string,
    /^error: the process that ran it died \(exit code 1\): UsageError: unknown backend/,
  );
  const costly = await pool.run(relu, "wasm");
  pool.close();
  assert.match(costly.get("node/test_relu")?.verdict as string, /^unsupported: R0410/, "too much work");
});

test.run();
