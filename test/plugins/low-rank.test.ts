/** @file Low-rank factoring: what the chains compute against the interpreter, the ranks that are chosen, what is left alone, and what is refused. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { interpret, layersOf, Random, reachableConstants } from "../../compiler/index.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { verifyModule } from "../../compiler/verify/verify.ts";
import { hostTensor, type Module, mainFunction } from "../../ir-spec/index.ts";
import { jacobiSvd, type Matrix, matrix, multiply } from "../../plugins/low-rank/index.ts";
import { failure, readBody, registry, run } from "../passes/support.ts";
import { dataOf, normals, oneLayer, withValues } from "./support.ts";

/** `[rows, columns]` of this rank, plus noise. */
function nearlyLowRank(rows: number, columns: number, rank: number, noise: number, seed = 1): Float32Array {
  const random = new Random(seed);
  const draw = (r: number, c: number): Matrix =>
    matrix(
      r,
      c,
      Float64Array.from({ length: r * c }, () => random.normal() / Math.sqrt(rank)),
    );
  const low = multiply(draw(rows, rank), draw(rank, columns));
  return Float32Array.from(low.data, (v) => v + noise * random.normal());
}

const shapesOf = (module: Module) => mainFunction(module).ops.map((op) => layersOf(module).find((l) => l.op === op)?.outputs ?? op.name);

async function outputs(module: Module, inputs: Readonly<Record<string, Float32Array>>, shape: readonly number[]): Promise<Float64Array> {
  const given = Object.fromEntries(Object.entries(inputs).map(([name, data]) => [name, hostTensor("f32", shape, data)]));
  const result = await interpret(module, registry, given);
  const [first] = Object.values(result.outputs);
  return Float64Array.from(first?.data as Float32Array);
}

function relative(a: Float64Array, b: Float64Array): number {
  const energy = b.reduce((sum, v) => sum + v * v, 0);
  return Math.sqrt(a.reduce((sum, v, i) => sum + (v - (b[i] as number)) ** 2, 0) / energy);
}

async function factored(before: Module, pipeline: string, options: Parameters<typeof run>[2] = {}) {
  const result = await run(before, pipeline, options);
  assert.equal(verifyModule(result.module, registry), []);
  return { ...result, rows: result.records.flatMap((record) => record.rows) };
}

const net = readBody(`  func @main(%x: tensor<Nx8x9x8xf32>) -> (y: tensor<Nx12xf32>) {
    %c = nn.conv(%x, @k, @kb) {pad = [1, 0, 2, 1], stride = [2, 1], dilation = [1, 2], activation = relu}
    %p = nn.conv(%c, @one, _) {stride = [1, 2]}
    %f = shape.reshape(%p) {shape = [0, -1]}
    %l = nn.linear(%f, @l, @lb) {activation = relu6}
    %y = nn.matmul(%l, @m)
    return %y
  }
  const @k : tensor<16x8x3x3xf32> = splat 1.0
  const @kb : tensor<16xf32> = splat 0.25
  const @one : tensor<10x16x1x1xf32> = splat 1.0
  const @l : tensor<24x150xf32> = splat 1.0
  const @lb : tensor<24xf32> = splat -0.5
  const @m : tensor<24x12xf32> = splat 1.0`);

function filled(noise: number): Module {
  let module = withValues(net, "k", nearlyLowRank(16, 72, 3, noise, 1));
  module = withValues(module, "one", nearlyLowRank(10, 16, 3, noise, 2));
  module = withValues(module, "l", nearlyLowRank(24, 150, 3, noise, 3));
  return withValues(module, "m", nearlyLowRank(24, 12, 3, noise, 4));
}

test("an exact low rank is found: convolution with every attribute, 1x1, linear and matmul give the same answers", async () => {
  const before = filled(0);
  const x = { x: normals(2 * 8 * 9 * 8, 9) };
  const { module, rows } = await factored(before, "low-rank{method=svd rank=3 min=0}");
  assert.equal(shapesOf(module), [3, 16, 3, 10, "shape.reshape", 3, 24, 3, 12]);
  assert.equal(
    rows.map((row) => row.note),
    ["svd, rank 3: in, out", "svd, rank 3: in, out", "svd, rank 3: in, out", "svd, rank 3: in, out"],
  );
  assert.ok(relative(await outputs(module, x, [2, 8, 9, 8]), await outputs(before, x, [2, 8, 9, 8])) < 1e-5);
  assert.equal([...reachableConstants(module).keys()].sort(), [...module.constants.keys()].sort());
  assert.is(module.constants.has("l"), false);
});

/** A convolution that spatial SVD, or Tucker-2, of this rank describes exactly. */
function separable(kind: "spatial" | "tucker", seed: number): Float32Array {
  const random = new Random(seed);
  const draw = (count: number) => Float64Array.from({ length: count }, () => random.normal());
  const [out, into, r] = [16, 12, 3];
  const [u, v, core] = [draw(out * r * 3), draw(into * r * 3), draw(r * r * 9)];
  const values = new Float32Array(out * into * 9);
  for (let o = 0; o < out; o++)
    for (let c = 0; c < into; c++)
      for (let t = 0; t < 9; t++) {
        let sum = 0;
        const [ky, kx] = [Math.floor(t / 3), t % 3];
        for (let i = 0; i < r; i++) {
          if (kind === "spatial") sum += (u[(o * r + i) * 3 + kx] as number) * (v[(c * r + i) * 3 + ky] as number);
          else
            for (let j = 0; j < r; j++) sum += (u[o * r + i] as number) * (v[c * r + j] as number) * (core[(i * r + j) * 9 + t] as number);
        }
        values[(o * into + c) * 9 + t] = sum;
      }
  return values;
}

const conv = readBody(
  `  func @main(%x: tensor<Nx12x10x7xf32>) -> (y: tensor<Nx16xHxWxf32>) {
    %y = nn.conv(%x, @w, @b) {pad = [1, 2, 0, 1], stride = [2, 1], activation = relu}
    return %y
  }
  const @w : tensor<16x12x3x3xf32> = splat 1.0
  const @b : tensor<16xf32> = splat 0.5`.replace("xHxW", "x5x8"),
);

test("cp: a sum of three outer products is found, as 1x1, two depthwise, 1x1", async () => {
  const random = new Random(4);
  const [u, v, h, w] = [16, 12, 3, 3].map((size) => Float64Array.from({ length: size * 3 }, () => random.normal())) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const at = (list: Float64Array, i: number, r: number) => list[i * 3 + r] as number;
  const values = Float32Array.from({ length: 16 * 12 * 9 }, (_, i) => {
    const [o, c, y, x] = [Math.floor(i / 108), Math.floor(i / 9) % 12, Math.floor(i / 3) % 3, i % 3];
    return [0, 1, 2].reduce((sum, r) => sum + at(u, o, r) * at(v, c, r) * at(h, y, r) * at(w, x, r), 0);
  });
  const before = withValues(conv, "w", values);
  const { module, rows } = await factored(before, "low-rank{method=cp rank=3 min=0}");
  assert.equal(shapesOf(module), [3, 3, 3, 16]);
  assert.equal(
    [...module.constants.values()].map(({ name, type }) => `${name} ${type.shape}`),
    ["b 16", "w.in 3,12,1,1", "w.axis0 3,1,3,1", "w.axis1 3,1,1,3", "w.out 16,3,1,1"],
  );
  assert.ok((rows[0]?.numbers?.weightError ?? 1) < 1e-3, `${rows[0]?.numbers?.weightError}`);
  const { weightError = 0, predictedError = 1 } = rows[0]?.numbers ?? {};
  assert.ok(Math.abs(weightError - predictedError) < 1e-6);
  const x = { x: normals(2 * 12 * 70, 9) };
  const error = relative(await outputs(module, x, [2, 12, 10, 7]), await outputs(before, x, [2, 12, 10, 7]));
  assert.ok(error < 2 * Math.sqrt(weightError) + 1e-5, `${error}`);
});

test("nmf: non-negative factors, one pair a sign; never better than SVD", async () => {
  const random = new Random(4);
  const draw = (count: number) => Float64Array.from({ length: count }, () => Math.abs(random.normal()));
  const positive = multiply(matrix(30, 3, draw(90)), matrix(3, 40, draw(120)));
  const one = await factored(oneLayer(Float32Array.from(positive.data), 30), "low-rank{method=nmf rank=3 min=0}");
  assert.ok((one.rows[0]?.numbers?.weightError ?? 1) < 1e-2, `${one.rows[0]?.numbers?.weightError}`);
  for (const part of ["w.in", "w.out"]) assert.ok(dataOf(one.module, part).every((value) => value >= 0));
  const mixed = oneLayer(normals(1200), 30);
  const two = await factored(mixed, "low-rank{method=nmf rank=6 min=0}");
  assert.ok(dataOf(two.module, "w.in").every((value) => value >= 0));
  const last = dataOf(two.module, "w.out");
  assert.ok(last.every((value, i) => (i % 6 < 3 ? value >= 0 : value <= 0)));
  const best = (await factored(mixed, "low-rank{method=svd rank=6 min=0}")).rows[0]?.numbers?.weightError ?? 0;
  const reached = two.rows[0]?.numbers?.weightError ?? 0;
  assert.ok(reached > best && reached < 1, `${reached} ${best}`);
});

for (const [kind, layers] of [
  ["spatial", [3, 16]],
  ["tucker", [3, 3, 16]],
] as const) {
  test(`${kind}: an exact rank is found, and answers stay`, async () => {
    const before = withValues(conv, "w", separable(kind, 5));
    const { module, rows } = await factored(before, `low-rank{method=${kind} rank=3 min=0}`);
    assert.equal(shapesOf(module), layers);
    const x = { x: normals(2 * 12 * 70, 9) };
    assert.ok(relative(await outputs(module, x, [2, 12, 10, 7]), await outputs(before, x, [2, 12, 10, 7])) < 1e-5);
    assert.ok((rows[0]?.numbers?.weightError ?? 1) < 1e-10);
    // By energy the same rank, for Tucker in both cuts.
    const again = await factored(before, `low-rank{method=${kind} energy=99.9999% min=0}`);
    assert.match(again.rows[0]?.note ?? "", kind === "spatial" ? "rank 3:" : "rank 3 x 3:");
  });

  test(`${kind}: of noise it loses what it says`, async () => {
    const before = withValues(conv, "w", normals(16 * 12 * 9, 3));
    const { rows } = await factored(before, `low-rank{method=${kind} rank=6 min=0}`);
    const { weightError = 0, predictedError = 0 } = rows[0]?.numbers ?? {};
    if (kind === "spatial") assert.ok(Math.abs(weightError - predictedError) < 1e-6, `${weightError} ${predictedError}`);
    else assert.ok(weightError <= predictedError && weightError > predictedError / 2, `${weightError} ${predictedError}`);
  });
}

test("by energy and by error: the smallest rank that keeps it, from the singular values", async () => {
  const values = nearlyLowRank(40, 60, 8, 0.1, 7);
  const squares = [...jacobiSvd(matrix(40, 60, Float64Array.from(values))).values].map((v) => v * v);
  const total = squares.reduce((sum, v) => sum + v, 0);
  for (const share of [0.5, 0.9, 0.95]) {
    let [rank, kept] = [0, 0];
    while (kept < share * total) kept += squares[rank++] as number;
    for (const option of [`energy=${share}`, `error=${Math.sqrt(1 - share)}`]) {
      const { rows } = await factored(oneLayer(values, 40), `low-rank{method=svd ${option} min=0}`);
      assert.is(rows[0]?.numbers?.rank, rank, option);
      assert.ok(Math.abs((rows[0]?.numbers?.weightError ?? 1) - (1 - kept / total)) < 1e-6);
    }
  }
});

test("by macs and bytes: the largest rank within; macs=50% without any", async () => {
  const before = oneLayer(normals(40 * 60), 40);
  for (const [option, share] of [
    ["macs=30%", 0.3],
    ["bytes=70%", 0.7],
    ["", 0.5],
  ] as const) {
    const { rows } = await factored(before, `low-rank{method=svd ${option} min=0}`);
    assert.is(rows[0]?.numbers?.rank, Math.floor((share * 2400) / 100));
  }
});

test("scope=global: the limit holds over all layers, a layer that loses much stays whole, and less is lost than layer by layer", async () => {
  // `a` is nearly of rank 2, `b` has no low rank at all.
  const before = withValues(
    withValues(
      readBody(`  func @main(%x: tensor<Nx40xf32>) -> (y: tensor<Nx40xf32>) {
    %h = nn.linear(%x, @a, _)
    %y = nn.linear(%h, @b, _)
    return %y
  }
  const @a : tensor<60x40xf32> = splat 1.0
  const @b : tensor<40x60xf32> = splat 1.0`),
      "a",
      nearlyLowRank(60, 40, 2, 0.01, 1),
    ),
    "b",
    normals(2400, 2),
  );
  for (const by of ["macs", "bytes"]) {
    const lost = async (options: string) => {
      const { rows } = await factored(before, `low-rank{method=svd ${options} min=0}`);
      const left = rows.reduce((sum, { numbers }) => sum + (numbers?.weightsAfter ?? 0) - (numbers?.weightsBefore ?? 0), 4800);
      assert.ok(left <= 0.6 * 4800, `${left}`);
      return { rows, error: rows.reduce((sum, { numbers }) => sum + (numbers?.weightError ?? 0), 0) };
    };
    const [each, all] = [await lost(`${by}=60%`), await lost(`${by}=60% scope=global`)];
    assert.equal(
      all.rows.map(({ subject }) => subject),
      ["a"],
    );
    assert.ok(all.error < 0.1 * each.error, `${all.error} ${each.error}`);
  }
  const small = await run(before, "low-rank{method=svd macs=1% scope=global min=0}");
  assert.is(small.module, before);
  assert.match(small.warnings[0] ?? "", "even the smallest ranks of all layers take more than 1 % of their macs; left alone");
  assert.match(
    (await failure(() => run(before, "low-rank{energy=90% scope=global}"))).message,
    "scope=global takes macs or bytes, not energy",
  );
});

test("a stride counts: Tucker's first factor works on all positions of the input", async () => {
  const before = withValues(conv, "w", normals(16 * 12 * 9, 3));
  const { rows } = await factored(before, "low-rank{method=tucker rank=4 min=0}");
  assert.is(rows[0]?.numbers?.weightsAfter, 4 * 12 + 4 * 4 * 9 + 4 * 16);
  assert.ok(Math.abs((rows[0]?.numbers?.macs ?? 0) - (2 * 48 + 144 + 64) / 1728) < 1e-12);
});

test("a rank that makes the layer larger: left alone with a warning, E0730 where the layer is named", async () => {
  const before = oneLayer(normals(40 * 60), 40);
  const { module, warnings } = await factored(before, "low-rank{method=svd rank=24 min=0}");
  assert.is(module, before);
  assert.equal(warnings, ["low-rank: w: rank 24 would take 2400 weights instead of 2400, and 100 % of its MACs; left alone"]);
  const error = await failure(() => run(before, "low-rank{method=svd rank=24 layers=w}"));
  assert.is(error.code, "E0730");
  assert.match(error.message, "@w cannot be factored: rank 24 would take 2400 weights instead of 2400");
  assert.is((await factored(before, "low-rank{method=svd rank=23 min=0}")).rows.length, 1);
});

test("what cannot be factored says why; a layer that does not exist is an error", async () => {
  const grouped =
    readBody(`  func @main(%x: tensor<Nx8x6x6xf32>, %z: tensor<Nx8xf32>) -> (y: tensor<Nx8x4x4xf32>, a: tensor<Nx8xf32>, t: tensor<8x8xf32>) {
    %y = nn.conv(%x, @d, _) {groups = 8}
    %a = nn.linear(%z, @u, _)
    %t = math.add(@u, @u)
    return %y, %a, %t
  }
  const @d : tensor<8x1x3x3xf32> = splat 1.0
  const @u : tensor<8x8xf32> = splat 1.0`);
  const { module, warnings } = await factored(grouped, "low-rank{method=svd rank=1 min=0}");
  assert.is(module, grouped);
  assert.equal(warnings, [
    "low-rank: d: it has 8 groups, whose matrices are small already; left alone",
    "low-rank: u: something else uses it, so that it would have to stay beside the factors; left alone",
  ]);
  assert.match(
    (await failure(() => run(grouped, "low-rank{rank=1 layers=nowhere}"))).message,
    "@nowhere cannot be factored: main has no layer with this weight",
  );
  const values = normals(40 * 60);
  values[7] = Number.NaN;
  const broken = await factored(oneLayer(values, 40), "low-rank{method=svd rank=2}");
  assert.equal(broken.warnings, ["low-rank: w: it has NaN or infinite weights; left alone"]);
  const pruned = await run(oneLayer(normals(40 * 60), 40), "prune-magnitude{sparsity=50%}");
  assert.match((await run(pruned.module, "low-rank{method=svd rank=2}")).warnings[0] ?? "", "its zeros are structural");
  assert.match(
    (await failure(() => run(grouped, "low-rank{rank=1 macs=50%}"))).message,
    "one of rank, energy, error, macs, bytes and time decides the rank",
  );
});

test("two ops with one weight share one chain of constants", async () => {
  const tied = withValues(
    readBody(`  func @main(%x: tensor<Nx20xf32>, %z: tensor<Nx20xf32>) -> (y: tensor<Nx30xf32>, a: tensor<Nx30xf32>) {
    %y = nn.linear(%x, @w, _)
    %a = nn.linear(%z, @w, @b)
    return %y, %a
  }
  const @w : tensor<30x20xf32> = splat 1.0
  const @b : tensor<30xf32> = splat 1.0`),
    "w",
    normals(600),
  );
  const { module } = await factored(tied, "low-rank{method=svd rank=2 min=0}");
  assert.equal(shapesOf(module), [2, 30, 2, 30]);
  assert.equal([...module.constants.keys()].sort(), ["b", "w.in", "w.out"]);
});

test("all zeros, and one row or column, do not crash", async () => {
  const { rows } = await factored(oneLayer(new Float32Array(2400), 40), "low-rank{method=svd energy=95%}");
  assert.is(rows[0]?.numbers?.weightError, 0);
  for (const out of [1, 64])
    assert.match((await run(oneLayer(normals(64), out), "low-rank{method=svd min=0}")).warnings[0] ?? "", "no rank makes it smaller");
});

test("by the target's predicted time", async () => {
  const target = builtinTargets.find(({ name }) => name === "wasm-simd") ?? null;
  const before = oneLayer(normals(512 * 512), 512);
  const { rows } = await factored(before, "low-rank{method=svd time=50%}", { target });
  const rank = rows[0]?.numbers?.rank ?? 0;
  assert.ok(rank > 8 && rank < 256, `${rank}`);
  assert.match((await run(before, "low-rank{method=svd time=50%}")).warnings[0] ?? "", "the target predicts no time for it");
  const tiny = await run(oneLayer(normals(24 * 24), 24), "low-rank{method=svd rank=11 min=0 faster=true}", { target });
  assert.match(tiny.warnings[0] ?? "", /would take 1\d\d(\.\d+)? % of its time on wasm-simd; left alone/);
});

test.run();
