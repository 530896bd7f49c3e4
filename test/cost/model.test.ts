/** @file The model asked: more work never takes less time, symbols take the sizes given, passes and warnings ask it, targets refuse what they cannot hold. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { calibrateCosts } from "../../compiler/cost/calibration/calibrate.ts";
import { calibrationCases, graphCases } from "../../compiler/cost/calibration/cases.ts";
import { fitErrors } from "../../compiler/cost/calibration/fit-errors.ts";
import { Net } from "../../compiler/cost/calibration/net.ts";
import { referenceKernel } from "../../compiler/cost/calibration/reference.ts";
import { wasmFamilies } from "../../compiler/cost/model.ts";
import { shippedProfile } from "../../compiler/cost/profiles/index.ts";
import {
  compile,
  costProfile,
  createHost,
  definePass,
  type Prediction,
  planFor,
  predictPlan,
  readProfile,
  targetNamed,
} from "../../compiler/index.ts";
import { definePlugin } from "../../compiler/plugin/plugin.ts";
import { dataConstant, dimSymbol, emptyFunction, emptyModule, type Module, ModuleEditor, tensorType } from "../../ir-spec/index.ts";
import { prune } from "../../plugins/prune/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load, Tensor } from "../../runtime/index.ts";

const host = createHost();
const target = targetNamed(host, "wasm-simd");

function total(module: Module, sizes: ReadonlyMap<string, number> = new Map()): number {
  return predictPlan(target, planFor(module, target, host.ops), sizes).total ?? Number.NaN;
}

function convNet(channels: number, side: number, kernel: number): Module {
  const net = new Net("c", host.ops, [1, channels, side, side]);
  return net.finish(net.conv(net.input, 2 * channels, kernel, { activation: "relu" }));
}

test("more channels, pixels or taps never take less time", () => {
  for (const [small, large] of [
    [convNet(8, 16, 3), convNet(16, 16, 3)],
    [convNet(8, 16, 3), convNet(8, 32, 3)],
    [convNet(8, 16, 3), convNet(8, 16, 5)],
    [convNet(64, 8, 1), convNet(512, 8, 1)],
  ] as const)
    assert.ok(total(small) < total(large), `${total(small)} ${total(large)}`);
});

test("symbols take the sizes that are given", () => {
  const type = tensorType("f32", [dimSymbol("N"), 64]);
  const editor = new ModuleEditor(
    { ...emptyModule("s"), functions: new Map([["main", emptyFunction("main", [{ name: "x", type }])]]) },
    host.ops,
  );
  editor.setConstant(dataConstant("w", tensorType("f32", [64, 64]), new Uint8Array(64 * 64 * 4)));
  const main = editor.function("main");
  main.setResults([{ name: "y", operand: main.one("nn.linear", [0, "w", null]) }]);
  const module = editor.freeze();
  const ratio =
    (total(module, new Map([["N", 512]])) - total(module, new Map([["N", 0]]))) /
    (total(module, new Map([["N", 256]])) - total(module, new Map([["N", 0]])));
  assert.ok(ratio > 1.9 && ratio < 2.1, `${ratio}`);
});

test("a pass asks its target what the module takes, before and after", async () => {
  const seen: Prediction[] = [];
  const asking = definePass({
    name: "ask",
    doc: "",
    stage: "any",
    options: {},
    run(module, ctx) {
      if (ctx.target) seen.push(ctx.target.cost(module));
      return module;
    },
  });
  await compile(convNet(8, 16, 3), {
    plugins: [definePlugin({ name: "ask", version: "1.0.0", apiVersion: 1, passes: [asking] })],
    pipeline: "ask",
  });
  assert.is(seen.length, 1);
  assert.equal(
    seen[0]?.steps.map(({ kernel }) => kernel),
    ["f32_conv"],
  );
  assert.ok((seen[0]?.total ?? 0) > 0);
});

test("warning: zeros that no kernel of the target skips", async () => {
  const { warnings } = await compile(convNet(8, 8, 3), { plugins: [prune()], pipeline: "prune-magnitude{sparsity=75%}" });
  const said = warnings.filter((w) => /^wasm-simd: 1 weight holds zeros that no kernel chosen here skips: @\S+ \(7\d %\)/.test(w));
  assert.is(said.length, 1, warnings.join("\n"));
  const { warnings: none } = await compile(convNet(8, 8, 3), {});
  assert.not.ok(none.some((w) => w.includes("zeros")));
});

test("warning: integers that are predicted to be slower than floats; none where they are faster", async () => {
  const net = new Net("q", host.ops, [1, 16, 16, 16]);
  const module = net.finish(net.byteConv(net.byteConv(net.rounded(net.input), 16, 3), 16, 3));
  const shipped = shippedProfile("wasm-simd");
  assert.ok(shipped);
  const slow = readProfile(
    JSON.stringify({ ...shipped, kernels: { ...shipped.kernels, i8_conv: { launch: 1e5 }, i8_conv_grouped: { launch: 1e5 } } }),
    "slow",
  );
  const { warnings } = await compile(module, { plugins: [costProfile(slow)] });
  assert.ok(
    warnings.some((w) =>
      /^wasm-simd: integer layers and their borders are predicted to take 200\.\d\d ms, the float ones .*int8 does not pay here/.test(w),
    ),
    warnings.join("\n"),
  );
  const fast = readProfile(
    JSON.stringify({ ...shipped, kernels: { ...shipped.kernels, i8_conv: { launch: 0.001 }, f32_quantize_i8: {}, i8_dequantize_f32: {} } }),
    "fast",
  );
  const { warnings: quiet } = await compile(module, { plugins: [costProfile(fast)] });
  assert.not.ok(
    quiet.some((w) => w.includes("does not pay")),
    quiet.join("\n"),
  );
});

test("what a target cannot hold is refused by name", () => {
  const webgpu = targetNamed(host, "webgpu");
  const net = new Net("big", host.ops, [1, 64, 1024, 1024]);
  const module = net.finish(net.one("math.relu", [net.input]));
  assert.throws(
    () => planFor(module, webgpu, host.ops),
    /E0807.*webgpu holds tensors of at most 134217728 bytes; %x is tensor<1x64x1024x1024xf32>, 268435456 bytes/s,
  );
  assert.is(planFor(module, target, host.ops).steps.length, 1);
});

test("cases are the same in every run, and every beginning has some of every kind", () => {
  const names = (list: readonly { readonly name: string }[]) => list.map(({ name }) => name).join();
  assert.is(names(calibrationCases(host.ops)), names(calibrationCases(host.ops)));
  assert.is.not(names(calibrationCases(host.ops)), names(graphCases(host.ops)));
  const kinds = new Set(
    calibrationCases(host.ops)
      .slice(0, 200)
      .map(({ name }) => name.replace(/ \d+$/, "")),
  );
  for (const kind of ["conv", "depthwise", "linear", "int8 conv", "softmax", "transpose"]) assert.ok(kinds.has(kind), kind);
});

test("a short calibration gives a sound profile with its samples, and stops when asked", async () => {
  const reference = await referenceKernel(target, wasm(), host.ops);
  const options = {
    target,
    families: wasmFamilies,
    backend: wasm(),
    registry: host.ops,
    reference,
    machine: { cpu: "test", cores: 1, arch: "x64", engine: "test" },
  };
  const { profile, samples } = await calibrateCosts({ ...options, every: 40, budget: 2, mostMacs: 1e7 });
  assert.equal(readProfile(JSON.stringify(profile), "made"), profile);
  assert.ok(samples.runs.length >= 15, `${samples.runs.length}`);
  assert.ok("f32_conv" in profile.kernels && profile.referenceMicroseconds > 0);
  assert.is(fitErrors(profile, samples).length, samples.families.length);
  const stop = new AbortController();
  let calls = 0;
  const stopping = calibrateCosts({
    ...options,
    every: 40,
    budget: 1,
    signal: stop.signal,
    onProgress: () => ++calls === 3 && stop.abort(),
  });
  await stopping.then(
    () => assert.unreachable("it went on"),
    (error: unknown) => assert.is((error as Error).name, "AbortError"),
  );
  assert.is(calls, 3);
  reference.dispose();
});

test("a session times its steps, by kernel and origin; a backend that cannot says so", async () => {
  const { bytes } = await compile(convNet(4, 8, 3), { targets: ["wasm-simd", "reference"] });
  const session = await load(bytes, { backends: [wasm()] });
  const steps = session.profile({ x: new Tensor("f32", new Float32Array(4 * 64), [1, 4, 8, 8]) });
  assert.equal(
    steps.map(({ step, kernel }) => [step, kernel]),
    [[0, "f32_conv"]],
  );
  assert.ok((steps[0]?.ms ?? -1) >= 0);
  session.dispose();
  const { reference } = await import("../../runtime/backends/reference/index.ts");
  const slow = await load(bytes, { backends: [reference()] });
  assert.throws(() => slow.profile({ x: new Tensor("f32", new Float32Array(4 * 64), [1, 4, 8, 8]) }), /R0315.*cannot time its steps/s);
  slow.dispose();
});

test.run();
