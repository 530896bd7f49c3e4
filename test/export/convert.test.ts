/** @file `tersor convert` as a user meets it: formats by name, JSON keys, exit codes, whole files. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { addConvert } from "../../compiler/cli/commands/convert.ts";
import { describeFailure, type Failure } from "../../compiler/cli/failure.ts";
import { createOutput } from "../../compiler/cli/output.ts";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { compile } from "../../compiler/compile.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { readModule } from "../../compiler/text/index.ts";
import { ort, runOrt } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { needing } from "../support/skip.ts";
import { assertClose, decoded, operators, registry } from "./support.ts";

const oracle = needing(test, "ort", ort !== null);
const folder = mkdtempSync(join(tmpdir(), "tersor-convert-"));
const at = (name: string): string => join(folder, name);
test.after(() => rmSync(folder, { recursive: true, force: true }));

const text = `tersor 1.0
module @small {
  resource @weights = "small.bin"
  func @main(%image: tensor<Nx64xf32>) -> (probs: tensor<Nx32xf32>) {
    %h = nn.linear(%image, @w, _) {activation = relu}
    %probs = math.softmax(%h) {axis = 1}
    return %probs
  }
  const @w : tensor<32x64xf32> = @weights[0, 8192]
}
`;
const weights = seeded(1).tensor("f32", [32, 64]).data as Float32Array;
const image = seeded(2).tensor("f32", [3, 64]);
writeFileSync(at("small.tir"), text);
writeFileSync(at("small.bin"), new Uint8Array(weights.buffer));
const module = readModule(text, { registry, resources: () => new Uint8Array(weights.buffer) });

interface Outcome {
  readonly status: number;
  readonly result: Readonly<Record<string, unknown>>;
  readonly error: Failure | null;
}

/** The command as the program runs it, in this process. */
async function convert(...args: readonly string[]): Promise<Outcome> {
  const results: Readonly<Record<string, unknown>>[] = [];
  const output = { ...createOutput(true), result: (object: Readonly<Record<string, unknown>>) => void results.push(object) };
  const program = new Command().exitOverride();
  addConvert(program, () => output);
  try {
    await program.parseAsync(["node", "tersor", "convert", ...args]);
  } catch (thrown) {
    const error = describeFailure(thrown);
    return { status: error.exitCode, result: {}, error };
  }
  return { status: 0, result: results[0] ?? {}, error: null };
}

oracle(".tir to .onnx, which ONNX Runtime runs as the interpreter runs the module", async () => {
  const made = await convert(at("small.tir"), "-o", at("small.onnx"));
  assert.is(made.status, 0, made.error?.text);
  const model = new Uint8Array(readFileSync(at("small.onnx")));
  const [input, output, bytesIn] = [at("small.tir"), at("small.onnx"), text.length];
  assert.equal(made.result, { input, output, format: "onnx", bytesIn, bytesOut: model.length, opset: 21 });
  assertClose(await runOrt(model, { image }), interpret(module, registry, { image }).outputs, 1e-5, "small");
  assert.equal(readdirSync(folder).sort(), ["small.bin", "small.onnx", "small.tir"], "no temporary file is left");
});

oracle(".onnx to .tir text that needs no other file, and back", async () => {
  const made = await convert(at("small.onnx"), "-o", at("again.tir"));
  assert.is(made.status, 0, made.error?.text);
  assert.equal([made.result.format, made.result.opset], ["tir", null]);
  const again = readModule(readFileSync(at("again.tir"), "utf8"), { registry });
  assertClose(interpret(again, registry, { image }).outputs, interpret(module, registry, { image }).outputs, 0, "again");
  assert.is((await convert(at("small.tir"), "-o", at("own.tir"))).status, 0);
  assert.not.match(readFileSync(at("own.tir"), "utf8"), /resource/);
});

oracle("a quantized .tsr: integers by default, floats with --weights dense, another --opset; the pipeline is noted", async () => {
  const result = await compile(module, { plugins: bundledPlugins(), pipeline: "quantize{bits=8}" });
  writeFileSync(at("small.tsr"), result.bytes);
  for (const [flags, ops] of [
    [[], ["DequantizeLinear", "Gemm", "Relu", "Softmax"]],
    [
      ["--weights", "dense", "--opset", "17"],
      ["Gemm", "Relu", "Softmax"],
    ],
  ] as const) {
    const made = await convert(at("small.tsr"), "-o", at("quantized.onnx"), ...flags);
    assert.is(made.status, 0, made.error?.text);
    const model = new Uint8Array(readFileSync(at("quantized.onnx")));
    assert.equal(operators(model), ops);
    assert.is(made.result.opset, flags.length === 0 ? 21 : 17);
    assert.match(decoded(model).metadataProps.find((p) => p.key === "com.tersor.pipeline")?.value ?? "", /quantize\{bits=8\}/);
    assertClose(await runOrt(model, { image }), interpret(result.module, registry, { image }).outputs, 1e-5, "quantized");
  }
});

test("failures: wrong usage is exit code 2, work that fails 1, and neither leaves or changes a file", async () => {
  const refused = async (flags: readonly string[], status: number, code: string, message: RegExp): Promise<void> => {
    const { error, ...made } = await convert(...flags);
    assert.equal([made.status, error?.code], [status, code]);
    assert.match(error?.message ?? "", message);
  };
  const input = at("small.tir");
  await refused([input, "-o", at("x.tsr")], 2, "E0001", /convert writes \.onnx and \.tir/);
  await refused([input, "-o", at("x.onnx"), "--weights", "some"], 2, "E0001", /qdq, qdq-signed, nbits, dense, decode/);
  await refused([input, "-o", at("x.onnx"), "--opset", "1e1"], 2, "E0001", /not a number/);
  await refused([input, "-o", at("x.tir"), "--opset", "17"], 2, "E0001", /are for \.onnx/);
  await refused([input, "-o", at("x.onnx"), "--opset", "5"], 1, "E1007", /13 to 26/);
  assert.not.ok(existsSync(at("x.onnx")));
  const { bytes } = await compile(module, { plugins: bundledPlugins(), targets: ["wasm-simd"] });
  writeFileSync(at("plan.tsr"), bytes);
  writeFileSync(at("kept.onnx"), "old");
  await refused([at("plan.tsr"), "-o", at("kept.onnx")], 1, "R0207", /keeps no source functions: compile it with target reference/);
  assert.is(readFileSync(at("kept.onnx"), "utf8"), "old");
});

test.run();
