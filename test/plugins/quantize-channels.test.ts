/** @file Passes that move scale between channels: the network computes the same, ranges are what the formula says, quantization gains, and where there is no way nothing is done. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dataSet } from "../../compiler/data/dataset.ts";
import type { DataSet } from "../../compiler/index.ts";
import { interpreterExecutor } from "../../compiler/interpret/executor.ts";
import { verifyModule } from "../../compiler/verify/verify.ts";
import { hostTensor, type Module } from "../../ir-spec/index.ts";
import { failure, readBody, registry, run } from "../passes/support.ts";
import { normals, valuesOf, withValues } from "./support.ts";

function filled(text: string, values: Readonly<Record<string, Float32Array>>): Module {
  return Object.entries(values).reduce((module, [name, data]) => withValues(module, name, data), readBody(text));
}

/** Rows of very different size. */
const uneven = (count: number, row: number, seed: number) => normals(count, seed).map((value, i) => value * 4 ** (Math.floor(i / row) % 5));

interface Net {
  readonly shape: readonly number[];
  readonly module: Module;
}

const nets: Readonly<Record<string, Net>> = {
  "convolutions, a depthwise one, pools and relus between": {
    shape: [3, 8, 8],
    module: filled(
      `  func @main(%x: tensor<Nx3x8x8xf32>) -> (y: tensor<Nx4x2x2xf32>) {
    %a = nn.conv(%x, @a, @a.bias) {pad = [1, 1, 1, 1], activation = relu}
    %p = nn.max_pool(%a) {kernel = [2, 2], stride = [2, 2]}
    %d = nn.conv(%p, @d, @d.bias) {groups = 6, pad = [1, 1, 1, 1]}
    %r = math.relu(%d)
    %q = nn.avg_pool(%r) {kernel = [2, 2], stride = [2, 2]}
    %y = nn.conv(%q, @b, _) {groups = 2}
    return %y
  }
  const @a : tensor<6x3x3x3xf32> = splat 1.0
  const @a.bias : tensor<6xf32> = splat 1.0
  const @d : tensor<6x1x3x3xf32> = splat 1.0
  const @d.bias : tensor<6xf32> = splat 1.0
  const @b : tensor<4x3x1x1xf32> = splat 1.0`,
      { a: uneven(162, 27, 1), "a.bias": normals(6, 2), d: uneven(54, 9, 3), "d.bias": normals(6, 4), b: normals(12, 5) },
    ),
  },
  "linear layers, one behind two others, and a channel that is 0": {
    shape: [8],
    module: filled(
      `  func @main(%x: tensor<Nx8xf32>) -> (y: tensor<Nx3xf32>) {
    %a = nn.linear(%x, @a, @a.bias) {activation = relu}
    %b = nn.linear(%a, @b, _)
    %c = nn.matmul(%a, @c)
    %y = math.add(%b, %c)
    return %y
  }
  const @a : tensor<5x8xf32> = splat 1.0
  const @a.bias : tensor<5xf32> = splat 3.0
  const @b : tensor<3x5xf32> = splat 1.0
  const @c : tensor<5x3xf32> = splat 1.0`,
      { a: uneven(40, 8, 6).map((value, i) => (i < 8 ? 0 : value)), b: normals(15, 7), c: normals(15, 8) },
    ),
  },
  "a scale and shift before a linear layer": {
    shape: [4, 6],
    module: filled(
      `  func @main(%x: tensor<Nx4x6xf32>) -> (y: tensor<Nx4x3xf32>) {
    %m = math.mul(%x, @gamma)
    %s = math.add(%m, @beta)
    %y = nn.linear(%s, @b, @b.bias)
    return %y
  }
  const @gamma : tensor<6xf32> = splat 1.0
  const @beta : tensor<6xf32> = splat 1.0
  const @b : tensor<3x6xf32> = splat 1.0
  const @b.bias : tensor<3xf32> = splat 1.0`,
      { gamma: uneven(6, 1, 9), beta: normals(6, 10), b: normals(18, 11) },
    ),
  },
};

function samples(shape: readonly number[], count = 40): DataSet {
  const size = shape.reduce((n, d) => n * d, 1);
  const values = normals(count * size, 77);
  return dataSet({
    name: "samples",
    classes: 1,
    inputs: { x: { dtype: "f32", shape } },
    labels: new Uint8Array(count),
    write: (index, out, row) => out.x?.set(values.subarray(index * size, (index + 1) * size), row * size),
  });
}

async function outputs(module: Module, { shape }: Net): Promise<readonly number[]> {
  const data = samples(shape);
  const { x } = data.batch(0, data.count);
  const result = await interpreterExecutor(registry).run(module, { x: hostTensor("f32", [data.count, ...shape], x as Float32Array) });
  return Array.from(result.outputs.y?.data as Float32Array);
}

const most = (values: readonly number[]) => values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);

for (const [name, net] of Object.entries(nets)) {
  for (const pass of ["equalize", "smooth", "smooth{alpha=0.8}", "awq{bits=3 group=2}"]) {
    test(`${pass} keeps what ${name} compute`, async () => {
      const { module, warnings } = await run(net.module, pass, { data: samples(net.shape) });
      assert.equal(verifyModule(module, registry), []);
      if (pass === "equalize" && name.startsWith("a scale")) {
        assert.match(warnings.join(), "no consecutive layers");
        return;
      }
      if (!pass.startsWith("awq")) assert.not.equal(module, net.module);
      const [before, after] = [await outputs(net.module, net), await outputs(module, net)];
      const gap = most(before.map((value, i) => value - (after[i] as number)));
      assert.ok(gap <= 1e-5 * most(before), `${gap} of ${most(before)}`);
    });
  }
}

const linear = nets["linear layers, one behind two others, and a channel that is 0"] as Net;

test("after equalize rows before and columns behind have the same range", async () => {
  const { module } = await run(linear.module, "equalize{absorb=false}");
  const [a, b, c] = ["a", "b", "c"].map((name) => valuesOf(module, name)) as [number[], number[], number[]];
  for (let channel = 1; channel < 5; channel++) {
    const before = most(a.slice(channel * 8, channel * 8 + 8));
    const behind = most([...[0, 1, 2].map((row) => b[row * 5 + channel] as number), ...c.slice(channel * 3, channel * 3 + 3)]);
    assert.ok(Math.abs(before / behind - 1) < 1e-3, `${channel}: ${before} and ${behind}`);
  }
});

test("a bias that is always passed on moves into the next layer; with no data it stays, with a warning", async () => {
  const net = filled(
    `  func @main(%x: tensor<Nx4xf32>) -> (y: tensor<Nx2xf32>) {
    %a = nn.linear(%x, @a, @a.bias) {activation = relu}
    %y = nn.linear(%a, @b, _)
    return %y
  }
  const @a : tensor<3x4xf32> = splat 1.0
  const @a.bias : tensor<3xf32> = splat 50.0
  const @b : tensor<2x3xf32> = splat 1.0`,
    { a: normals(12, 1), b: normals(6, 2) },
  );
  const { module } = await run(net, "equalize", { data: samples([4]) });
  const { module: scaled, warnings } = await run(net, "equalize");
  assert.match(warnings.join(), "there is no data: biases stay");
  const [before, after] = [valuesOf(scaled, "a.bias"), valuesOf(module, "a.bias")];
  after.forEach((value, i) => {
    assert.ok(value < 0.5 * (before[i] as number), `${value} of ${before[i]}`);
  });
  const [x, y] = [await outputs(net, { module: net, shape: [4] }), await outputs(module, { module, shape: [4] })];
  assert.ok(most(x.map((value, i) => value - (y[i] as number))) <= 1e-5 * most(x));
});

test("one step for a tensor loses less after equalize; awq lowers the error of 3 bits", async () => {
  const loss = async (net: Net, pipeline: string) => {
    const before = await outputs(net.module, net);
    const after = await outputs((await run(net.module, pipeline, { data: samples(net.shape) })).module, net);
    return before.reduce((sum, value, i) => sum + (value - (after[i] as number)) ** 2, 0);
  };
  const deep = nets["convolutions, a depthwise one, pools and relus between"] as Net;
  const quantize = "quantize{bits=4 granularity=tensor min=0}";
  assert.ok((await loss(deep, `equalize,${quantize}`)) < 0.5 * (await loss(deep, quantize)));
  const three = "quantize{bits=3 granularity=channel calibration=minmax min=0 keep=a}";
  const [plain, scaled] = [await loss(linear, three), await loss(linear, `awq{bits=3 granularity=channel},${three}`)];
  assert.ok(scaled < 0.5 * plain, `${scaled} of ${plain}`);
});

test("relu6, a second reader, a result, a shared weight: no link; and no data is an error with a code", async () => {
  const text = (body: string) =>
    readBody(`  func @main(%x: tensor<Nx4xf32>) -> (y: tensor<Nx4xf32>) {
    ${body}
    return %y
  }
  const @a : tensor<4x4xf32> = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 1.0, 1.0, 1.0, 1.0, 9.0, 2.0, 1.0, 3.0]
  const @b : tensor<4x4xf32> = splat 1.0`);
  for (const body of [
    "%h = nn.linear(%x, @a, _) {activation = relu6}\n %y = nn.linear(%h, @b, _)",
    "%h = nn.linear(%x, @a, _)\n %z = nn.linear(%h, @b, _)\n %y = math.add(%h, %z)",
    "%h = nn.linear(%x, @a, _)\n %y = nn.linear(%h, @a, _)",
    "%h = nn.linear(%x, @a, _)\n %t = math.sigmoid(%h)\n %y = nn.linear(%t, @b, _)",
  ]) {
    const module = text(body);
    const { module: same, warnings } = await run(module, "equalize");
    assert.is(same, module, body);
    assert.is(warnings.length, 1);
  }
  const linked = text("%h = nn.linear(%x, @a, _)\n %y = nn.linear(%h, @b, _)");
  for (const pass of ["smooth", "awq"]) assert.is((await failure(() => run(linked, pass))).code, "E0720");
});

test.run();
