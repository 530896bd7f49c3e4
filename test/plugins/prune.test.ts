/** @file Magnitude pruning: exact counts, which weights go, and structural zeros that further passes keep. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { ModuleEditor } from "../../ir-spec/index.ts";
import { readBody, registry, run } from "../passes/support.ts";
import { dataOf, normals, oneLayer, partsOf, twoLayers, valuesOf, withValues, zeros } from "./support.ts";

const pruned = async (module: Parameters<typeof run>[0], options: string) => (await run(module, `prune-magnitude{${options}}`)).module;

test("per layer: exactly the share of each, the smallest, the rest untouched", async () => {
  const before = twoLayers();
  const after = await pruned(before, "sparsity=75% min=0");
  for (const [name, count] of [
    ["a", 512],
    ["b", 128],
  ] as const) {
    const [old, now] = [valuesOf(before, name), valuesOf(after, name)];
    assert.is(zeros(now), count * 0.75);
    const largestGone = Math.max(...old.filter((_, i) => now[i] === 0).map(Math.abs));
    const smallestKept = Math.min(...now.filter((v) => v !== 0).map(Math.abs));
    assert.ok(largestGone < smallestKept);
    for (const [i, value] of now.entries()) if (value !== 0) assert.is(value, old[i]);
  }
});

test("global: one threshold; the layer of small weights loses more", async () => {
  const after = await pruned(twoLayers(), "sparsity=50% scope=global min=0");
  const [a, b] = [zeros(valuesOf(after, "a")), zeros(valuesOf(after, "b"))];
  assert.is(a + b, 320);
  assert.ok(b > 120 && a < 200, `${a} ${b}`);
});

test("counts are exact for decimals whose product rounds down", async () => {
  const module = oneLayer(normals(100), 10);
  for (let percent = 1; percent < 100; percent++)
    assert.is(zeros(valuesOf(await pruned(module, `sparsity=${percent}% min=0`), "w")), percent);
});

test("counts are exact when many weights are equal", async () => {
  const after = await pruned(oneLayer(new Float32Array(64).fill(-0.5), 8), "sparsity=25% min=0");
  assert.is(zeros(valuesOf(after, "w")), 16);
  assert.equal(dataOf(after, partsOf(after, "w")[0] ?? ""), new Array(48).fill(-0.5));
});

test("weights that are zero already are among those that go", async () => {
  const values = normals(64).map((v, i) => (i % 2 === 0 ? 0 : v));
  const after = await pruned(oneLayer(values, 8), "sparsity=50% min=0");
  assert.is(dataOf(after, partsOf(after, "w")[0] ?? "").length, 32);
  assert.equal(valuesOf(after, "w"), [...values]);
});

test("sparsity 0 gives the very module back", async () => {
  const module = oneLayer(Float32Array.of(0, 0, 1, 2), 2);
  assert.is(await pruned(module, "sparsity=0 min=0"), module);
});

const energyOf = (values: readonly number[]) => values.reduce((sum, v) => sum + v * v, 0);

test("energy: the most of the smallest whose squares stay within the share, layer by layer", async () => {
  const before = twoLayers();
  const after = await pruned(before, "energy=5% min=0");
  for (const name of ["a", "b"]) {
    const [old, now] = [valuesOf(before, name), valuesOf(after, name)];
    const allowed = 0.05 * energyOf(old);
    const gone = energyOf(old.filter((_, i) => now[i] === 0));
    const next = Math.min(...now.filter((v) => v !== 0).map(Math.abs));
    assert.ok(gone <= allowed && gone + next * next > allowed, `${name}: ${gone} of ${allowed}, then ${next * next}`);
    for (const [i, value] of now.entries()) if (value !== 0) assert.is(value, old[i]);
  }
});

test("energy: a peaked layer loses more of its weights than a flat one, whatever the scales", async () => {
  const peaked = normals(128, 3).map((v) => 10 * v ** 5);
  const after = await pruned(withValues(twoLayers(), "b", peaked), "energy=5% min=0");
  const [flat, sharp] = [zeros(valuesOf(after, "a")) / 512, zeros(valuesOf(after, "b")) / 128];
  // Of normal numbers, 45 % hold 5 % of the squares.
  assert.ok(flat > 0.39 && flat < 0.49 && sharp > 0.8, `${flat} ${sharp}`);
});

test("energy over the whole network: the sum of the shares of the layers, ranked by the share of each weight in its layer", async () => {
  const before = twoLayers();
  const after = await pruned(before, "energy=10% scope=global min=0");
  const shares = ["a", "b"].map((name) => {
    const [old, now] = [valuesOf(before, name), valuesOf(after, name)];
    const relative = old.map((v) => (v * v) / energyOf(old));
    return { gone: relative.filter((_, i) => now[i] === 0), kept: relative.filter((_, i) => now[i] !== 0) };
  });
  const [gone, kept] = [shares.flatMap((s) => s.gone), shares.flatMap((s) => s.kept)];
  const total = gone.reduce((sum, share) => sum + share, 0);
  assert.ok(Math.max(...gone) < Math.min(...kept));
  assert.ok(total <= 0.1 && total + Math.min(...kept) > 0.1, `${total}`);
  // The larger layer has smaller shares, so it gives more, though its weights are ten times as large.
  const parts = shares.map((s) => s.gone.length / (s.gone.length + s.kept.length));
  assert.ok((parts[0] ?? 0) > (parts[1] ?? 0) + 0.15, `${parts}`);
});

test("energy: the cap holds where a few weights hold nearly all, so no layer is emptied", async () => {
  const spike = Float32Array.from({ length: 100 }, (_, i) => (i < 2 ? 100 : 0.001 * (i + 1)));
  assert.is(zeros(valuesOf(await pruned(oneLayer(spike, 10), "energy=50% min=0"), "w")), 98);
  assert.is(zeros(valuesOf(await pruned(oneLayer(spike, 10), "energy=5% cap=75% min=0"), "w")), 75);
  const { module, warnings } = await run(oneLayer(new Float32Array(100), 10), "prune-magnitude{energy=5% min=0}");
  assert.equal([dataOf(module, "w.values").length, warnings], [2, []]);
});

test("energy: the cap holds in each layer where one threshold serves all", async () => {
  const spike = Float32Array.from({ length: 128 }, (_, i) => (i < 2 ? 100 : 0.001));
  const after = await pruned(withValues(twoLayers(), "b", spike), "energy=5% cap=60% scope=global min=0");
  assert.is(zeros(valuesOf(after, "b")), 76);
  assert.ok(zeros(valuesOf(after, "a")) > 128);
});

test("energy: a layer with weights that are not finite stays whole", async () => {
  for (const broken of [Number.NaN, Number.POSITIVE_INFINITY]) {
    for (const scope of ["layer", "global"]) {
      const module = withValues(twoLayers(), "b", normals(128).fill(broken, 127));
      const after = await pruned(module, `energy=5% scope=${scope} min=0`);
      assert.equal(after.constants.get("b"), module.constants.get("b"));
      assert.ok(zeros(valuesOf(after, "a")) > 128);
    }
  }
});

test("energy twice: measured again on what stayed", async () => {
  const once = await pruned(twoLayers(), "energy=5% min=0");
  const twice = await pruned(once, "energy=5% min=0");
  const [first, second] = [valuesOf(once, "a"), valuesOf(twice, "a")];
  const gone = energyOf(first) - energyOf(second);
  assert.ok(zeros(second) > zeros(first) && gone <= 0.05 * energyOf(first) && gone > 0.04 * energyOf(first), `${gone}`);
});

test("what is stored: one value per survivor, one bit per weight, in order", async () => {
  const after = await pruned(oneLayer(Float32Array.of(3, -1, 2, -4), 2), "sparsity=50% min=0");
  assert.equal(partsOf(after, "w"), ["w.values", "w.mask"]);
  assert.equal(dataOf(after, "w.values"), [3, -4]);
  assert.equal(dataOf(after, "w.mask"), [1, 0, 0, 1]);
  assert.is(after.constants.get("w.mask")?.type.dtype, "u1");
});

test("twice: the second share counts the zeros of the first; a smaller one changes nothing", async () => {
  const first = await pruned(twoLayers(), "sparsity=50% min=0");
  const second = await pruned(first, "sparsity=75% min=0");
  assert.equal(valuesOf(second, "a"), valuesOf(await pruned(twoLayers(), "sparsity=75% min=0"), "a"));
  assert.is(await pruned(second, "sparsity=60% min=0"), second);
  assert.is(zeros(valuesOf(second, "a")), 384);
});

test("two weights over one mask or one list of values: each keeps its own zeros", async () => {
  const first = withValues(await pruned(twoLayers(), "sparsity=50% min=0 keep=a"), "a", normals(512, 9));
  const editor = new ModuleEditor(first, registry);
  const [values, mask] = partsOf(first, "b");
  const other = first.constants.get("b");
  if (other?.kind !== "derived" || !values || !mask) throw new Error("b is not pruned");
  const copy = first.constants.get(values);
  if (copy?.kind !== "data") throw new Error("no values");
  editor.setConstant({ ...copy, name: "c.values" });
  editor.setConstant({ ...other, name: "c", operands: ["c.values", mask] });
  const shared = editor.freeze();
  const after = await pruned(shared, "sparsity=75% min=0 keep=a");
  assert.is(zeros(valuesOf(after, "b")), 96);
  assert.equal(valuesOf(after, "c"), valuesOf(shared, "c"));
});

test("min and keep leave layers alone", async () => {
  const min = await pruned(twoLayers(), "sparsity=50% min=129");
  assert.is(zeros(valuesOf(min, "a")), 256);
  assert.is(zeros(valuesOf(min, "b")), 0);
  assert.is(zeros(valuesOf(await pruned(twoLayers(), 'sparsity=50% min=0 keep=["?"]'), "a")), 0);
  assert.is(zeros(valuesOf(await pruned(twoLayers(), 'sparsity=50% min=0 keep="b*"'), "a")), 256);
});

test("names that are taken are not overwritten", async () => {
  const module = readBody(`  func @main(%x: tensor<Nx2xf32>) -> (y: tensor<Nx2xf32>) {
    %0 = nn.linear(%x, @w, @w.values)
    %y = math.add(%0, @w.mask)
    return %y
  }
  const @w : tensor<2x2xf32> = [1.0, 2.0, 3.0, 4.0]
  const @w.values : tensor<2xf32> = [5.0, 6.0]
  const @w.mask : tensor<2xf32> = [7.0, 8.0]`);
  const after = await pruned(module, "sparsity=50% min=0");
  assert.equal(valuesOf(after, "w"), [0, 0, 3, 4]);
  assert.equal(valuesOf(after, "w.values"), [5, 6]);
  assert.equal(valuesOf(after, "w.mask"), [7, 8]);
});

test("a weight and its transpose are pruned once", async () => {
  const module = readBody(`  func @main(%x: tensor<Nx2xf32>) -> (y: tensor<Nx2xf32>) {
    %0 = nn.linear(%x, @w, _)
    %y = nn.linear(%0, @t, _)
    return %y
  }
  const @w : tensor<2x2xf32> = [1.0, 2.0, 3.0, 4.0]
  const @t : tensor<2x2xf32> = shape.transpose(@w) {perm = [1, 0]}`);
  for (const scope of ["layer", "global"]) {
    const after = await pruned(module, `sparsity=25% min=0 scope=${scope}`);
    assert.equal(valuesOf(after, "w"), [0, 2, 3, 4]);
    assert.equal(valuesOf(after, "t"), [0, 3, 2, 4]);
  }
});

test("a shared or quantized weight is left alone, with a warning that says why", async () => {
  for (const [pipeline, op] of [
    ["share-weights{min=0}", "codebook.lookup"],
    ["quantize", "quant.dequantize"],
  ] as const) {
    const { module } = await run(twoLayers(), pipeline);
    const { warnings, module: after } = await run(module, "prune-magnitude{min=0 keep=b}");
    assert.equal(warnings, [`prune-magnitude: a: @a is defined by ${op}: prune before that; left alone`]);
    assert.is(after, module);
  }
});

test("the report has the measured sparsity of each weight", async () => {
  const { records } = await run(twoLayers(), "prune-magnitude{sparsity=50% min=0}");
  assert.equal(
    records[0]?.rows.map((row) => [row.subject, row.note, row.numbers?.sparsity, row.numbers?.kept]),
    [
      ["a", "50.0 % of 512 weights are zero", 0.5, 256],
      ["b", "50.0 % of 128 weights are zero", 0.5, 64],
    ],
  );
});

test("a whole layer may go, with a warning", async () => {
  const module = withValues(twoLayers(), "b", normals(128, 2, 1e-9));
  const { module: after, warnings } = await run(module, "prune-magnitude{sparsity=25% scope=global min=0}");
  assert.is(zeros(valuesOf(after, "b")), 128);
  assert.equal(warnings, ['prune-magnitude: b: every weight is removed; keep="b" spares it']);
  const { module: further, warnings: more } = await run(after, "share-weights{min=0},quantize{min=0}");
  assert.equal(more, []);
  assert.is(zeros(valuesOf(further, "b")), 128);
});

test.run();
