/** @file Static quantization: where pairs go (CHECK lines), scales and zero points by hand, weights and biases per channel, what composes, and what is refused. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type DataSet, dataSet, type Executor, interpret, legalize, lower, printModule } from "../../compiler/index.ts";
import { interpreterExecutor } from "../../compiler/interpret/executor.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { checkOutput } from "../../compiler/testing/filetest/check.ts";
import type { Check } from "../../compiler/testing/filetest/directives.ts";
import { verifyModule } from "../../compiler/verify/verify.ts";
import { describeForm, hostTensor, type Module, mainFunction, toNumbers, weightForm } from "../../ir-spec/index.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { smallCnn } from "../passes/cnn.ts";
import { failure, readBody, registry, run } from "../passes/support.ts";
import { loadPlan, toHost, toTensor } from "../support/op-module.ts";
import { dataOf, dtypeOf, normals, partsOf, valuesOf, withValues } from "./support.ts";

function samplesOf(values: ArrayLike<number>, shape: readonly number[], input = "x"): DataSet {
  const size = shape.reduce((n, d) => n * d, 1);
  const count = values.length / size;
  return dataSet({
    name: "samples",
    classes: 1,
    inputs: { [input]: { dtype: "f32", shape } },
    labels: new Uint8Array(count),
    write: (index, out, row) => out[input]?.set(Float32Array.from(values).subarray(index * size, (index + 1) * size), row * size),
  });
}

async function quantized(module: Module, data: DataSet, options = "", before = ""): Promise<Module> {
  const { module: after } = await run(module, `${before}quantize{activations=static ${options}}`, { data });
  assert.equal(verifyModule(after, registry), []);
  return after;
}

/** `CHECK-NOT:` and the like keep their kinds; other lines follow each other directly. */
function expectText(module: Module, lines: readonly string[]): void {
  const checks = lines.map((line, i): Check => {
    const [kind, pattern] = line.startsWith("NOT ") ? (["CHECK-NOT", line.slice(4)] as const) : (["CHECK", line] as const);
    return { kind, pattern, line: i + 1 };
  });
  assert.equal(checkOutput(checks, printModule(module)), []);
}

const block = readBody(`  func @main(%x: tensor<Nx1x4x4xf32>) -> (probs: tensor<Nx8xf32>) {
    %c = nn.conv(%x, @w, @b) {pad = [1, 1, 1, 1]}
    %r = math.relu(%c)
    %p = nn.max_pool(%r) {kernel = [2, 2], stride = [2, 2]}
    %s = math.add(%p, %p)
    %t = math.relu(%s)
    %flat = shape.reshape(%t) {shape = [0, -1]}
    %probs = math.softmax(%flat)
    return %probs
  }
  const @w : tensor<2x1x3x3xf32> = splat 1.0
  const @b : tensor<2xf32> = [0.5, -0.25]`);
const blockModule = withValues(block, "w", normals(18, 5));
const blockData = samplesOf(normals(64, 6), [1, 4, 4]);

test("pairs stand around computing ops, behind their relu; pools and reshapes share a scale; softmax stays float", async () => {
  const after = await quantized(blockModule, blockData);
  expectText(after, [
    "%x.q = quant.quantize(%x, @x.s, @x.z)",
    "%x.dq = quant.dequantize(%x.q, @x.s, @x.z)",
    "%c = nn.conv(%x.dq, @w, @b)",
    "NOT quant.quantize(%c",
    "%r = math.relu(%c)",
    "%r.q = quant.quantize(%r, @r.s, @r.z)",
    "%p = nn.max_pool(%r.dq)",
    "%p.q = quant.quantize(%p, @r.s, @r.z)",
    "%s = math.add(%p.dq, %p.dq)",
    "NOT quant.quantize(%s",
    "%t = math.relu(%s)",
    "%t.q = quant.quantize(%t, @t.s, @t.z)",
    "%flat = shape.reshape(%t.dq)",
    "%flat.q = quant.quantize(%flat, @t.s, @t.z)",
    "%probs = math.softmax(%flat.dq)",
    "return %probs",
  ]);
  const { module: legal, float } = legalize(after, registry);
  assert.equal(float, []);
  assert.equal(
    mainFunction(legal).ops.map(({ name }) => name),
    ["quant.quantize", "int.conv", "nn.max_pool", "int.add", "shape.reshape", "quant.dequantize", "math.softmax"],
  );
});

test("scale and zero point by hand: the range includes 0, and 0 has a code of its own", async () => {
  const net = readBody(`  func @main(%x: tensor<Nx1xf32>) -> (y: tensor<Nx2xf32>) {
    %y = nn.linear(%x, @w, _)
    return %y
  }
  const @w : tensor<2x1xf32> = [2.0, -1.0]`);
  const after = await quantized(net, samplesOf([1, 2, 10.2], [1]), "calibration=minmax");
  // x in 0 .. 10.2 though no sample is below 1; y in -10.2 .. 20.4.
  assert.equal([dataOf(after, "x.s"), dataOf(after, "x.z")], [[Math.fround(Math.fround(10.2) / 255)], [-128]]);
  const high = Math.fround(2 * Math.fround(10.2));
  const low = -Math.fround(10.2);
  const scale = Math.fround(high / 255 - low / 255);
  assert.equal([dataOf(after, "y.s"), dataOf(after, "y.z")], [[scale], [Math.round(-128 - low / scale)]]);
  assert.equal([dataOf(after, "w.q"), dataOf(after, "w.s")], [[127, -127], [2, 1].map((w) => Math.fround(w / 127))]);
});

test("a value that is always 0 gets scale 1; negative only works too", async () => {
  const net = readBody(
    `  func @main(%x: tensor<Nx1xf32>) -> (y: tensor<Nx1xf32>) {
    %y = nn.linear(%x, @w, _)
    return %y
  }
  const @w : tensor<1x1xf32> = 1.0`.replace("= 1.0", "= [1.0]"),
  );
  const dead = await quantized(net, samplesOf([0, 0], [1]));
  assert.equal([dataOf(dead, "x.s"), dataOf(dead, "x.z")], [[1], [0]]);
  const negative = await quantized(net, samplesOf([-255, -3], [1]));
  assert.equal([dataOf(negative, "x.s"), dataOf(negative, "x.z")], [[1], [127]]);
});

test("biases are i32 in units of s_x * s_w; a large one raises its channel's scale", async () => {
  const net = readBody(`  func @main(%x: tensor<Nx2xf32>) -> (y: tensor<Nx3xf32>) {
    %y = nn.linear(%x, @w, @b)
    return %y
  }
  const @w : tensor<3x2xf32> = [1.0, -1.0, 0.0, 0.0, 1e-9, 1e-9]
  const @b : tensor<3xf32> = [0.5, 3.0, 100.0]`);
  const after = await quantized(net, samplesOf([1, -1, 0.5, 1], [2]), "calibration=minmax");
  const [sx = 0] = dataOf(after, "x.s");
  const [sw, sb, qb] = [dataOf(after, "w.s"), dataOf(after, "b.s"), dataOf(after, "b.q")];
  assert.is(dtypeOf(after, "b.q"), "i32");
  for (const i of [0, 1, 2]) {
    assert.is(sb[i], Math.fround(sx * (sw[i] as number)));
    assert.is(qb[i], Math.round(([0.5, 3, 100][i] as number) / (sb[i] as number)));
    assert.ok(Math.abs(qb[i] as number) <= 2 ** 30);
  }
  // The empty channel's bias has 24 bits; the tiny one's all that there is.
  assert.ok(Math.abs(Math.log2(qb[1] as number) - 24) < 0.01 && (qb[2] as number) > 2 ** 29);
  assert.equal(
    valuesOf(after, "b").map((value) => Math.round(value * 1e4) / 1e4),
    [0.5, 3, 100],
  );
  const { module: legal, float } = legalize(after, registry);
  assert.equal(float, []);
  assert.ok(mainFunction(legal).ops[1]?.operands.includes("b.q"));
});

test("a concatenation shares its scale with operands that only it reads; constants become codes", async () => {
  const net = readBody(`  func @main(%x: tensor<Nx2xf32>) -> (y: tensor<Nx6xf32>, z: tensor<Nx2xf32>) {
    %a = nn.linear(%x, @w, _)
    %b = nn.linear(%x, @v, _)
    %c = shape.concat(%a, %b, %x) {axis = 1}
    %z = math.add(%b, @k)
    return %c, %z
  }
  const @w : tensor<2x2xf32> = [1.0, 2.0, 3.0, 4.0]
  const @v : tensor<2x2xf32> = [0.1, 0.2, 0.3, 0.4]
  const @k : tensor<2xf32> = [0.0, 2.55]`);
  const after = await quantized(net, samplesOf([1, -1, 0.5, 1], [2]));
  expectText(after, [
    "%a.q = quant.quantize(%a, @a.s, @a.z)",
    "%b.q = quant.quantize(%b, @b.s, @b.z)",
    "%c.q = quant.quantize(%c, @a.s, @a.z)",
    "%z = math.add(%b.dq, @k.dq)",
    "const @k.dq : tensor<2xf32> = quant.dequantize(@k.q, @k.s, @k.z)",
    "const @k.q : tensor<2xi8> = [-128, 127]",
  ]);
  const { module: legal, float } = legalize(after, registry);
  assert.equal(float, []);
  const requantized = mainFunction(legal).ops.filter(({ name }) => name === "int.requantize");
  assert.is(requantized.length, 2);
});

test("layers that keep names stay float and are fed floats; coordinates worked out in float stay float", async () => {
  const net = readBody(`  func @main(%x: tensor<Nx2xf32>) -> (y: tensor<Nx2xf32>) {
    %a = nn.linear(%x, @w, _)
    %b = nn.linear(%a, @head, _)
    %e = math.exp(%b)
    %m = math.mul(%e, %a)
    %y = math.add(%m, @k)
    return %y
  }
  const @w : tensor<2x2xf32> = [1.0, 2.0, 3.0, 4.0]
  const @head : tensor<2x2xf32> = [1.0, 0.5, 0.25, 1.0]
  const @k : tensor<2xf32> = [1.0, 2.0]`);
  const after = await quantized(net, samplesOf([0.1, -0.1, 0.5, 0.3], [2]), "keep=head");
  expectText(after, ["%a.q = quant.quantize", "%b = nn.linear(%a.dq, @head, _)", "NOT quant.quantize", "return %y"]);
  assert.is(dtypeOf(after, "head"), "f32");
  assert.is(after.constants.get("head")?.kind, "data");
});

test("pruned, shared, 4-bit and transposed weights keep their form and become integer", async () => {
  const net = withValues(
    readBody(`  func @main(%x: tensor<Nx16xf32>) -> (y: tensor<Nx8xf32>) {
    %y = nn.linear(%x, @w, _)
    return %y
  }
  const @w : tensor<8x16xf32> = splat 1.0`),
    "w",
    normals(128, 9),
  );
  const data = samplesOf(normals(64, 10), [16]);
  const forms: readonly (readonly [string, string, string])[] = [
    ["", "", "int8/channel"],
    ["", "bits=4", "int4/channel"],
    ["", "granularity=tensor", "int8/tensor"],
    ["prune-magnitude{sparsity=50% min=0},", "", "mask ∘ int8/channel"],
    ["prune-magnitude{sparsity=50% min=0},", "bits=4", "mask ∘ int4/channel"],
    ["share-weights{clusters=8 min=0},", "", "codebook8(u4, table int8/tensor)"],
    ["prune-magnitude{sparsity=50% min=0},share-weights{clusters=4 min=0},", "", "mask ∘ codebook4(u2, table int8/tensor)"],
  ];
  const target = builtinTargets.find(({ name }) => name === "wasm-simd");
  if (!target) throw new Error("no wasm-simd");
  for (const [before, options, form] of forms) {
    const after = await quantized(net, data, options, before);
    assert.is(describeForm(weightForm(after, "w")), form);
    const legal = legalize(after, registry);
    assert.equal(legal.float, [], form);
    const lowered = lower(after, target, registry);
    assert.equal(lowered.materialized, [], form);
    assert.equal(
      [...lowered.module.constants.values()].filter((c) => c.type.dtype === "f32" && c.type.shape.length > 0),
      [],
    );
  }
});

test("per-channel scales of a pruned weight follow the rows of its stored values", async () => {
  const values = normals(4 * 6, 3).map((value, i) => (i % 3 === 0 ? 0.001 * value : value) * 10 ** Math.floor(i / 6));
  const net = withValues(
    readBody(`  func @main(%x: tensor<Nx6xf32>) -> (y: tensor<Nx4xf32>) {
    %y = nn.linear(%x, @w, _)
    return %y
  }
  const @w : tensor<4x6xf32> = splat 1.0`),
    "w",
    values,
  );
  const after = await quantized(net, samplesOf(normals(60), [6]), "calibration=minmax", "prune-magnitude{sparsity=25% min=0 scope=layer},");
  const scales = dataOf(after, partsOf(after, "w")[1] ?? "");
  const decoded = valuesOf(after, "w");
  values.forEach((value, i) => {
    const step = scales[Math.floor(i / 6)] as number;
    if (decoded[i] !== 0) assert.ok(Math.abs((decoded[i] as number) - value) <= (step / 2) * (1 + 1e-6), `${i}`);
  });
  assert.is(decoded.filter((value) => value === 0).length >= 6, true);
});

test("a CNN: all clusters integer, wasm equals the integer reference bit for bit, near the float model", async () => {
  const { module: prepared } = await run(
    smallCnn(),
    "infer-shapes,fold-constants,canonicalize,fold-constants,cse,fuse-activation,materialize,dce,fold-batch-norm,materialize,fuse-activation",
  );
  const data = samplesOf(normals(32 * 128, 2), [2, 8, 8], "image");
  const after = await quantized(prepared, data);
  const { module: legal, float } = legalize(after, registry);
  assert.equal(float, []);
  const image = hostTensor("f32", [4, 2, 8, 8], normals(4 * 128, 11));
  const scoresOf = (module: Module) => toNumbers(interpret(module, registry, { image }).outputs.scores ?? image);
  const target = builtinTargets.find(({ name }) => name === "wasm-simd");
  if (!target) throw new Error("no wasm-simd");
  const session = await loadPlan(lower(after, target, registry), wasm());
  const { scores } = await session.run({ image: toTensor(image) });
  session.dispose();
  if (!scores) throw new Error("no scores");
  assert.equal(toNumbers(toHost(scores)), scoresOf(legal));
  const [exact, integer] = [scoresOf(prepared), scoresOf(legal)];
  const largest = Math.max(...exact.map(Math.abs));
  assert.ok(exact.every((value, i) => Math.abs(value - (integer[i] as number)) < 0.06 * largest));
});

test("twice: the same text; a quantized body is left alone", async () => {
  const [a, b] = [await quantized(blockModule, blockData), await quantized(blockModule, blockData)];
  assert.is(printModule(a), printModule(b));
  const again = await run(a, "quantize{activations=static}", { data: blockData });
  assert.is(again.module, a);
  assert.equal(again.warnings, ["quantize: activations are quantized already: left alone"]);
});

test("refused: no data, a value without a range, groups, 16 bits", async () => {
  const none = await failure(() => run(blockModule, "quantize{activations=static}"));
  assert.is(none.code, "E0720");
  assert.match(none.problems[0]?.hint ?? "", "--data SPEC");
  const broken = withValues(blockModule, "b", Float32Array.of(Number.POSITIVE_INFINITY, 0));
  const infinite = await failure(() => quantized(broken, blockData));
  assert.is(infinite.code, "E0722");
  assert.match(infinite.message, "%r is NaN or infinite for 64 elements of the calibration data");
  assert.match((await failure(() => quantized(blockModule, blockData, "granularity=group"))).message, "granularity=group");
  assert.match((await failure(() => quantized(blockModule, blockData, "bits=16"))).message, "2..8 bits");
});

test("an executor that is given is the one that runs", async () => {
  let runs = 0;
  const inner = interpreterExecutor(registry);
  const executor: Executor = {
    run(...args) {
      runs++;
      return inner.run(...args);
    },
  };
  await run(blockModule, "quantize{activations=static samples=2}", { data: blockData, executor });
  assert.is(runs, 1);
});

test.run();
