/** @file The budget of the metadata: a compressed mnist-cnn, source, plan, names, locations and build record included, stays below 2 KiB. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { describeFile } from "../../compiler/emit/describe-file.ts";
import { emitFile } from "../../compiler/emit/emit.ts";
import { readSource } from "../../compiler/emit/read-source.ts";
import { compressedNetwork, compressedPlan } from "./compressed-network.ts";
import { moduleText } from "./module-text.ts";

const hash = (seed: number): string =>
  Array.from({ length: 32 }, (_, i) => ((i * 151 + seed) & 255).toString(16).padStart(2, "0")).join("");
const build = {
  tersor: "0.1.0",
  pipeline:
    "prune-magnitude{sparsity=0.5 scope=global},share-weights{clusters=16},quantize{bits=8 calibration=mse},fold-batch-norm,fuse-activation,canonicalize,dead-code",
  plugins: ["prune", "share", "quantize", "entropy"].map((name) => ({ name, version: "0.1.0" })),
  modelSha256: hash(1),
  dataSha256: hash(7),
  seed: 1,
  costProfile: "wasm-simd",
};

test("metadata of a compressed mnist-cnn stays below 2 KiB", () => {
  const bytes = emitFile({ source: compressedNetwork(), plans: [{ target: "wasm-simd", module: compressedPlan() }], build });
  const { metadata, sections, paddingBytes } = describeFile(bytes);
  process.stdout.write(
    `\nmetadata: ${metadata.storedBytes} bytes of ${metadata.rawBytes}, ${sections.length} sections, ${paddingBytes} bytes of padding\n`,
  );
  assert.ok(metadata.storedBytes < 2048, `${metadata.storedBytes} bytes`);
  assert.ok(paddingBytes < 64);
  assert.is(moduleText(readSource(bytes)), moduleText(compressedNetwork()));
});

test.run();
