/** @file The parts of the conformance run: how suites are found, outputs compared, inputs fixed, tests excluded, scores counted. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { exclusionOf } from "../../compiler/conformance/excluded.ts";
import type { TestFacts } from "../../compiler/conformance/facts.ts";
import type { Outcome, Verdict } from "../../compiler/conformance/run-test.ts";
import { scoreOf } from "../../compiler/conformance/score.ts";
import { importFor } from "../../compiler/conformance/specialize.ts";
import { findTests } from "../../compiler/conformance/suite.ts";
import { subjects, summarize } from "../../compiler/conformance/summary.ts";
import { difference, fits, ramp } from "../../compiler/conformance/values.ts";
import { createCoreRegistry, dimSymbol, hostTensor, mainFunction, tensorType, valueInfo } from "../../ir-spec/index.ts";
import { encodeModel, FLOAT, INT64, node, value } from "../import/model.ts";

const floats = (...numbers: number[]) => hostTensor("f32", [numbers.length], Float32Array.from(numbers));
const longs = (...numbers: number[]) => hostTensor("i64", [numbers.length], BigInt64Array.from(numbers.map(BigInt)));

test("floats: 1e-5 + 1e-3 of the expected value, NaN is NaN, infinities must agree", () => {
  assert.is(
    difference(floats(1.0009, Number.NaN, Number.POSITIVE_INFINITY, 0), floats(1, Number.NaN, Number.POSITIVE_INFINITY, 9e-6)),
    null,
  );
  assert.match(String(difference(floats(1, 1.0011), floats(1, 1))), /^element 1 /);
  assert.match(String(difference(floats(2e-5), floats(0))), /^element 0 /);
  assert.match(String(difference(floats(Number.NaN), floats(1))), /^element 0 is NaN/);
  assert.match(String(difference(floats(1e38), floats(Number.POSITIVE_INFINITY))), /^element 0 /);
  assert.match(String(difference(floats(Number.POSITIVE_INFINITY), floats(Number.NEGATIVE_INFINITY))), /^element 0 /);
});

test("integers are equal to the last bit; shape and dtype count", () => {
  const big = hostTensor("i64", [1], BigInt64Array.of(2n ** 60n));
  assert.match(String(difference(hostTensor("i64", [1], BigInt64Array.of(2n ** 60n + 1n)), big)), /^element 0 /);
  assert.match(String(difference(longs(1000), longs(1001))), /^element 0 /);
  assert.match(String(difference(hostTensor("f32", [1, 1], Float32Array.of(1)), floats(1))), /\[1, 1\] instead of f32 \[1\]/);
  assert.match(String(difference(longs(1), floats(1))), /i64 \[1\] instead of f32 \[1\]/);
  assert.is(difference(undefined, floats(1)), "it is missing");
});

test("declared types take any size for a symbol; the ramp of light models is k / n", () => {
  assert.ok(fits(floats(1, 2), tensorType("f32", [dimSymbol("N")])));
  assert.not.ok(fits(floats(1, 2), tensorType("f32", [3])));
  assert.not.ok(fits(floats(1, 2), tensorType("i64", [2])));
  assert.equal([...ramp(tensorType("f32", [dimSymbol("N"), 4])).data], [0, 0.25, 0.5, 0.75]);
});

const bytesOf = (...numbers: number[]) => Uint8Array.from(numbers);

test("a suite: stored tests with their data sets in order of number, light models with the agreed input", async () => {
  const files: Record<string, Uint8Array> = {
    "deep/down/node/test_a/model.onnx": bytesOf(1),
    "deep/down/node/test_a/test_data_set_10/output_0.pb": bytesOf(10),
    "deep/down/node/test_a/test_data_set_2/input_1.pb": bytesOf(21),
    "deep/down/node/test_a/test_data_set_2/output_0.pb": bytesOf(2),
    "deep/down/node/test_a/notes.txt": bytesOf(0),
    "light/light_net.onnx": bytesOf(3),
    "light/light_net_output_0.pb": bytesOf(4),
    "light/light_net_two_output_0.pb": bytesOf(5),
  };
  const found = findTests({ paths: Object.keys(files), read: async (path) => files[path] as Uint8Array });
  assert.equal(
    found.map(({ name }) => name),
    ["light/light_net", "node/test_a"],
  );
  const [light, stored] = await Promise.all(found.map(({ open }) => open()));
  assert.equal(light?.dataSets, [{ inputs: "ramp", outputs: [bytesOf(4)] }]);
  assert.equal(stored?.dataSets, [
    { inputs: [null, bytesOf(21)], outputs: [bytesOf(2)] },
    { inputs: [], outputs: [bytesOf(10)] },
  ]);
});

test("only inputs that decide shapes are fixed, and only when they must be", () => {
  const registry = createCoreRegistry();
  const names = ({ module }: ReturnType<typeof importFor>) =>
    mainFunction(module).params.map((id) => valueInfo(mainFunction(module), id).name);
  const resize = encodeModel({
    opset: 10,
    nodes: [node("Resize", "x scales", "r"), node("Add", "r z", "y")],
    inputs: [value("x", FLOAT, [1, 3]), value("scales", FLOAT, [2]), value("z", FLOAT, [6])],
    outputs: [value("y", FLOAT, [1, 6])],
  });
  const given = { x: hostTensor("f32", [1, 3]), scales: floats(1, 2), z: floats(0, 0, 0, 0, 0, 0) };
  const fixed = importFor(resize, registry, given);
  assert.equal(fixed.fixed, ["scales"]);
  assert.equal(names(fixed), ["x", "z"]);
  const add = encodeModel({
    opset: 13,
    nodes: [node("Add", "a b", "y")],
    inputs: [value("a", INT64, [1]), value("b", INT64, [1])],
    outputs: [value("y", INT64, [1])],
  });
  const free = importFor(add, registry, { a: longs(1), b: longs(2) });
  assert.equal(free.fixed, []);
  assert.equal(names(free), ["a", "b"]);
});

const facts = (ops: string[], dtypes = ["FLOAT"], kinds: string[] = []): TestFacts => ({ ops, dtypes, kinds, opset: 13 });

test("exclusions go by operator, element type and kind", () => {
  assert.is(exclusionOf(facts(["Relu"])), null);
  assert.is(exclusionOf(facts(["Reshape", "Optionally"])), null);
  assert.match(String(exclusionOf(facts(["Equal"], ["BOOL", "STRING"]))), /^strings/);
  assert.match(String(exclusionOf(facts(["Add", "SequenceAt"]))), /^sequences/);
  assert.match(String(exclusionOf(facts(["Identity"], [], ["sequence"]))), /^sequences/);
  assert.match(String(exclusionOf(facts(["ai.onnx.ml:TreeEnsemble"]))), /trees/);
  assert.match(String(exclusionOf(facts(["ai.onnx.preview.training:Adam"]))), /^training/);
  assert.match(String(exclusionOf(facts(["Cast"], ["FLOAT8E5M2"]))), /^floats of 4 and 8 bits/);
});

const outcome = (verdict: Verdict, of: TestFacts = facts(["Relu"])): Outcome => ({
  verdict,
  detail: verdict === "mismatch" ? "output y: element 0" : null,
  facts: of,
  fixed: [],
  kernels: ["k"],
  materialized: 0,
});

test("the score: their passes, less what is out, on a device less other element types", () => {
  const outcomes = new Map<string, Outcome>([
    ["node/a", outcome("pass")],
    ["node/b", outcome("unsupported: E0604 no")],
    ["node/c", outcome("mismatch")],
    ["node/d", outcome("unsupported: strings", facts(["Equal"], ["STRING"]))],
    ["node/e", outcome("pass", facts(["Add"], ["DOUBLE"]))],
    ["node/f", outcome("error: it broke")],
  ]);
  const theirs = { "node/a": "pass", "node/b": "pass", "node/c": "unsupported", "node/d": "pass", "node/e": "pass", "node/f": "pass" };
  const reference = scoreOf("s", outcomes, theirs, "reference");
  assert.equal([reference.theirs, reference.counted, reference.pass, Object.keys(reference.missed)], [5, 4, 2, ["node/b", "node/f"]]);
  assert.equal([reference.mismatch, reference.excludedShare, reference.missedShare, reference.ok], [[], 0.2, 0.5, false]);
  const wasm = scoreOf("s", outcomes, theirs, "wasm");
  assert.equal([wasm.counted, wasm.pass], [3, 1]);
  const good = scoreOf("s", new Map([["node/a", outcome("pass")]]), theirs, "wasm");
  assert.ok(good.ok);
  assert.not.ok(scoreOf("s", new Map([["node/c", outcome("mismatch")]]), { "node/c": "pass" }, "wasm").ok);
});

test("the summary: a disputed mismatch does not fail a run, others and errors do", () => {
  const disputed = summarize("s", new Map([["node/test_cast_FLOAT_to_INT4", outcome("mismatch")]]));
  assert.equal([disputed.mismatch, disputed.ok, Object.keys(disputed.disputed)], [1, true, ["node/test_cast_FLOAT_to_INT4"]]);
  assert.not.ok(summarize("s", new Map([["node/test_add", outcome("mismatch")]])).ok);
  assert.not.ok(summarize("s", new Map([["node/test_add", outcome("error: it broke")]])).ok);
  assert.ok(summarize("s", new Map([["node/test_add", outcome("unsupported: E0604")]])).ok);
});

test("a test with a function's body written out is about the function", () => {
  const outcomes = new Map([
    ["node/test_celu", outcome("pass", facts(["Celu"]))],
    ["node/test_celu_expanded", outcome("pass", facts(["Add", "Constant", "Max"]))],
    ["node/test_alone_expanded", outcome("pass", facts(["Add", "Constant"]))],
  ]);
  assert.equal(subjects("node/test_celu_expanded", outcomes), ["Celu"]);
  assert.equal(subjects("node/test_alone_expanded", outcomes), ["Add"]);
  assert.equal(subjects("light/net", new Map([["light/net", outcome("pass", facts(["Add", "Conv", "MaxPool", "Relu"]))]])), []);
});

test.run();
