/** @file All techniques on one network: what is left verifies, has a form, computes what its parts say, and is the same every time. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile, computeStoredBytes, parsePipeline, presetText, printPipeline } from "../../compiler/index.ts";
import { interpreterExecutor } from "../../compiler/interpret/executor.ts";
import { checkEquivalent } from "../../compiler/testing/index.ts";
import { printModule } from "../../compiler/text/index.ts";
import { verifyModule } from "../../compiler/verify/verify.ts";
import { describeForm, hostTensor, toNumbers, weightForm } from "../../ir-spec/index.ts";
import { entropy } from "../../plugins/entropy/index.ts";
import { lowRank } from "../../plugins/low-rank/index.ts";
import { prune } from "../../plugins/prune/index.ts";
import { quantize } from "../../plugins/quantize/index.ts";
import { share } from "../../plugins/share/index.ts";
import { smallCnn } from "../passes/cnn.ts";
import { registry, run } from "../passes/support.ts";
import { dataOf, normals, oneLayer, twoLayers, valuesOf, withValues, zeros } from "./support.ts";

const all = "prune-magnitude{sparsity=75% min=0},share-weights{clusters=4 min=0},quantize{min=0},entropy";

test("the module verifies and its weight forms are described", async () => {
  const { module, warnings } = await run(twoLayers(), all);
  assert.equal(verifyModule(module, registry), []);
  assert.equal(warnings, []);
  for (const name of ["a", "b"]) assert.is(describeForm(weightForm(module, name)), "mask ∘ codebook4(u2, table int8/tensor)");
});

test("the weight is what its parts say, decoded by hand", async () => {
  const { module } = await run(twoLayers(), all);
  const [mask, codes, table, [scale = 0]] = ["a.mask", "a.values.codes", "a.values.table.q", "a.values.table.s"].map((name) =>
    dataOf(module, name),
  ) as [number[], number[], number[], number[]];
  let next = 0;
  const decoded = mask.map((bit) => (bit === 0 ? 0 : Math.fround((table[codes[next++] as number] as number) * scale)));
  assert.is(next, codes.length);
  assert.equal(valuesOf(module, "a"), decoded);
  assert.is(zeros(decoded), 384);
});

test("the interpreter agrees with a network of the decoded weights", async () => {
  const { module } = await run(twoLayers(), all);
  let plain = twoLayers();
  for (const name of ["a", "b"]) plain = withValues(plain, name, Float32Array.from(valuesOf(module, name)));
  const { ok, difference } = await checkEquivalent(plain, module, registry, { dims: { N: 3 } });
  assert.ok(ok, difference ?? "");
});

test("each technique takes its bytes away", async () => {
  const start = oneLayer(normals(64 * 64), 64);
  const sizes = [computeStoredBytes(start)];
  const { records } = await run(start, all);
  for (const { bytesAfter } of records) sizes.push(bytesAfter);
  // 4096 f32; 1024 f32 and 4096 bits; 1024 codes of 2 bits, 4 f32 and the bits; 4 bytes and a scale for the table.
  assert.equal(sizes, [16384, 4096 + 512, 256 + 16 + 512, 256 + 4 + 4 + 512, 256 + 4 + 4 + 512]);
});

test("twice: the same text", async () => {
  const [a, b] = [await run(twoLayers(), all), await run(twoLayers(), all)];
  assert.is(printModule(a.module), printModule(b.module));
});

test("share then prune, where nobody checked the order, warns and changes nothing", async () => {
  const { warnings, module } = await run(twoLayers(), "share-weights{min=0},prune-magnitude{min=0}");
  assert.is(warnings.length, 2);
  assert.is(zeros(valuesOf(module, "a")), 0);
});

const plugins = [lowRank(), prune(), share(), quantize(), entropy()];

test("compile with the default preset: same bytes twice, less than half of the plain file", async () => {
  const options = { plugins, preset: "default", targets: ["reference"] };
  const module = smallCnn();
  const [a, b, plain] = [await compile(module, options), await compile(module, options), await compile(module, { targets: ["reference"] })];
  assert.equal(Buffer.compare(Buffer.from(a.bytes), Buffer.from(b.bytes)), 0);
  assert.ok(a.bytes.length < plain.bytes.length / 2, `${a.bytes.length} of ${plain.bytes.length}`);
  assert.equal(verifyModule(a.module, a.host.ops), []);
  assert.ok(a.pipeline.includes(printPipeline(parsePipeline(presetText(a.host, "default")))), a.pipeline);
});

test("a careful pipeline stays near the original: cosine of the scores above 0.98", async () => {
  const module = smallCnn();
  const { module: small } = await run(
    module,
    "fold-batch-norm,materialize,prune-magnitude{sparsity=20% min=0},share-weights{clusters=32},quantize",
  );
  const image = hostTensor("f32", [1, 2, 8, 8], normals(128, 4));
  const executor = interpreterExecutor(registry);
  const [x, y] = [await executor.run(module, { image }), await executor.run(small, { image })].map(({ outputs }) => outputs.scores);
  if (!x || !y) throw new Error("no scores");
  const [p, q] = [toNumbers(x), toNumbers(y)];
  const dot = (u: readonly number[], v: readonly number[]) => u.reduce((sum, value, i) => sum + value * (v[i] as number), 0);
  const cosine = dot(p, q) / Math.sqrt(dot(p, p) * dot(q, q));
  assert.ok(cosine > 0.98 && cosine < 1, `${cosine}`);
});

test.run();
