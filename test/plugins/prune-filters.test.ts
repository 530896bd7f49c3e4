/** @file Removing filters: counts, limits, errors, repair against ml-matrix, and real networks against ONNX Runtime on the same networks with the filters set to zero. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Matrix, solve } from "ml-matrix";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  channelGroupsOf,
  dataSet,
  exportOnnx,
  importOnnx,
  interpret,
  preparePipeline,
  printModule,
  sessionExecutor,
  verifyModule,
} from "../../compiler/index.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { type HostTensor, hostTensor, type Module, mainFunction, toNumbers } from "../../ir-spec/index.ts";
import { Cut } from "../../plugins/prune/cut.ts";
import { applyCut, planCut, zeroChannels } from "../../plugins/prune/remove-channels.ts";
import { leastSquares, multiply } from "../../plugins/prune/repair.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { failure, readBody, registry, run } from "../passes/support.ts";
import { DATA, hasData } from "../support/data.ts";
import { ort, runOrt } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { need } from "../support/skip.ts";
import { normals, oneLayer, twoLayers, valuesOf, withValues } from "./support.ts";

const shapeOf = (module: Module, name: string) => module.constants.get(name)?.type.shape;

/** Calibration data of 64 samples whose 32 features are mixtures of 12. */
function mixtures(seed = 5) {
  const random = seeded(seed);
  const mix = Array.from({ length: 32 }, () => Array.from({ length: 12 }, () => random.unit() - 0.5));
  const rows = Array.from({ length: 256 }, () => {
    const source = Array.from({ length: 12 }, () => random.unit() * 2 - 0.5);
    return mix.map((weights) => weights.reduce((sum, w, k) => sum + w * (source[k] as number), 0));
  });
  return {
    rows,
    data: dataSet({
      name: "mixtures",
      classes: 1,
      inputs: { x: { dtype: "f32", shape: [32] } },
      labels: new Uint8Array(rows.length),
      write: (index, out, row) => out.x?.set(rows[index] ?? [], row * 32),
    }),
  };
}

function relativeError(before: Module, after: Module, rows: readonly (readonly number[])[]): number {
  const x = hostTensor("f32", [rows.length, 32], Float32Array.from(rows.flat()));
  const [a, b] = [before, after].map((module) => toNumbers(interpret(module, registry, { x }).outputs.y as HostTensor));
  const energy = (values: readonly number[]) => values.reduce((sum, v) => sum + v * v, 0);
  return energy((a as number[]).map((v, i) => v - ((b as number[])[i] as number))) / energy(a as number[]);
}

test("amount: that share of every layer, the smallest filters, shapes shrink, what stays keeps its bits", async () => {
  const before = twoLayers();
  const { module, warnings } = await run(before, "prune-filters{amount=25% by=l2 scope=layer repair=off}");
  assert.equal(
    [shapeOf(module, "a"), shapeOf(module, "b")],
    [
      [12, 32],
      [8, 12],
    ],
  );
  assert.equal(warnings, []);
  const [a, b] = [valuesOf(before, "a"), valuesOf(before, "b")];
  const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  const columns = Array.from({ length: 16 }, (_, c) => norm(Array.from({ length: 8 }, (_, o) => b[o * 16 + c] as number)));
  const filters = Array.from({ length: 16 }, (_, c) => norm(a.slice(c * 32, c * 32 + 32)));
  const mean = (values: readonly number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const scores = filters.map((f, c) => f / mean(filters) + (columns[c] as number) / mean(columns));
  const kept = scores
    .map((score, c) => ({ score, c }))
    .sort((p, q) => p.score - q.score)
    .slice(4)
    .map(({ c }) => c)
    .sort((p, q) => p - q);
  assert.equal(
    valuesOf(module, "a"),
    kept.flatMap((c) => a.slice(c * 32, c * 32 + 32)),
  );
  assert.equal(valuesOf(module, "b"), Array.from({ length: 8 }, (_, o) => kept.map((c) => b[o * 16 + c])).flat());
});

test("amount 0 gives the very module back; min and cap hold", async () => {
  const before = twoLayers();
  assert.is((await run(before, "prune-filters{scope=global amount=0 by=l2}")).module, before);
  const min = await run(before, "prune-filters{amount=99% by=l2 scope=global min=5 cap=99% repair=off}");
  assert.equal(shapeOf(min.module, "a"), [5, 32]);
  const cap = await run(before, "prune-filters{scope=global amount=99% by=l2 cap=50% repair=off}");
  assert.equal(shapeOf(cap.module, "a"), [8, 32]);
});

test("macs: the fewest channels that save the share, on either ranking", async () => {
  for (const scope of ["layer", "global"]) {
    const { module, records } = await run(twoLayers(), `prune-filters{macs=30% by=l1 scope=${scope} repair=off}`);
    // One channel is 1/16 of all multiply-accumulates: 5 are the first to reach 30 %.
    assert.equal(shapeOf(module, "a"), [11, 32]);
    const row = records[0]?.rows.find(({ subject }) => subject === "main");
    assert.equal([row?.numbers?.groups, row?.numbers?.share], [5, 5 / 16]);
  }
});

test("zero instead of remove: the same answers", async () => {
  const { rows } = mixtures();
  for (const by of ["l1", "l2", "geometric-median"]) {
    const removed = (await run(twoLayers(), `prune-filters{amount=50% by=${by} scope=global repair=off}`)).module;
    const zero = (await run(twoLayers(), `prune-filters{amount=50% by=${by} scope=global mode=zero}`)).module;
    assert.equal(shapeOf(zero, "a"), [16, 32]);
    assert.is(relativeError(removed, zero, rows), 0);
    assert.ok(relativeError(twoLayers(), zero, rows) > 0.01);
  }
});

test("least squares of the reader agrees with ml-matrix where the data settles it", () => {
  const [rows, size] = [3, 10];
  const samples = new Matrix(Array.from({ length: 40 }, (_, i) => Array.from(normals(size, i + 1))));
  const moments = samples.transpose().mmul(samples).div(40);
  const weight = Float64Array.from(normals(rows * size, 99));
  const columns = [0, 2, 3, 6, 7, 9];
  const part = (list: readonly number[]) =>
    Float64Array.from(
      moments
        .subMatrix(0, size - 1, 0, size - 1)
        .selection([...list], columns)
        .to1DArray(),
    );
  const cross = part(Array.from({ length: size }, (_, i) => i));
  const prior = new Float64Array(rows * columns.length);
  const got = leastSquares(multiply(weight, rows, size, cross, columns.length), rows, columns.length, part(columns), prior, 1e-9);
  const target = samples.mmul(
    new Matrix(Array.from({ length: rows }, (_, r) => Array.from(weight.subarray(r * size, (r + 1) * size)))).transpose(),
  );
  const wanted = solve(samples.subMatrixColumn(columns), target, true).transpose().to1DArray();
  for (const [i, value] of wanted.entries()) assert.ok(Math.abs(value - (got[i] as number)) < 1e-6, `${value} ${got[i]}`);
});

test("repair: mixtures of 12 sources through 16 channels hardly miss eight, and the mean stays in the bias", async () => {
  const { rows, data } = mixtures();
  const before = withValues(twoLayers(), "a", normals(512, 11));
  const plain = (await run(before, "prune-filters{scope=global amount=50% by=l2 repair=off}", { data })).module;
  const { module: fixed, records, warnings } = await run(before, "prune-filters{amount=50% by=l2}", { data });
  assert.equal(warnings, []);
  const once = (await run(before, "prune-filters{amount=50% by=l2 repair=once}", { data })).module;
  // One layer reads what was removed, and nothing before it changed: in order is at once.
  assert.ok(Math.abs(relativeError(before, once, rows) - relativeError(before, fixed, rows)) < 1e-3);
  const [bad, good] = [relativeError(before, plain, rows), relativeError(before, fixed, rows)];
  assert.ok(good < bad / 2, `${bad} ${good}`);
  const row = records[0]?.rows.find(({ subject }) => subject === "b");
  assert.ok(row?.numbers && Math.abs((row.numbers.after ?? 1) - good) < 0.02, `${row?.numbers?.after} ${good}`);
});

test("repair in order takes back what the layers before lost; the same input gives the same bytes", async () => {
  const { rows, data } = mixtures();
  let before = readBody(`  func @main(%x: tensor<Nx32xf32>) -> (y: tensor<Nx8xf32>) {
    %h = nn.linear(%x, @a, @p) {activation = relu}
    %g = nn.linear(%h, @b, @q) {activation = relu}
    %f = nn.linear(%g, @c, @r) {activation = relu}
    %y = nn.matmul(%f, @d)
    return %y
  }
  const @a : tensor<24x32xf32> = splat 1.0
  const @b : tensor<24x24xf32> = splat 1.0
  const @c : tensor<24x24xf32> = splat 1.0
  const @d : tensor<24x8xf32> = splat 1.0
  const @p : tensor<24xf32> = splat 0.1
  const @q : tensor<24xf32> = splat 0.1
  const @r : tensor<24xf32> = splat 0.1`);
  for (const [name, count] of [
    ["a", 768],
    ["b", 576],
    ["c", 576],
    ["d", 192],
  ] as const)
    before = withValues(before, name, normals(count, count + name.charCodeAt(0), 0.25));
  const error = async (options: string) =>
    relativeError(before, (await run(before, `prune-filters{amount=40% by=l2 scope=layer ${options}}`, { data })).module, rows);
  const [off, once, inOrder] = [await error("repair=off"), await error("repair=once"), await error("repair=sequential")];
  assert.ok(once < off / 2 && inOrder < once, `${off} ${once} ${inOrder}`);
  const texts = await Promise.all([1, 2].map(async () => printModule((await run(before, "prune-filters{amount=40%}", { data })).module)));
  assert.is(texts[0], texts[1]);
});

test("without data: ranked by weights and not repaired, with warnings that say so", async () => {
  const { warnings, module } = await run(twoLayers(), "prune-filters{amount=25%}");
  assert.equal(warnings, [
    "prune-filters: by=reconstruction needs calibration data and there is none: channels are ranked by=l2",
    "prune-filters: scope=divergence needs calibration data and there is none: one ranking of all layers by scores alone",
    "prune-filters: there is no calibration data: layers that read removed channels are not repaired",
  ]);
  assert.equal(
    valuesOf(module, "a"),
    valuesOf((await run(twoLayers(), "prune-filters{amount=25% by=l2 scope=global repair=off}")).module, "a"),
  );
});

test("errors: nothing to remove, an unreachable target, options out of range", async () => {
  const none = await failure(() => run(oneLayer(normals(64), 8), "prune-filters{by=l2 scope=global}"));
  assert.is(none.code, "E0761");
  assert.match(none.message, /@w axis 0: .*result of @main/);
  const kept = await failure(() => run(twoLayers(), 'prune-filters{by=l2 scope=global keep=["a"]}'));
  assert.is(kept.code, "E0761");
  const far = await failure(() => run(twoLayers(), "prune-filters{macs=90% by=l2 scope=global}"));
  assert.is(far.code, "E0762");
  assert.match(far.message, /at most 75\.0 %/);
  for (const wrong of ["amount=1", "amount=-1", "macs=150%", "by=l3", "min=0", "samples=2000"])
    assert.match((await failure(() => run(twoLayers(), `prune-filters{${wrong}}`))).code, /^E07/);
});

test("weights that are not finite: their channels stay", async () => {
  const values = normals(512).fill(Number.NaN, 32, 64);
  const { module } = await run(withValues(twoLayers(), "a", values), "prune-filters{scope=global amount=50% by=l2 repair=off}");
  assert.equal(shapeOf(module, "a"), [16, 32]);
});

const target = builtinTargets.find(({ name }) => name === "wasm-simd");

/** Inputs of the module's shapes; symbolic sizes are 1 for the batch and 48 x 192 behind it. */
function inputsOf(module: Module): Readonly<Record<string, HostTensor>> {
  const main = mainFunction(module);
  return Object.fromEntries(
    main.params.map((id) => {
      const { name, type } = main.values[id] as (typeof main.values)[number];
      const shape = type.shape.map((dim, axis) => (typeof dim === "number" ? dim : ([1, 3, 48, 192][axis] ?? 1)));
      return [name ?? "", seeded(9).tensor("f32", shape)];
    }),
  );
}

function worst(got: Readonly<Record<string, HostTensor>>, want: Readonly<Record<string, HostTensor>>): number {
  let most = 0;
  for (const [name, tensor] of Object.entries(want)) {
    const wanted = toNumbers(tensor);
    const values = toNumbers(got[name] as HostTensor);
    assert.equal(got[name]?.shape, tensor.shape);
    values.forEach((value, i) => {
      most = Math.max(most, Math.abs(value - (wanted[i] as number)));
    });
  }
  return most;
}

/** Largest difference of the answers, beside outputs of the order of 1 to 10. */
const real: readonly (readonly [string, number])[] = [
  ["cifar10-resnet4b", 1e-5],
  ["mnist-cnn-op8", 1e-5],
  ["ultraface-rfb-320", 1e-5],
  ["fastestdet-coco-352", 1e-5],
  ["ppocr-cls-mobilenetv3", 1e-5],
];

for (const [name, tolerance] of real) {
  test(`${name}: filters removed, on wasm, and the same filters zero, by ONNX Runtime`, async () => {
    if (!need("data", hasData, name) || !need("ort", ort !== null, name) || !target) return;
    const imported = importOnnx(new Uint8Array(readFileSync(join(DATA, "models", `${name}.onnx`))), { registry });
    const { module } = await run(imported, preparePipeline);
    const channels = channelGroupsOf(module, registry);
    const groups = channels.groups.filter((_, i) => i % 3 === 1);
    const cut = new Cut(groups);
    const plan = planCut(module, registry, channels, cut);
    if (!plan.ok) throw new Error(plan.refusal.reason);
    const removed = applyCut(module, registry, cut, plan.attrs);
    assert.equal(verifyModule(removed, registry), []);
    // Only what makes the channels is zero; what reads them is as it was: these networks keep zero at zero.
    const makers = new Cut(
      groups.map((group) => ({ ...group, members: group.members.filter(({ axis, place }) => axis === 0 && place.startsWith("@")) })),
    );
    const zero = zeroChannels(module, registry, channels, makers);
    const executor = sessionExecutor({ registry, target, backend: wasm() });
    const inputs = inputsOf(module);
    const { outputs } = await executor.run(removed, inputs);
    const zeroed = await runOrt(exportOnnx(zero, { registry }), inputs);
    const whole = await runOrt(exportOnnx(module, { registry }), inputs);
    executor.dispose();
    const error = worst(outputs, zeroed);
    assert.ok(error <= tolerance, `${error}`);
    assert.ok(worst(whole, zeroed) > 100 * tolerance, "removal changes the answers");
  });
}

test.run();
