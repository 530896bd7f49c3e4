/**
 * @file Plans of two backends: steps on the device and on wasm in turn, values that cross once, inputs and results on either side, what is said when a backend is missing, and what a
 * file that does not fit together does.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { create, globals } from "webgpu";
import { difference } from "../../compiler/cli/commands/verify.ts";
import { compile } from "../../compiler/compile.ts";
import { emitFile } from "../../compiler/emit/emit.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { type Lowered, lower } from "../../compiler/lower/lower.ts";
import { planFor } from "../../compiler/lower/plan.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import type { TargetSpec } from "../../compiler/target/target.ts";
import { readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry, type HostTensor, type Module } from "../../ir-spec/index.ts";
import type { Plan, PlanStep } from "../../runtime/backend.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { type WebGpuTensor, webgpu } from "../../runtime/backends/webgpu/index.ts";
import { segmentsOf } from "../../runtime/backends/webgpu/mixed/segments.ts";
import { type Backend, load, Tensor } from "../../runtime/index.ts";
import type { Manifest } from "../../runtime/manifest.ts";
import { DATA, hasData } from "../support/data.ts";
import { toTensor } from "../support/op-module.ts";
import { ort, runOrt } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { need } from "../support/skip.ts";

Object.assign(globalThis, globals);

const registry = createCoreRegistry();
const targetNamed = (name: string): TargetSpec => {
  const target = builtinTargets.find((t) => t.name === name);
  if (!target) throw new Error(`no target ${name}`);
  return target;
};
const wasmTarget = targetNamed("wasm-simd");

/** webgpu without these ops, with copies that cost nothing, so that small networks are cut wherever they can be. */
function without(...ops: readonly string[]): TargetSpec {
  const target = targetNamed("webgpu");
  const free = { launch: 0, byteNs: 0 };
  const manifest: Manifest = {
    ...(target.manifest as Manifest),
    kernels: (target.manifest as Manifest).kernels.filter(({ op }) => !ops.includes(op)),
    copies: { upload: free, readBack: free },
  };
  return { ...target, manifest };
}

const gpu = create([]);
const adapter = await gpu.requestAdapter().catch(() => null);
const here = (what: string): boolean => need("webgpu", adapter !== null, what);

function fileOf({ module, target }: Pick<Lowered, "module" | "target">): Uint8Array {
  return emitFile({ plans: [{ target, module }], build: { tersor: "test", pipeline: "" } });
}

/** Sides change four times; %0 is read on both; the fallback's weights are compressed and rebuilt there; two results on either side. */
const text = `tersor 1.0

module @zigzag {
  func @main(%x: tensor<Nx6xf32>, %b: tensor<Nx6xf32>) -> (y: tensor<Nx6xf32>, z: tensor<Nx6xf32>, same: tensor<Nx6xf32>) {
    %0 = nn.linear(%x, @w, _)
    %1 = math.sigmoid(%0)
    %2 = math.mul(%1, @scale)
    %3 = math.add(%2, %0)
    %4 = nn.linear(%3, @w, _)
    %5 = math.sigmoid(%4)
    %6 = math.add(%5, %b)
    %y = math.mul(%6, %0)
    %z = math.sigmoid(%b)
    return %y, %z, %b
  }

  const @w : tensor<6x6xf32> = quant.dequantize(@w.q, @w.s, _) {axis = 0}
    const @w.q : tensor<6x6xi8> = [${Array.from({ length: 36 }, (_, i) => ((i * 37) % 41) - 20).join(", ")}]
    const @w.s : tensor<6xf32> = [0.02, 0.03, 0.01, 0.02, 0.015, 0.025]
  const @scale : tensor<6xf32> = codebook.lookup(@scale.table, @scale.codes)
    const @scale.table : tensor<4xf32> = [0.5, 1.0, 1.5, -1.0]
    const @scale.codes : tensor<6xu2> = [0, 1, 2, 3, 1, 0]
}
`;
const module = readModule(text, { registry });
const target = without("math.sigmoid");

const tensorsOf = (batch: number, seed: number) => {
  const random = seeded(seed);
  const one = () => Float32Array.from({ length: batch * 6 }, () => random.unit() - 0.5);
  return { x: one(), b: one() };
};

function expected(of: Module, batch: number, data: Readonly<Record<string, Float32Array>>): Readonly<Record<string, HostTensor>> {
  const inputs = Object.fromEntries(
    Object.entries(data).map(([name, values]) => [name, { dtype: "f32" as const, shape: [batch, 6], data: values }]),
  );
  return interpret(of, registry, inputs).outputs as Readonly<Record<string, HostTensor>>;
}

function near(actual: Tensor | undefined, wanted: HostTensor | undefined, what: string): void {
  assert.equal(actual?.shape, wanted?.shape, what);
  const worst = Math.max(0, ...Array.from(wanted?.data as Float32Array, (v, i) => Math.abs(v - Number(actual?.data[i]))));
  assert.ok(worst < 1e-5, `${what}: largest error ${worst}`);
}

test("sides change four times, for several batches in one session", async () => {
  if (!here("mixed plan")) return;
  const lowered = lower(module, target, registry, { fallback: wasmTarget });
  assert.ok(lowered.crossings.length >= 4, `${lowered.crossings.length} crossings`);
  const session = await load(fileOf(lowered), { backends: [webgpu({ gpu }), wasm()] });
  for (const [i, batch] of [1, 5, 0, 33, 5].entries()) {
    const data = tensorsOf(batch, i);
    const outputs = await session.run({ x: new Tensor("f32", data.x, [batch, 6]), b: new Tensor("f32", data.b, [batch, 6]) });
    const wanted = expected(module, batch, data);
    for (const name of ["y", "z", "same"]) near(outputs[name], wanted[name], `${name}, batch ${batch}`);
  }
  assert.is(session.info.backend, "webgpu");
  session.dispose();
});

test("runs that overlap give each its own answer", async () => {
  if (!here("overlapping runs of a mixed plan")) return;
  const session = await load(fileOf(lower(module, target, registry, { fallback: wasmTarget })), { backends: [wasm(), webgpu({ gpu })] });
  const batches = [3, 3, 8];
  const runs = batches.map((batch, i) => {
    const data = tensorsOf(batch, 10 + i);
    return session.run({ x: new Tensor("f32", data.x, [batch, 6]), b: new Tensor("f32", data.b, [batch, 6]) });
  });
  for (const [i, outputs] of (await Promise.all(runs)).entries())
    near(outputs.y, expected(module, batches[i] as number, tensorsOf(batches[i] as number, 10 + i)).y, `run ${i}`);
  session.dispose();
});

test("outputs on the device, and device tensors as inputs of either side", async () => {
  if (!here("device tensors in a mixed plan")) return;
  const backend = webgpu({ gpu });
  const session = await load(fileOf(lower(module, target, registry, { fallback: wasmTarget })), { backends: [backend, wasm()] });
  const data = tensorsOf(4, 77);
  const first = await session.run({ x: new Tensor("f32", data.x, [4, 6]), b: new Tensor("f32", data.b, [4, 6]) }, { outputs: "device" });
  const one = expected(module, 4, data);
  near(await (first.y as WebGpuTensor).read(), one.y, "y on the device");
  const second = await session.run({ x: first.y as WebGpuTensor, b: first.z as WebGpuTensor });
  const two = expected(module, 4, { x: one.y?.data as Float32Array, b: one.z?.data as Float32Array });
  for (const name of ["y", "z", "same"]) near(second[name], two[name], name);
  for (const tensor of Object.values(first)) tensor.dispose();
  session.dispose();
});

test("nothing of a run is left on the device", async () => {
  if (!here("memory of a mixed plan")) return;
  const session = await load(fileOf(lower(module, target, registry, { fallback: wasmTarget })), { backends: [webgpu({ gpu }), wasm()] });
  const data = tensorsOf(2, 5);
  const inputs = { x: new Tensor("f32", data.x, [2, 6]), b: new Tensor("f32", data.b, [2, 6]) };
  const kept = await session.run(inputs, { outputs: "device" });
  await session.run(inputs);
  const tensors = (kept.y as WebGpuTensor).device.tensors;
  assert.is(tensors.size, 3, "the caller's own three");
  for (const tensor of Object.values(kept)) tensor.dispose();
  assert.is(tensors.size, 0);
  session.dispose();
});

test("a result that is a constant", async () => {
  if (!here("constant result of a mixed plan")) return;
  const source = text.replace("same: tensor<Nx6xf32>)", "same: tensor<6x6xf32>)").replace("return %y, %z, %b", "return %y, %z, @w");
  const changed = readModule(source, { registry });
  const session = await load(fileOf(lower(changed, target, registry, { fallback: wasmTarget })), { backends: [webgpu({ gpu }), wasm()] });
  const data = tensorsOf(2, 6);
  const outputs = await session.run({ x: new Tensor("f32", data.x, [2, 6]), b: new Tensor("f32", data.b, [2, 6]) });
  const wanted = expected(changed, 2, data);
  for (const name of ["y", "z", "same"]) near(outputs[name], wanted[name], name);
  session.dispose();
});

test("limits hold for all segments together", async () => {
  if (!here("limits of a mixed plan")) return;
  const bytes = fileOf(lower(module, target, registry, { fallback: wasmTarget }));
  const fails = async (work: () => Promise<unknown>): Promise<string> => {
    const error = await work().then(
      () => null,
      (e: Error) => e,
    );
    return error?.message ?? "it ran";
  };
  const open = (limits: object) => load(bytes, { backends: [webgpu({ gpu }), wasm()], ...limits });
  // A sample takes 222 operations, the largest segment about half of them.
  const session = await open({ maxWork: 1500 });
  const zeros = (batch: number) => new Tensor("f32", new Float32Array(batch * 6), [batch, 6]);
  const inputsOf = (batch: number) => ({ x: zeros(batch), b: zeros(batch) });
  const run = (batch: number) => session.run(inputsOf(batch));
  await run(1);
  assert.match(await fails(() => run(10)), /R0410.*limit is 1500/);
  await run(2);
  assert.match(await fails(() => run(10)), /R0410/, "refused again, though some segments know the sizes now");
  session.dispose();
  // A value of 100 samples takes 2,400 bytes: no segment has more than five, all together have more.
  const narrow = await open({ maxMemory: 14_000 });
  await narrow.run(inputsOf(1));
  assert.match(await fails(() => narrow.run(inputsOf(100))), /R0411.*limit is 14000/);
  narrow.dispose();
});

/** Says that it is the backend, and would run anything. */
const never: Backend = {
  name: "webgpu",
  targets: ["webgpu"],
  companions: ["wasm"],
  open: async () => {},
  hasKernel: () => true,
  prepare: () => Promise.reject(new Error("it was prepared")),
  dispose: () => {},
};

test("a missing backend is an error with the line to write", async () => {
  const bytes = fileOf(lower(module, target, registry, { fallback: wasmTarget }));
  const error = await load(bytes, { backends: [never] }).then(
    () => null,
    (e: Error) => e,
  );
  assert.match(error?.message ?? "", /R0415.*steps run on backend wasm.*load\(source, \{ backends: \[webgpu\(\), wasm\(\)\] \}\)/s);
});

test("a backend that takes no steps of others refuses such a plan", async () => {
  const bytes = fileOf(lower(module, target, registry, { fallback: wasmTarget }));
  const alone: Backend = { ...never, companions: [] };
  const error = await load(bytes, { backends: [alone, wasm()], target: "webgpu" }).then(
    () => null,
    (e: Error) => e,
  );
  assert.match(error?.message ?? "", /R0406.*takes no steps of backend wasm/);
});

test("a kernel that the companion lacks is named with its backend", async () => {
  const lowered = lower(module, target, registry, { fallback: wasmTarget });
  const main = lowered.module.functions.get("main");
  if (!main) throw new Error("no main");
  const ops = main.ops.map((op) => {
    const kernel = op.attrs.get("kernel");
    const other = kernel?.kind === "string" && kernel.value === "f32_sigmoid";
    return other ? { ...op, attrs: new Map(op.attrs).set("kernel", { kind: "string" as const, value: "f32_nothing" }) } : op;
  });
  const changed = { ...lowered.module, functions: new Map(lowered.module.functions).set("main", { ...main, ops }) };
  const error = await load(fileOf({ ...lowered, module: changed }), { backends: [never, wasm()] }).then(
    () => null,
    (e: Error) => e,
  );
  assert.match(error?.message ?? "", /R0403.*backend wasm.*f32_nothing/);
});

/** A plan by hand: one f32 input, and steps over values. */
function planOf(steps: readonly (Pick<PlanStep, "kernel"> & { readonly on?: string; readonly reads: readonly number[] })[]): Plan {
  const vector = { dtype: "f32" as const, shape: [4] };
  return {
    target: "webgpu",
    init: { values: [], params: 0, steps: [], returns: [] },
    main: {
      values: Array.from({ length: steps.length + 1 }, () => vector),
      params: 1,
      steps: steps.map(({ kernel, on, reads }, i) => ({
        ...{ kernel, attrs: {}, origin: `step ${i}`, results: [i + 1] },
        operands: reads.map((value) => ({ kind: "value", value })),
        ...(on === undefined ? {} : { backend: on }),
      })),
      returns: [{ kind: "value", value: steps.length }],
    },
    inputCount: 1,
    constants: [],
  };
}

test("segments: what crosses, what stays, what is kept for later", () => {
  const { segments, hostInputs } = segmentsOf(
    planOf([
      { kernel: "relu", reads: [0] }, // 1, device
      { kernel: "rt.copy", on: "wasm", reads: [1] }, // 2
      { kernel: "f32_pow", on: "wasm", reads: [2, 2] }, // 3, host
      { kernel: "rt.copy", on: "webgpu", reads: [3] }, // 4
      { kernel: "add", reads: [4, 1] }, // 5, device: 1 never left
    ]),
  );
  assert.equal(
    segments.map(({ home, inputs, outputs }) => ({ home, inputs, outputs: outputs.map(({ value, place }) => `${value} ${place}`) })),
    [
      { home: "own", inputs: [0], outputs: ["1 host", "1 device"] },
      { home: "companion", inputs: [1], outputs: ["3 host"] },
      { home: "own", inputs: [3, 1], outputs: ["5 host"] },
    ],
  );
  assert.is(hostInputs.size, 0);
  for (const { plan } of segments) for (const step of plan.main.steps) assert.is(step.backend, undefined, "a plan of one backend");
});

const misfits: readonly (readonly [what: string, steps: Parameters<typeof planOf>[0], message: RegExp])[] = [
  [
    "a kernel reads what lies elsewhere",
    [
      { kernel: "relu", reads: [0] },
      { kernel: "f32_pow", on: "wasm", reads: [1, 1] },
    ],
    /R0407.*step 1.*on the other backend/,
  ],
  [
    "a copy of what is there already",
    [
      { kernel: "relu", reads: [0] },
      { kernel: "rt.copy", on: "webgpu", reads: [1] },
    ],
    /R0407.*step 1.*there already/,
  ],
  ["a copy of nothing", [{ kernel: "rt.copy", on: "wasm", reads: [] }], /R0407.*step 0.*another number/],
];
for (const [what, steps, message] of misfits) test(`refused: ${what}`, () => assert.throws(() => segmentsOf(planOf(steps)), message));

/** A file classifier, 2,048 bytes in: embeddings by comparison with 257 byte values, GELU by tanh, a convolution, matrix products. */
const magika = join(DATA, "models/magika-v3_3.onnx");

for (const lacking of [[], ["math.equal"], ["math.tanh", "reduce.max"]]) {
  const name = `magika without ${lacking.join(" and ") || "nothing"}, beside ONNX Runtime`;
  test(name, async () => {
    if (!need("data", hasData && existsSync(magika), name) || !need("ort", ort !== null, name) || !here(name)) return;
    const bytes = new Uint8Array(readFileSync(magika));
    const { module } = await compile(importOnnx(bytes, { registry }), { targets: ["reference"] });
    const own = targetNamed("webgpu");
    const all = own.manifest as Manifest;
    const manifest: Manifest = { ...all, kernels: all.kernels.filter(({ op }) => !lacking.includes(op)) };
    const lowered = planFor(module, { ...own, manifest }, registry, { fallback: wasmTarget });
    const places = new Set(lowered.placed.filter(({ why }) => why !== null).map(({ kind }) => kind));
    assert.equal([...places].sort(), [...lacking].sort());
    const data = Int32Array.from({ length: 2048 }, (_, i) => (i * i * 7 + i) % 257);
    const session = await load(fileOf(lowered), { backends: [webgpu({ gpu }), wasm()] });
    const ours = await session.run({ bytes: new Tensor("i32", data, [1, 2048]) });
    session.dispose();
    const theirs = await runOrt(bytes, { bytes: { dtype: "i32", shape: [1, 2048], data } });
    const { maxRel } = difference("target_label", ours.target_label, toTensor(theirs.target_label as HostTensor));
    process.stdout.write(`${name}: ${lowered.crossings.length} copies, ${maxRel.toExponential(1)}\n`);
    assert.ok(maxRel <= 1e-4, `${maxRel}`);
  });
}

test("refused: a plan that changes backends at every step", () => {
  const steps = Array.from({ length: 300 }, (_, i) => ({ kernel: "rt.copy", on: i % 2 === 0 ? "wasm" : "webgpu", reads: [i] }));
  assert.throws(() => segmentsOf(planOf(steps)), /R0407.*changes backends more than 256 times/);
});

test.run();
