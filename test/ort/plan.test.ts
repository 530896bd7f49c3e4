/** @file What `compile` makes for target `ort-cpu`: one step over shared data, weights rebuilt by init, integers left to ONNX Runtime's own kernels, and refusals that name every op. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import { onnx } from "../../compiler/import/onnx/proto/gen/onnx.js";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { planFor } from "../../compiler/lower/plan.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import type { TargetSpec } from "../../compiler/target/target.ts";
import { readModule } from "../../compiler/text/index.ts";
import { constantBytes, type HostTensor, type Module, mainFunction, TersorError } from "../../ir-spec/index.ts";
import { checkSkeleton } from "../../runtime/backends/ort/check-skeleton.ts";
import { ort as backend, type OnnxRuntimeLoader } from "../../runtime/backends/ort/index.ts";
import { reference } from "../../runtime/backends/reference/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { type Backend, load, Tensor } from "../../runtime/index.ts";
import { bundleRuntime } from "../../scripts/bundle-runtime.mjs";
import { registry } from "../support/op-module.ts";
import { ort } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { needing } from "../support/skip.ts";

const ortTest = needing(test, "ort", ort !== null);
const target = builtinTargets.find(({ name }) => name === "ort-cpu") as TargetSpec;

const read = (body: string): Module => readModule(`tersor 1.0\nmodule @m {\n${body}\n}\n`, { registry });

/** A pruned and shared weight, a quantized one, plain ones; a mask that two weights share. */
const compressed = read(`
  func @main(%x: tensor<Nx6xf32>) -> (y: tensor<Nx4xf32>, "a b": tensor<Nx4xf32>) {
    %0 = nn.linear(%x, @w, @b)
    %1 = math.relu(%0)
    %y = nn.linear(%1, @v, _)
    %2 = math.add(%y, @b)
    return %y, %2
  }
  const @w : tensor<4x6xf32> = sparse.expand(@w.values, @w.mask) {shape = [4, 6], format = mask}
    const @w.values : tensor<12xf32> = codebook.lookup(@w.table, @w.codes)
      const @w.table : tensor<4xf32> = [-1.0, 0.5, 0.25, 2.0]
      const @w.codes : tensor<12xu2> = random(3)
    const @w.mask : tensor<24xu1> = hex"aa55aa"
  const @v : tensor<4x4xf32> = quant.dequantize(@v.q, @v.s, _) {axis = 0}
    const @v.q : tensor<4x4xi8> = random(5)
    const @v.s : tensor<4xf32> = [0.01, 0.02, 0.03, 0.04]
  const @b : tensor<4xf32> = [0.1, -0.2, 0.3, -0.4]
`);

/** Activations quantized as ONNX's QDQ has them; after relu the zero point is the least code, so that ONNX Runtime needs no relu. */
const quantized = read(`
  func @main(%x: tensor<Nx3x8x8xf32>) -> (y: tensor<Nx10xf32>) {
    %0 = quant.quantize(%x, @s, @z)
    %1 = quant.dequantize(%0, @s, @z)
    %2 = nn.conv(%1, @w, @b) {pad = [1, 1, 1, 1]}
    %3 = math.relu(%2)
    %4 = quant.quantize(%3, @t, @least)
    %5 = quant.dequantize(%4, @t, @least)
    %6 = shape.reshape(%5) {shape = [0, -1]}
    %7 = quant.quantize(%6, @t, @least)
    %8 = quant.dequantize(%7, @t, @least)
    %9 = nn.linear(%8, @f, _)
    %10 = quant.quantize(%9, @t, @z)
    %y = quant.dequantize(%10, @t, @z)
    return %y
  }
  const @s : tensor<f32> = 0.01
  const @t : tensor<f32> = 0.05
  const @z : tensor<i8> = -3
  const @least : tensor<i8> = -128
  const @w : tensor<4x3x3x3xf32> = quant.dequantize(@w.q, @w.s, _) {axis = 0}
    const @w.q : tensor<4x3x3x3xi8> = random(1)
    const @w.s : tensor<4xf32> = [0.001, 0.002, 0.001, 0.0015]
  const @b : tensor<4xf32> = quant.dequantize(@b.q, @b.s, _) {axis = 0}
    const @b.q : tensor<4xi32> = [1000, -2000, 3000, 400]
    const @b.s : tensor<4xf32> = [0.00001, 0.00002, 0.00001, 0.000015]
  const @f : tensor<10x256xf32> = quant.dequantize(@f.q, @f.s, _) {axis = 0}
    const @f.q : tensor<10x256xi8> = codebook.lookup(@f.table, @f.codes)
      const @f.table : tensor<16xi8> = random(7)
      const @f.codes : tensor<10x256xu4> = random(8)
    const @f.s : tensor<10xf32> = splat 0.001
`);

function skeletonOf(module: Module) {
  const plan = planFor(module, target, registry);
  const constant = plan.module.constants.get("onnx.graph");
  if (constant?.kind !== "data") throw new Error("no skeleton");
  const bytes = constantBytes(plan.module, constant);
  return { plan, bytes, graph: onnx.ModelProto.decode(bytes).graph };
}

function largestError(actual: Tensor | undefined, wanted: HostTensor | undefined): number {
  assert.equal(actual?.shape, wanted?.shape);
  return Math.max(...Array.from(wanted?.data as Float32Array, (v, i) => Math.abs(v - Number(actual?.data[i]))));
}

function random(module: Module, n: number): { readonly tensor: Tensor; readonly host: HostTensor } {
  const main = mainFunction(module);
  const [, ...rest] = main.values[main.params[0] ?? 0]?.type.shape ?? [];
  const host = seeded(n).tensor("f32", [n, ...(rest as number[])]);
  return { host, tensor: new Tensor("f32", host.data as Float32Array, host.shape) };
}

test("main is one step: the skeleton, the inputs, the weights", () => {
  const { plan, graph, bytes } = skeletonOf(compressed);
  const main = mainFunction(plan.module);
  assert.equal(
    main.ops.map((op) => op.attrs.get("kernel")),
    [{ kind: "string", value: "ort_graph" }],
  );
  assert.equal(plan.kernels.includes("ort_graph"), true);
  assert.equal(main.ops[0]?.operands[0], "onnx.graph");
  assert.is(graph?.initializer.length, 0);
  assert.equal(
    graph?.output.map(({ name }) => name),
    ["y", "a b"],
  );
  checkSkeleton(bytes);
  const init = plan.module.functions.get("init");
  assert.equal(init?.results.map(({ name }) => name).sort(), ["v", "w"]);
  assert.ok(main.ops[0]?.operands.includes("b"));
  assert.is(
    [...plan.module.constants.values()].every(({ kind }) => kind === "data"),
    true,
  );
});

test("the same module gives the same bytes, and names of values or sizes change nothing", async () => {
  const bytes = async (module: Module) => (await compile(module, { targets: ["ort-cpu"] })).bytes;
  assert.equal(await bytes(compressed), await bytes(compressed));
  const func = mainFunction(compressed);
  const values = func.values.map((value, id) => (func.params.includes(id) ? value : { ...value, name: `other${id}` }));
  const renamed = { ...compressed, name: "other", functions: new Map([["main", { ...func, values }]]) };
  assert.equal(skeletonOf(renamed).bytes, skeletonOf(compressed).bytes);
});

ortTest("one file for three targets: the weights are in it once, and all give one answer", async () => {
  const targets = ["wasm-simd", "ort-cpu", "reference"];
  const { bytes } = await compile(compressed, { targets });
  const alone = await Promise.all(targets.map(async (one) => (await compile(compressed, { targets: [one] })).bytes.length));
  const skeleton = skeletonOf(compressed).bytes.length;
  assert.ok(bytes.length < Math.max(...alone) + skeleton + 800, `${bytes.length} bytes; alone ${alone}, skeleton ${skeleton}`);
  for (const n of [1, 3]) {
    const { host, tensor } = random(compressed, n);
    const { outputs } = interpret(compressed, registry, { x: host });
    for (const engine of [wasm(), backend({ threads: 1 }), reference()] satisfies Backend[]) {
      const session = await load(bytes, { backends: [engine] });
      const answer = await session.run({ x: tensor });
      for (const name of ["y", "a b"]) assert.ok(largestError(answer[name], outputs[name]) < 1e-6, `${engine.name} ${name}`);
      session.dispose();
    }
  }
});

ortTest("next to quantized activations the codes are the initializers, and ONNX Runtime answers within a step a layer", async () => {
  const { plan, graph } = skeletonOf(quantized);
  const nodes = graph?.node.map(({ opType }) => opType) ?? [];
  assert.is(nodes.filter((type) => type === "DequantizeLinear").length, 4 + 3, nodes.join(" "));
  // The codes of the linear layer are shared: init looks them up.
  assert.equal(plan.module.functions.get("init")?.results, [{ name: "f.q", type: { dtype: "i8", shape: [10, 256] } }]);
  const { bytes } = await compile(quantized, { targets: ["ort-cpu"] });
  const session = await load(bytes, { backends: [backend({ threads: 1 })] });
  for (const n of [1, 3]) {
    const { host, tensor } = random(quantized, n);
    const { y } = await session.run({ x: tensor });
    const wanted = interpret(quantized, registry, { x: host }).outputs.y;
    const spread = new Set(wanted?.data as Float32Array).size;
    assert.ok(spread > 5, `only ${spread} different answers: nothing is tested`);
    // Each layer may round one step otherwise, and the second reads what the first gave. Products that saturate (`int8: "fast"` on some processors) are off in a third of all answers.
    assert.ok(largestError(y, wanted) <= 0.1001, "more than two steps");
    const equal = Array.from(wanted?.data as Float32Array).filter((value, i) => value === y?.data[i]).length;
    assert.ok(equal >= 0.9 * (wanted?.data.length ?? 0), `only ${equal} of ${wanted?.data.length} are equal`);
  }
  session.dispose();
});

/** Three quantized layers: two share a weight, and all share a zero point. */
const sharing = read(`
  func @main(%x: tensor<Nx8xf32>) -> (y: tensor<Nx8xf32>) {
    %0 = quant.quantize(%x, @s, @z)
    %1 = quant.dequantize(%0, @s, @z)
    %2 = nn.linear(%1, @w, _)
    %3 = quant.quantize(%2, @s, @z)
    %4 = quant.dequantize(%3, @s, @z)
    %5 = nn.linear(%4, @w, _)
    %6 = quant.quantize(%5, @s, @z)
    %7 = quant.dequantize(%6, @s, @z)
    %8 = nn.linear(%7, @v, _)
    %9 = quant.quantize(%8, @s, @z)
    %10 = quant.dequantize(%9, @s, @z)
    %11 = nn.linear(%10, @u, _)
    %12 = quant.quantize(%11, @s, @z)
    %y = quant.dequantize(%12, @s, @z)
    return %y
  }
  const @s : tensor<f32> = 0.02
  const @z : tensor<i8> = 3
  const @w : tensor<8x8xf32> = quant.dequantize(@w.q, @t, @zero) {axis = 0}
    const @w.q : tensor<8x8xi8> = random(1)
  const @v : tensor<8x8xf32> = quant.dequantize(@v.q, @t, @zero) {axis = 0}
    const @v.q : tensor<8x8xi8> = random(2)
  const @u : tensor<8x8xf32> = quant.dequantize(@u.q, @t, @zero) {axis = 0}
    const @u.q : tensor<8x8xi8> = random(3)
  const @t : tensor<8xf32> = splat 0.003
  const @zero : tensor<8xi8> = splat 0
`);

ortTest("weights and zero points that layers share do not trip ONNX Runtime's rewrites", async () => {
  const { plan, graph } = skeletonOf(sharing);
  const dequantized = graph?.node.filter(({ opType }) => opType === "DequantizeLinear").map(({ input }) => input) ?? [];
  const weights = dequantized.filter(([codes]) => codes?.endsWith(".q"));
  assert.equal(
    weights.map(([codes]) => codes),
    ["v.q", "u.q"],
  );
  assert.is(new Set(weights.map(([, , zero]) => zero)).size, 2);
  assert.equal(
    plan.module.functions.get("init")?.results.map(({ name }) => name),
    ["w"],
  );
  const { bytes } = await compile(sharing, { targets: ["ort-cpu"] });
  const session = await load(bytes, { backends: [backend({ threads: 1 })] });
  const { host, tensor } = random(sharing, 3);
  const { y } = await session.run({ x: tensor });
  const wanted = interpret(sharing, registry, { x: host }).outputs.y;
  assert.ok(new Set(wanted?.data as Float32Array).size > 5);
  assert.ok(largestError(y, wanted) <= 0.0201, `${largestError(y, wanted)}`);
  session.dispose();
});

ortTest("ONNX Runtime takes its int8 kernels for them", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tersor-ort-"));
  const optimizedModelFilePath = join(folder, "optimized.onnx");
  const create = (model: Uint8Array, options: object) => ort?.InferenceSession.create(model, { ...options, optimizedModelFilePath });
  const withDump: OnnxRuntimeLoader = async () => ({ Tensor: ort?.Tensor, InferenceSession: { create } });
  try {
    const { bytes } = await compile(quantized, { targets: ["ort-cpu"] });
    const session = await load(bytes, { backends: [backend({ threads: 1, load: withDump })] });
    session.dispose();
    const types =
      onnx.ModelProto.decode(new Uint8Array(readFileSync(optimizedModelFilePath))).graph?.node.map(({ opType }) => opType) ?? [];
    assert.ok(types.includes("QLinearConv") && types.includes("QGemm"), types.join(" "));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("everything that ONNX cannot express is named, with its place", () => {
  const module = read(`
  func @main(%x: tensor<4xbf16>, %q: tensor<2x2xi8>) -> (y: tensor<2x2xi8>) {
    %0 = type.bitcast(%q) {to = u8}
    %y = type.bitcast(%0) {to = i8}
    return %y
  }`);
  try {
    planFor(module, target, registry);
    assert.unreachable("it compiled");
  } catch (error) {
    if (!(error instanceof TersorError)) throw error;
    assert.equal(
      error.problems.map(({ code }) => code),
      ["E0806", "E0806", "E0806"],
    );
    assert.match(error.message, "input %x");
    assert.match(error.message, "bf16");
    assert.match(error.message, /%y = type\.bitcast.*ort-cpu/);
  }
});

ortTest("inputs and constants may be outputs", async () => {
  const module = read(`
  func @main(%x: tensor<Nx2xf32>) -> (x: tensor<Nx2xf32>, c: tensor<2xi64>, d: tensor<3xf32>, z: tensor<Nx2xf32>) {
    return %x, @c, @d, %x
  }
  const @c : tensor<2xi64> = [-1, 9007199254740993]
  const @d : tensor<3xf32> = math.neg(@e)
    const @e : tensor<3xf32> = [1.0, 2.0, 3.0]`);
  const { bytes } = await compile(module, { targets: ["ort-cpu"] });
  const session = await load(bytes, { backends: [backend({ threads: 1 })] });
  const { x, c, d, z } = await session.run({ x: new Tensor("f32", Float32Array.of(1, 2), [1, 2]) });
  assert.equal([...(x?.data ?? [])], [1, 2]);
  assert.equal([...(z?.data ?? [])], [1, 2]);
  assert.equal([...(c?.data ?? [])], [-1n, 9007199254740993n]);
  assert.equal([...(d?.data ?? [])], [-1, -2, -3]);
  session.dispose();
});

test("where the package is missing, the next backend answers and says why", async () => {
  const { bytes } = await compile(compressed, { targets: ["ort-cpu", "wasm-simd"] });
  const missing = backend({ load: () => Promise.reject(new Error("not found")) });
  const session = await load(bytes, { backends: [missing, wasm()] });
  assert.is(session.info.backend, "wasm");
  assert.match(session.info.skipped[0]?.reason ?? "", "npm install onnxruntime-node");
  session.dispose();
});

test("no bundle has onnxruntime-node in it: the runtime's, and that of the entry `runtime/ort`", async () => {
  const runtime = await bundleRuntime();
  assert.equal(
    runtime.modules.filter((module) => /onnxruntime|backends\/ort\//.test(module)),
    [],
  );
  const entry = await bundleRuntime(["runtime/backends/ort/index.ts"], []);
  assert.ok(entry.modules.includes("runtime/backends/ort/executable.ts"));
  assert.equal(
    entry.modules.filter((module) => /node_modules\/(?!flatbuffers\/)/.test(module)),
    [],
  );
  const folder = mkdtempSync(join(tmpdir(), "tersor-ort-"));
  try {
    // Where no node_modules can be found from here.
    writeFileSync(join(folder, "app.mjs"), entry.code);
    const app = (await import(pathToFileURL(join(folder, "app.mjs")).href)) as { readonly part0: { readonly ort: typeof backend } };
    const error = await app.part0
      .ort()
      .open()
      .catch((cause: unknown) => cause);
    assert.match(String(error), /error\[R0401\].*npm install onnxruntime-node/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
