/** @file The command line as a user meets it: processes, exit codes, JSON keys, whole files. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { createOutput } from "../../compiler/cli/output.ts";
import { buildProgram } from "../../compiler/cli/program.ts";
import { DATA, hasData, ROOT } from "../support/data.ts";
import { ort } from "../support/ort.ts";
import { need } from "../support/skip.ts";
import { tersor } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "tersor-cli-"));
const digits = join(ROOT, "examples/digits/lenet5.tir");
const onnx = join(DATA, "models/mnist-cnn-op8.onnx");

test.after(() => rmSync(folder, { recursive: true, force: true }));

test("compile writes one file, the same bytes in two processes, at least 20 times smaller than the float32 weights", () => {
  const [a, b] = [join(folder, "a.tsr"), join(folder, "b.tsr")];
  const first = tersor("compile", digits, "-o", a, "--preset", "default", "--data", "digits", "--json");
  assert.is(first.status, 0, first.stderr);
  const report = first.json();
  for (const key of ["input", "output", "target", "bytesIn", "bytesOut", "pipeline", "passes", "warnings"]) assert.ok(key in report, key);
  assert.is(report.bytesOut, readFileSync(a).length);
  tersor("compile", digits, "-o", b, "--preset", "default", "--data", "digits");
  assert.is(Buffer.compare(readFileSync(a), readFileSync(b)), 0);
  const weights = readFileSync(join(ROOT, "examples/digits/lenet5.bin")).length;
  assert.ok(readFileSync(a).length * 20 <= weights, `${readFileSync(a).length} bytes of ${weights}`);
  assert.equal(readdirSync(folder).sort(), ["a.tsr", "b.tsr"], "no temporary file is left");
});

test("eval, run, inspect and print read the compiled file", () => {
  const file = join(folder, "a.tsr");
  const evaluated = tersor("eval", file, "--data", "digits", "--limit", "500", "--runs", "5", "--json").json();
  for (const key of ["model", "backend", "data", "metric", "value", "count", "bytes", "msMedian"]) assert.ok(key in evaluated, key);
  assert.is(evaluated.count, 500);
  assert.ok(Number(evaluated.value) > 0.97, String(evaluated.value));
  const run = tersor("run", file, "--seed", "1", "--dim", "N=2", "--json").json() as { outputs: { shape: number[]; values: number[] }[] };
  assert.equal(run.outputs[0]?.shape, [2, 10]);
  const inspected = tersor("inspect", file, "--json").json() as { layers: Record<string, unknown>[] };
  for (const key of ["name", "op", "shape", "params", "storedBytes", "encoding", "macs", "predictedMs"])
    assert.ok(key in (inspected.layers[0] ?? {}), key);
  const printed = tersor("print", file).stdout;
  assert.match(printed, /^tersor 1\.0\n/);
  writeFileSync(join(folder, "again.tir"), printed);
  assert.is(tersor("print", join(folder, "again.tir")).stdout, printed, "canonical text prints as itself");
});

test("an ONNX model prints the same text through .tir and .tsr", () => {
  if (!need("data", hasData, "an ONNX model prints the same text through .tir and .tsr")) return;
  const printed = tersor("print", onnx).stdout;
  writeFileSync(join(folder, "m.tir"), printed);
  assert.is(tersor("print", join(folder, "m.tir")).stdout, printed);
});

test("verify compares with ONNX Runtime on both backends", () => {
  if (!need("data", hasData, "verify") || !need("ort", ort !== null, "verify")) return;
  for (const backend of ["wasm", "reference"]) {
    const report = tersor("verify", onnx, "--backend", backend, "--seed", "7", "--json").json();
    for (const key of ["model", "backend", "ok", "maxAbs", "maxRel", "outputs"]) assert.ok(key in report, key);
    assert.is(report.ok, true);
    assert.ok(Number(report.maxRel) <= 1e-4);
  }
});

test("opt prints the pipeline and runs exactly the passes", () => {
  const file = join(folder, "small.tir");
  writeFileSync(
    file,
    "tersor 1.0\n\nmodule @m {\n  func @main(%x: tensor<4xf32>) -> (y: tensor<4xf32>) {\n    %dead = math.neg(%x)\n    %y = math.relu(%x)\n    return %y\n  }\n}\n",
  );
  assert.is(tersor("opt", file, "--pipeline", "dce,  cse", "--print-pipeline").stdout, "dce,cse\n");
  const result = tersor("opt", file, "--pipeline", "dce");
  assert.not.match(result.stdout, /math\.neg/);
  assert.match(result.stdout, /math\.relu/);
});

test("failures have a code, a place and the right exit code, and leave the old file alone", () => {
  const target = join(folder, "kept.tsr");
  writeFileSync(target, "old");
  const compiled = join(folder, "a.tsr");
  const cases: readonly (readonly [readonly string[], number, string])[] = [
    [["compile", join(folder, "missing.onnx"), "-o", target], 1, "E0002"],
    [["compile", join(ROOT, "package.json"), "-o", target], 1, "E0004"],
    [["compile", digits, "-o", target, "--passes", "prune-magnitud{sparsity=50%}"], 1, "E0702"],
    [["compile", digits, "-o", target, "--passes", "prune-magnitude{sparsity=2}"], 1, "E0703"],
    [["compile", digits, "-o", target, "--target", "toaster"], 1, "E0804"],
    [["compile", digits], 2, "E0001"],
    [["eval", target, "--data", "digits", "--limit", "5"], 1, "E0004"],
    [["eval", target], 2, "E0001"],
    [["eval", compiled, "--data", "nonsense:x"], 1, "D0110"],
    [["run", compiled, "--seed", "1", "--config", join(folder, "none.ts")], 1, "E0002"],
  ];
  for (const [args, status, code] of cases) {
    const result = tersor(...args, "--json");
    assert.is(result.status, status, `${args.join(" ")}: ${result.stdout}${result.stderr}`);
    const { error } = result.json() as { error: { code: string; message: string; where: string } };
    assert.ok(error.code.startsWith(code), `${args.join(" ")}: ${error.code}, expected ${code}`);
    assert.ok(error.message.length > 0);
  }
  assert.is(readFileSync(target, "utf8"), "old");
  assert.not.ok(existsSync(join(folder, "missing.tsr")));
});

test("help shows an example for every command, and every command has --json and --config", () => {
  const program = buildProgram(
    () => createOutput(true),
    () => undefined,
  );
  const names = program.commands.map((command) => command.name());
  const expected = "bench calibrate check compile conformance convert diff eval inspect opt print run start verify".split(" ");
  assert.equal([...names].sort(), expected);
  for (const command of program.commands) {
    const help: string[] = [];
    command.configureOutput({ writeOut: (text) => void help.push(text) }).outputHelp();
    for (const part of [/Example:\n {2}\S/, /--json/, /--config <file>/]) assert.match(help.join(""), part, command.name());
  }
});

test.run();
