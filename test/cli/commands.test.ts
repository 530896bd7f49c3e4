/** @file `check`, `diff`, `bench`: what they find, their JSON keys and exit codes. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { check } from "../../compiler/cli/commands/check.ts";
import { diffModels } from "../../compiler/cli/commands/diff.ts";
import { loadConfig } from "../../compiler/cli/config.ts";
import { openModel } from "../../compiler/cli/models.ts";
import { createOutput } from "../../compiler/cli/output.ts";
import { interleaved } from "../../compiler/cli/stopwatch.ts";
import { createHost } from "../../compiler/plugin/host.ts";
import { TersorError } from "../../ir-spec/index.ts";
import { encodeModel, FLOAT, node, value } from "../import/model.ts";
import { ort } from "../support/ort.ts";
import { need } from "../support/skip.ts";
import { tersor } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "tersor-commands-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));
const output = createOutput(true);
const config = await loadConfig({});

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const text = (weights: string, tail = "math.relu(%a)") => `tersor 1.0

module @m {
  func @main(%x: tensor<Nx4xf32>) -> (y: tensor<Nx4xf32>) {
    %a = nn.linear(%x, @w)
    %y = ${tail}
    return %y
  }

  const @w : tensor<4x4xf32> = [${weights}]
}
`;
const ones = new Array(16).fill("1.0").join(", ");

test("check lists every unsupported node of an ONNX model at once, and nothing that follows from them", async () => {
  const x = value("x", FLOAT, [1, 4]);
  const y = value("y", FLOAT, [1, 4]);
  const nodes = [
    node("Adagrad", "x", "a"),
    node("Relu", "a", "b"),
    node("NGramRepeatBlock", "x", "c", {}, { domain: "com.microsoft" }),
    node("Add", "b c", "y"),
  ];
  const checked = await check(file("bad.onnx", encodeModel({ inputs: [x], outputs: [y], nodes })), ["wasm-simd"], config, output);
  assert.is(checked.ok, false);
  assert.equal(
    checked.problems.map((p) => p.code),
    ["E0604", "E0604"],
  );
  assert.match(checked.problems.map((p) => p.message).join(), /Adagrad.*com\.microsoft\.NGramRepeatBlock/);
});

test("check says per target what runs, bytes as emitted and predicted time; ops without a kernel are listed, all of them", async () => {
  const path = file("m.tir", text(ones));
  const checked = await check(path, ["wasm-simd", "reference"], config, output);
  assert.equal([checked.ok, checked.problems], [true, []]);
  assert.equal(checked.dims, [{ symbol: "N", original: null, boundBy: ["axis 0 of x"] }]);
  const [wasm, reference] = checked.targets;
  assert.ok((wasm?.bytes ?? 0) > 64 && (wasm?.predictedMs ?? 0) > 0 && wasm?.kernels === 2, JSON.stringify(wasm));
  assert.equal([reference?.ok, reference?.predictedMs], [true, null]);
  const wide = `tersor 1.0

module @m {
  func @main(%x: tensor<4xf64>) -> (y: tensor<4xf64>) {
    %a = math.erf(%x)
    %y = math.tanh(%a)
    return %y
  }
}
`;
  const refused = await check(file("wide.tir", wide), ["webgpu", "reference"], config, output);
  assert.equal(
    refused.targets.map((t) => t.ok),
    [false, true],
  );
  assert.equal(
    refused.problems.map((p) => `${p.target} ${p.code}`),
    ["webgpu E0801", "webgpu E0801"],
  );
});

test("check finds a size that no input decides; a wrong target or file is an error of the command", async () => {
  const undecided = `tersor 1.0

module @m {
  func @main(%x: tensor<[N * 2]xf32>) -> (y: tensor<[N * 2]xf32>) {
    %y = math.relu(%x)
    return %y
  }
}
`;
  const checked = await check(file("dims.tir", undecided), ["reference"], config, output);
  assert.is(checked.ok, false);
  assert.equal(
    checked.problems.map((p) => p.code),
    ["E0011"],
  );
  const code = (promise: Promise<unknown>) =>
    promise.then(
      () => "",
      (e: unknown) => (e instanceof TersorError ? e.code : e instanceof Error && "code" in e ? String(e.code) : String(e)),
    );
  assert.is(await code(check(file("m.tir", text(ones)), ["toaster"], config, output)), "E0804");
  assert.is(await code(check(join(folder, "none.onnx"), ["reference"], config, output)), "ENOENT");
  const ran = tersor("check", join(folder, "dims.tir"), "--json");
  assert.is(ran.status, 1, "something is wrong with the model");
  for (const key of ["model", "ok", "inputs", "outputs", "dims", "targets", "problems"]) assert.ok(key in ran.json(), key);
});

test("diff: ops added, removed and changed, constants' errors by hand, identical models", async () => {
  const { ops } = createHost(config.plugins);
  const open = (path: string) => openModel(path, { registry: ops });
  const a = await open(file("a.tir", text(ones)));
  const same = diffModels(a, await open(file("same.tir", text(ones))), ops, output);
  assert.equal([same.identical, same.ratio, same.constants[0]?.sqnr], [true, 1, null]);
  // One of sixteen ones becomes 1.5: noise 0.25 of energy 16.
  const b = diffModels(a, await open(file("b.tir", text(ones.replace("1.0", "1.5"), "math.tanh(%a)"))), ops, output);
  assert.is(b.identical, false);
  assert.equal(b.functions, [{ name: "main", opsA: 2, opsB: 2, added: ["%y = math.tanh"], removed: ["%y = math.relu"], changed: [] }]);
  assert.equal(
    b.constants.map(({ name, maxAbs, relativeRms, sqnr, bytesA, bytesB }) => [name, maxAbs, relativeRms, sqnr?.toFixed(4), bytesA, bytesB]),
    [["w", 0.5, 0.125, (10 * Math.log10(64)).toFixed(4), 64, 64]],
  );
  const wider = await open(file("c.tir", text(ones).replaceAll("tensor<4x4xf32>", "tensor<4x4xf32>").replaceAll("@w", "@v")));
  const c = diffModels(a, wider, ops, output);
  assert.equal([c.onlyA, c.onlyB], [["@w: tensor<4x4xf32>"], ["@v: tensor<4x4xf32>"]]);
  assert.equal(c.functions[0]?.changed, ["%a = nn.linear: operands"]);
});

test("contenders take turns, each round begins with the next one, warm-up is not counted", async () => {
  const order: string[] = [];
  const contender = (name: string) => ({ name, run: async () => void order.push(name) });
  const times = await interleaved([contender("a"), contender("b"), contender("c")], 2, 1);
  assert.is(order.join(""), "abcbcacab");
  assert.equal(
    times.map(({ name, runs }) => [name, runs]),
    [
      ["a", 2],
      ["b", 2],
      ["c", 2],
    ],
  );
});

test("bench times our backend beside ONNX Runtime, with the keys that scripts rely on", () => {
  if (!need("ort", ort !== null, "bench beside ONNX Runtime")) return;
  const ran = tersor(
    "bench",
    file("m.tir", text(ones)),
    "--runs",
    "3",
    "--warmup",
    "1",
    "--batch",
    "2",
    "--backend",
    "wasm,reference",
    "--json",
  );
  assert.is(ran.status, 0, ran.stdout + ran.stderr);
  const report = ran.json() as { rivals: Record<string, unknown>[]; backends: { backend: string; predictedMs: number | null }[] } & Record<
    string,
    unknown
  >;
  for (const key of ["model", "backend", "threads", "msMedian", "msMin", "runs", "predictedMs", "rivals"]) assert.ok(key in report, key);
  assert.equal([report.backend, report.threads, report.runs, report.inputs], ["wasm", 1, 3, { x: [2, 4] }]);
  for (const key of ["name", "version", "msMedian", "ratio"]) assert.ok(key in (report.rivals[0] ?? {}), key);
  assert.ok(Math.abs(Number(report.rivals[0]?.ratio) - Number(report.rivals[0]?.msMedian) / Number(report.msMedian)) < 1e-9);
  assert.equal(
    report.backends.map((b) => [b.backend, b.predictedMs !== null]),
    [
      ["wasm", true],
      ["reference", false],
    ],
  );
});

test("compile --report and --preprocess write whole files; a wrong record leaves both alone and names its file", () => {
  const model = file("m.tir", text(ones));
  const [out, page] = [join(folder, "m.tsr"), join(folder, "m.html")];
  const record = file("pixels.json", '{"scale": 1}');
  const wrong = tersor("compile", model, "-o", out, "--report", page, "--preprocess", record, "--json");
  assert.is(wrong.status, 1);
  const { error } = wrong.json() as { error: { code: string; where: string } };
  assert.is(error.code, "E0915");
  assert.ok(error.where.startsWith(record), error.where);
  const ran = tersor("compile", model, "-o", out, "--report", page, "--json");
  assert.is(ran.status, 0, ran.stdout + ran.stderr);
  assert.is(ran.json().report, page);
  assert.match(readFileSync(page, "utf8"), /^<!doctype html>/);
});

test.run();
