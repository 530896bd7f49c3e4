/**
 * @file Every wasm kernel, and whole models, in Chromium: the same bits as in Node. No kernel of this version uses relaxed SIMD, so floats too must be equal to the last bit.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { compile } from "../../compiler/compile.ts";
import { digits } from "../../compiler/data/digits/digits.ts";
import { readDigitsModel } from "../../examples/digits/files.ts";
import { createCoreRegistry } from "../../ir-spec/index.ts";
import { Tensor } from "../../runtime/index.ts";
import { digitModel, faceModel } from "../../scripts/pages/pages.ts";
import { type PageServer, servePage } from "../../scripts/pages/server.ts";
import { hasData, ROOT } from "../support/data.ts";
import { seeded } from "../support/seeded.ts";
import { need, needing } from "../support/skip.ts";
import { hasChromium, launch, openPage } from "./chromium.ts";
import { fileRun, kernelRuns, testedRows } from "./kernel-runs.ts";
import { ULTRAFACE } from "./photographs.ts";
import { type FileRun, runFiles } from "./run-files.ts";

const browserTest = needing(test, "chromium", hasChromium);

const folder = mkdtempSync(join(tmpdir(), "tersor-kernels-"));
let server: PageServer;
let browser: Browser;

test.before(async () => {
  if (!hasChromium) return;
  const entry = join(ROOT, "test/browser/run-files.ts");
  await build({ entryPoints: [entry], outfile: join(folder, "run-files.js"), bundle: true, format: "esm", logLevel: "silent" });
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>kernels</title><link rel=icon href=data:,>");
  server = await servePage(folder);
  browser = await launch();
});

test.after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function inChromium(runs: readonly FileRun[]): Promise<readonly (readonly string[])[]> {
  const { page, problems } = await openPage(browser, server.url);
  const answers = await page.evaluate(async (given) => {
    const script = "/run-files.js";
    const module = (await import(script)) as { readonly runFiles: typeof runFiles };
    return module.runFiles(given);
  }, runs);
  assert.equal(await problems(), []);
  await page.close();
  return answers;
}

async function assertSameBits(runs: readonly FileRun[]): Promise<void> {
  const [ours, theirs] = [await runFiles(runs), await inChromium(runs)];
  assert.is(theirs.length, runs.length);
  runs.forEach(({ name }, i) => {
    assert.ok((ours[i]?.length ?? 0) > 0, name);
    assert.equal(theirs[i], ours[i], name);
  });
}

function imageRun(name: string, file: Uint8Array, input: string, shape: readonly number[], scale: number): FileRun {
  const { data } = seeded(11).tensor("f32", shape, scale);
  return fileRun(name, file, { [input]: new Tensor("f32", Float32Array.from(data as Float32Array), shape) });
}

browserTest("every kernel of the manifest gives Node's bits in Chromium", async () => {
  const runs = kernelRuns();
  const covered = new Set(runs.map(({ name }) => name.split(" ")[0]));
  assert.equal(
    [...new Set(testedRows.map(({ id }) => id))].filter((id) => !covered.has(id)),
    [],
  );
  await assertSameBits(runs);
});

browserTest("the bundled digits network gives Node's bits in Chromium", async () => {
  const { bytes } = await digitModel();
  await assertSameBits([imageRun("digits", bytes, "image", [5, 1, 28, 28], 255)]);
});

browserTest("the digits network with 8-bit weights and activations, integer kernels, gives Node's bits in Chromium", async () => {
  const { bytes, plans } = await compile(readDigitsModel(createCoreRegistry()), {
    plugins: bundledPlugins(),
    targets: ["wasm-simd"],
    pipeline: "quantize{bits=8 activations=static}",
    data: digits({ split: "train", count: 16 }),
  });
  for (const kernel of ["i8_conv", "i8_linear"]) assert.ok(plans[0]?.kernels.includes(kernel), plans[0]?.kernels.join());
  await assertSameBits([imageRun("digits W8A8", bytes, "image", [5, 1, 28, 28], 255)]);
});

browserTest("UltraFace gives Node's bits in Chromium", async () => {
  if (!need("data", hasData, "UltraFace in Chromium")) return;
  const { bytes } = await faceModel(ULTRAFACE);
  await assertSameBits([imageRun("UltraFace", bytes, "input", [1, 3, 240, 320], 1)]);
});

test.run();
