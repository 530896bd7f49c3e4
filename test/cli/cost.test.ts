/** @file The commands that speak of time: `calibrate` writes a profile that `inspect` goes by, `compile` has a row per target, all with the keys that programs read. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { tersor } from "./support.ts";

const folder = mkdtempSync(join(tmpdir(), "tersor-cost-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const model = join(folder, "m.tir");
const ones = new Array(64).fill("1.0").join(", ");
writeFileSync(
  model,
  `tersor 1.0

module @m {
  func @main(%x: tensor<4x8xf32>) -> (y: tensor<4x8xf32>) {
    %a = nn.linear(%x, @w)
    %y = math.softmax(%a) {axis = 1}
    return %y
  }

  const @w : tensor<8x8xf32> = [${ones}]
}
`,
);

interface Inspected {
  readonly layers: readonly {
    readonly name: string;
    readonly predictedMs: number;
    readonly bytesMoved: number;
    readonly kernels: readonly string[];
  }[];
  readonly totals: { readonly predictedMs: number; readonly runMs: number; readonly macs: number; readonly bytesMoved: number };
  readonly measuredOn: { readonly cpu: string } | null;
}

function inspect(...flags: readonly string[]): Inspected {
  const ran = tersor("inspect", model, "--json", ...flags);
  assert.is(ran.status, 0, ran.stdout + ran.stderr);
  return ran.json() as unknown as Inspected;
}

test("inspect: predicted milliseconds per layer and in total beside MACs and bytes, which add up", () => {
  const { layers, totals, measuredOn } = inspect("--target", "wasm-simd");
  assert.equal(
    layers.map(({ name, kernels }) => [name, kernels]),
    [
      ["a", ["f32_linear"]],
      ["y", ["f32_softmax"]],
    ],
  );
  const sum = layers.reduce((s, l) => s + l.predictedMs, 0) + totals.runMs;
  assert.ok(totals.predictedMs > 0 && Math.abs(sum - totals.predictedMs) < 1e-9, `${sum} ${totals.predictedMs}`);
  assert.is(totals.macs, 256);
  assert.is(layers[0]?.bytesMoved, 4 * (32 + 64 + 32));
  assert.ok((measuredOn?.cpu ?? "") !== "");
  for (const target of ["ort-cpu", "reference"]) assert.is(inspect("--target", target).layers.length, 2, target);
});

test("calibrate writes profile and samples, and inspect goes by them", () => {
  const [profile, samples] = [join(folder, "here.json"), join(folder, "here.samples.json")];
  const ran = tersor("calibrate", "--target", "wasm-simd", "--minutes", "0.03", "-o", profile, "--json");
  assert.is(ran.status, 0, ran.stdout + ran.stderr);
  const made = ran.json() as { target: string; output: string; samples: string; families: { family: string; median: number }[] };
  assert.equal([made.target, made.output, made.samples], ["wasm-simd", profile, samples]);
  assert.ok(made.families.some(({ family }) => family === "f32_conv"));
  const written = JSON.parse(readFileSync(profile, "utf8")) as { measuredOn: { cpu: string }; kernels: Record<string, unknown> };
  assert.ok("f32_conv" in written.kernels && existsSync(samples));
  const doctored = {
    ...written,
    measuredOn: { ...written.measuredOn, cpu: "a toaster" },
    kernels: { ...written.kernels, f32_softmax: { launch: 12345 } },
  };
  writeFileSync(profile, JSON.stringify(doctored));
  const { layers, measuredOn } = inspect("--cost-profile", profile);
  assert.equal([layers[1]?.predictedMs, measuredOn?.cpu], [12.345, "a toaster"]);
});

test("a profile that is none, and minutes that are too many, are errors with a code", () => {
  const bad = join(folder, "bad.json");
  writeFileSync(bad, "{}");
  const ran = tersor("inspect", model, "--cost-profile", bad, "--json");
  assert.is(ran.status, 1);
  assert.is((ran.json() as { error: { code: string } }).error.code, "E0810");
  assert.is(tersor("calibrate", "--minutes", "6", "--json").status, 2);
  assert.is(tersor("calibrate", "--target", "toaster", "--json").status, 1);
});

test("compile: one file for several targets, a row for each with kernels, predicted and measured time, and bytes", () => {
  const out = join(folder, "m.tsr");
  const ran = tersor("compile", model, "-o", out, "--passes", "", "--target", "wasm-simd,webgpu,reference", "--json");
  assert.is(ran.status, 0, ran.stdout + ran.stderr);
  const { targets } = ran.json() as unknown as {
    targets: {
      target: string;
      kernels: { id: string; steps: number }[];
      predictedMs: number | null;
      measuredMs: number | null;
      weightBytes: number;
      note: string | null;
    }[];
  };
  assert.equal(
    targets.map((t) => t.target),
    ["wasm-simd", "webgpu", "reference"],
  );
  const [wasm, webgpu, reference] = targets;
  assert.equal(wasm?.kernels, [
    { id: "f32_linear", steps: 1 },
    { id: "f32_softmax", steps: 1 },
  ]);
  assert.ok((wasm?.predictedMs ?? 0) > 0 && (wasm?.measuredMs ?? 0) > 0 && (wasm?.weightBytes ?? 0) > 0, JSON.stringify(wasm));
  assert.ok((webgpu?.predictedMs ?? 0) > 0 && (webgpu?.measuredMs !== null || webgpu.note !== null), JSON.stringify(webgpu));
  assert.ok((reference?.measuredMs ?? 0) > 0);
  const quiet = tersor("compile", model, "-o", out, "--passes", "", "--no-measure", "--json");
  assert.is((quiet.json() as unknown as { targets: { measuredMs: number | null }[] }).targets[0]?.measuredMs, null);
});

test.run();
