/** @file Calibration: ranges against values worked out by hand, the same from the interpreter and from wasm, and what it refuses. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { calibrate, calibrateRanges, dataSet, RangeObserver, sessionExecutor } from "../../compiler/index.ts";
import { interpreterExecutor } from "../../compiler/interpret/executor.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { hostTensor, type Module, mainFunction } from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { smallCnn } from "../passes/cnn.ts";
import { failure, readBody, registry, run } from "../passes/support.ts";
import { normals } from "../plugins/support.ts";

/** y = relu(2 x - 1) by element; the sum is unnamed. */
const network = readBody(`  func @main(%x: tensor<Nx2xf32>) -> (y: tensor<Nx2xf32>) {
    %double = math.mul(%x, @two)
    %1 = math.sub(%double, @one)
    %y = math.relu(%1)
    return %y
  }
  const @two : tensor<f32> = 2.0
  const @one : tensor<f32> = 1.0`);

function rows(values: readonly number[], size = 2, input = "x") {
  const count = values.length / size;
  return dataSet({
    name: "rows",
    classes: 1,
    inputs: { [input]: { dtype: "f32", shape: [size] } },
    labels: new Uint8Array(count),
    write: (index, out, row) => out[input]?.set(values.slice(index * size, (index + 1) * size), row * size),
  });
}

const interpreter = interpreterExecutor(registry);
const target = builtinTargets.find(({ name }) => name === "wasm-simd");
const onWasm = () => {
  if (!target) throw new Error("no target wasm-simd");
  return sessionExecutor({ registry, target, backend: wasm() });
};
const allValues = (module: Module) => mainFunction(module).values.map((_, id) => id);
const span = ({ min, max, count }: { readonly min: number; readonly max: number; readonly count: number }) => [min, max, count];

test("smallest and largest element of parameters, named and unnamed values, over all batches", async () => {
  const data = rows([1, -2, 3, 0.5, -0.25, 7, 0, 0, 2, 2]);
  const ranges = await calibrateRanges(network, allValues(network), { executor: interpreter, data, batch: 2 });
  assert.equal([...ranges.values()].map(span), [
    [-2, 7, 10],
    [-4, 14, 10],
    [-5, 13, 10],
    [0, 13, 10],
  ]);
});

test("samples are spread over the set", async () => {
  const data = rows(Array.from({ length: 20 }, (_, i) => Math.floor(i / 2)));
  const seen: number[] = [];
  const observer = { observe: (value: { readonly data: ArrayLike<unknown> }) => void seen.push(...Array.from(value.data, Number)) };
  const { samples } = await calibrate(network, new Map([[0, observer]]), { executor: interpreter, data, samples: 4, batch: 3 });
  assert.is(samples, 4);
  assert.equal(
    seen.filter((_, i) => i % 2 === 0),
    [0, 2, 5, 7],
  );
});

test("wasm gives the interpreter's ranges, for every value of a CNN", async () => {
  const { module } = await run(smallCnn(), "fold-constants,canonicalize,fold-constants,materialize,dce");
  const values = normals(20 * 128, 3);
  const data = dataSet({
    name: "noise",
    classes: 1,
    inputs: { image: { dtype: "f32", shape: [2, 8, 8] } },
    labels: new Uint8Array(20),
    write: (index, out, row) => out.image?.set(values.subarray(index * 128, (index + 1) * 128), row * 128),
  });
  const executor = onWasm();
  const [ours, theirs] = [
    await calibrateRanges(module, allValues(module), { executor, data, batch: 8 }),
    await calibrateRanges(module, allValues(module), { executor: interpreter, data, batch: 8 }),
  ];
  executor.dispose();
  assert.ok(ours.size > 8);
  for (const [id, range] of theirs) {
    const scale = Math.max(1, Math.abs(range.min), Math.abs(range.max));
    assert.ok(Math.abs((ours.get(id)?.min ?? Number.NaN) - range.min) <= 1e-5 * scale, `value ${id}`);
    assert.ok(Math.abs((ours.get(id)?.max ?? Number.NaN) - range.max) <= 1e-5 * scale, `value ${id}`);
    assert.is(ours.get(id)?.count, range.count);
  }
});

test("the executor on wasm: outputs as without taps, an unknown tap is an error, a missing kernel goes to the fallback", async () => {
  const executor = onWasm();
  const x = hostTensor("f32", [1, 2], Float32Array.of(3, -1));
  const { outputs, taps } = await executor.run(network, { x }, { taps: ["double", "x"] });
  assert.equal([...(outputs.y?.data ?? [])], [5, 0]);
  assert.equal([...(taps.double?.data ?? [])], [6, -2]);
  assert.equal([...(taps.x?.data ?? [])], [3, -1]);
  assert.is((await failure(() => executor.run(network, { x }, { taps: ["nothing"] }))).code, "E0517");
  executor.dispose();
  if (!target?.manifest) throw new Error("no manifest");
  const bare = { ...target, manifest: { ...target.manifest, kernels: [] } };
  const options = { registry, target: bare, backend: wasm() };
  assert.is((await failure(() => sessionExecutor(options).run(network, { x }))).code, "E0801");
  const fallen = await sessionExecutor({ ...options, fallback: interpreter }).run(network, { x }, { taps: ["double"] });
  assert.equal([...(fallen.taps.double?.data ?? [])], [6, -2]);
});

test("a fixed batch takes whole batches; too few samples and data that does not fit are errors with both sides", async () => {
  const fixed = readBody(`  func @main(%x: tensor<2x2xf32>) -> (y: tensor<2x2xf32>) {
    %y = math.relu(%x)
    return %y
  }`);
  const options = { executor: interpreter, data: rows([1, 2, 3, 4, 5, 6]) };
  assert.equal(span([...(await calibrateRanges(fixed, [0], options)).values()][0] ?? { min: 0, max: 0, count: 0 }), [1, 4, 4]);
  const few = await failure(() => calibrateRanges(fixed, [0], { ...options, data: rows([1, 2]) }));
  assert.is(few.code, "E0723");
  const wide = await failure(() => calibrateRanges(network, [0], { ...options, data: rows([1, 2, 3], 3) }));
  assert.is(wide.code, "E0721");
  assert.match(wide.message, "@main: calibration data rows does not fit: input x takes f32 [N, 2], a sample of x is [3]");
});

test("NaN and infinities are counted and kept out of the range", () => {
  const observer = new RangeObserver();
  observer.observe(hostTensor("f32", [4], Float32Array.of(1, Number.NaN, Number.NEGATIVE_INFINITY, -3)));
  assert.equal(observer.range, { min: -3, max: 1, nonFinite: 2, count: 4 });
});

test("an aborted signal stops between batches, progress is told", async () => {
  const controller = new AbortController();
  const fractions: number[] = [];
  const progress = (fraction: number) => {
    fractions.push(fraction);
    if (fractions.length === 2) controller.abort(new Error("enough"));
  };
  const data = rows(Array.from({ length: 16 }, (_, i) => i));
  const options = { executor: interpreter, data, batch: 2, signal: controller.signal, progress };
  let reason: unknown;
  await calibrateRanges(network, [0], options).catch((error: unknown) => {
    reason = error;
  });
  assert.is(reason, controller.signal.reason);
  assert.equal(fractions, [0.25, 0.5]);
});

test.run();
