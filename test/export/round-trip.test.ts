/**
 * @file Out and in again: what the importer makes of an exported module is the module, up to canonicalization and names (`normalText`). Random networks with plain and quantized weights,
 * and the real models; ONNX Runtime runs the random ones too.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { importOnnx } from "../../compiler/import/index.ts";
import { preparePipeline } from "../../compiler/index.ts";
import type { Module } from "../../ir-spec/index.ts";
import { run } from "../passes/support.ts";
import { DATA, hasData } from "../support/data.ts";
import { ort } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { need, needing } from "../support/skip.ts";
import { normalText } from "./normal-text.ts";
import { randomNetwork } from "./random-network.ts";
import { assertSameInOrt, exported, moduleOf, type Options, registry } from "./support.ts";

const canonical = async (module: Module): Promise<Module> => (await run(module, preparePipeline)).module;

/** Exported in canonical form, imported, and made canonical: the text before and after. */
async function roundTrip(module: Module, options: Options): Promise<readonly [before: string, after: string]> {
  const before = await canonical(module);
  const after = await canonical(importOnnx(exported(before, options), { registry }));
  return [normalText(before), normalText(after)];
}

const seeds = Array.from({ length: 80 }, (_, i) => i);
const oracle = needing(test, "ort", ort !== null);

for (const weights of ["qdq-signed", "nbits"] as const) {
  test(`random networks come back as they were, weights as ${weights}`, async () => {
    for (const seed of seeds) {
      const { main, constants } = randomNetwork(seed);
      const [before, after] = await roundTrip(moduleOf(main, constants), { weights });
      assert.snapshot(after, before, `seed ${seed}`);
    }
  });
}

oracle("ONNX Runtime computes of the exported random networks what the interpreter does", async () => {
  for (const seed of seeds.slice(0, 30)) {
    const { main, constants, input } = randomNetwork(seed);
    const x = seeded(seed).tensor("f32", [2, ...input]);
    for (const weights of ["qdq", "nbits"] as const)
      await assertSameInOrt(moduleOf(main, constants), { x }, `seed ${seed}`, { weights }, 0.02);
  }
});

const models = ["mnist-cnn-op8", "cifar10-resnet4b", "cifar10-resnet2b", "ultraface-rfb-320", "super-resolution-op18"];
for (const name of models) {
  test(`${name} comes back as it was`, async () => {
    if (!need("data", hasData, name)) return;
    const module = importOnnx(new Uint8Array(readFileSync(join(DATA, "models", `${name}.onnx`))), { registry });
    const [before, after] = await roundTrip(module, {});
    assert.snapshot(after, before);
  });
}

test.run();
