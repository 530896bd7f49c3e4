/** @file The example of GRAMMAR.md, in core ops with a resource: byte for byte through text, with and without its types, and it runs. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { moduleDifference, parseModule, printModule, readModule } from "../../compiler/text/index.ts";
import { verifyModule } from "../../compiler/verify/index.ts";
import { createCoreRegistry, hostTensor } from "../../ir-spec/index.ts";

const registry = createCoreRegistry();
const grammar = readFileSync(fileURLToPath(new URL("../../ir-spec/GRAMMAR.md", import.meta.url)), "utf8");
const example = /```\n(tersor 1\.0\n\n\/\/\/ Tiny MNIST CNN[\s\S]*?\n)```/.exec(grammar)?.[1] ?? "";
const bytes = Uint8Array.from({ length: 31396 }, (_, i) => (i < 36 ? i : i % 4 === 3 ? 0 : i % 7));
const options = { registry, file: "example.tir", resources: (path: string) => (path === "mnist_cnn.bin" ? bytes : null) };

test("prints byte for byte as written", () => {
  assert.ok(example.length > 1200);
  const { module, problems } = parseModule(example, options);
  assert.equal(problems, []);
  if (!module) return;
  assert.is(printModule(module), example);
  assert.equal(verifyModule(module, registry), []);
  assert.is(module.resources.get("weights")?.bytes, bytes);
});

test("without its types it reads the same", () => {
  const bare = example.replace(/^(\s+%.*?) : tensor<[^>]*>/gm, "$1");
  assert.is(bare.match(/tensor</g)?.length, (example.match(/tensor</g)?.length ?? 0) - 7);
  assert.is(moduleDifference(readModule(bare, options), readModule(example, options)), null);
});

test("the short module of GRAMMAR.md is complete", () => {
  const short = /```\n(tersor 1\.0\nmodule @m[\s\S]*?)```/.exec(grammar)?.[1] ?? "";
  const module = readModule(short, { registry });
  assert.match(printModule(module), "    %y = math.relu(%x) : tensor<Nx4xf32>\n");
});

test("it runs", () => {
  const module = readModule(example, options);
  const { outputs } = interpret(module, registry, { image: hostTensor("f32", [2, 1, 28, 28]) });
  assert.equal(outputs.probs?.shape, [2, 10]);
  const sum = Array.from(outputs.probs?.data ?? [], Number).reduce((a, b) => a + b, 0);
  assert.ok(Math.abs(sum - 2) < 1e-5);
});

test.run();
