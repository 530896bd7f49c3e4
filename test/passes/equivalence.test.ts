/** @file Every general pass, and pipelines of them, keep what a network computes: random inputs before and after, relative error 1e-5. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { preparePipeline } from "../../compiler/index.ts";
import { generalPasses } from "../../compiler/passes/index.ts";
import { checkEquivalent } from "../../compiler/testing/index.ts";
import { printModule } from "../../compiler/text/index.ts";
import { smallCnn } from "./cnn.ts";
import { registry, run } from "./support.ts";

const names = generalPasses.map((pass) => pass.name);
const foldAll = `${preparePipeline},fold-batch-norm,materialize,fuse-activation,dce`;

async function checkKept(pipeline: string, seed: number): Promise<void> {
  const before = smallCnn(seed);
  const { module: after } = await run(before, pipeline);
  const { ok, difference } = await checkEquivalent(before, after, registry, { seed, tolerance: 1e-5, dims: { N: 2 }, runs: 2 });
  assert.ok(ok, `${pipeline}: ${difference}`);
}

for (const pipeline of [...names, preparePipeline, foldAll]) test(`${pipeline} keeps the outputs`, () => checkKept(pipeline, 3));

test("property: any order of general passes keeps the outputs", async () => {
  const pipelines = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 8 }).map((list) => list.join(","));
  await fc.assert(fc.asyncProperty(pipelines, fc.integer({ min: 0, max: 1000 }), checkKept), { numRuns: 25, seed: 1 });
});

test("together they leave two convs and two linears, activations inside, plain data weights", async () => {
  const { module } = await run(smallCnn(), foldAll);
  const ops = module.functions.get("main")?.ops.map((op) => op.name);
  assert.equal(ops, ["nn.conv", "nn.conv", "math.add", "shape.reshape", "nn.linear", "nn.linear"]);
  const derived = [...module.constants.values()].filter((constant) => constant.kind === "derived");
  assert.equal(
    derived.map((constant) => constant.name),
    [],
  );
  assert.is(module.constants.size, 8);
});

test("a second run changes nothing, the same object comes back", async () => {
  const { module } = await run(smallCnn(), foldAll);
  assert.is((await run(module, foldAll)).module, module);
});

test("twice from the same input: the same text", async () => {
  const [a, b] = [await run(smallCnn(), foldAll), await run(smallCnn(), foldAll)];
  assert.is(printModule(a.module), printModule(b.module));
});

test("the check can fail: another weight is seen", async () => {
  const { ok } = await checkEquivalent(smallCnn(1), smallCnn(2), registry, { tolerance: 1e-5, dims: { N: 2 }, runs: 1 });
  assert.not(ok);
});

test.run();
