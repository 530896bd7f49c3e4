/**
 * @file The digit page with `?webgpu`: answered by the GPU where Chromium has an adapter (a software one here), by WebAssembly where it has none, and the page says which; who does not
 * ask for it fetches none of it. And the bundled network on WebGPU in Chromium beside WebAssembly in Node.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inkDigit } from "../../examples/digit-page/ink.ts";
import { Tensor } from "../../runtime/index.ts";
import { buildDigitPage, digitModel } from "../../scripts/pages/pages.ts";
import { type PageServer, servePage } from "../../scripts/pages/server.ts";
import { ROOT } from "../support/data.ts";
import { needing } from "../support/skip.ts";
import { hasChromium, launch, openPage } from "./chromium.ts";
import { answerOf, draw, ready } from "./digit-page.ts";
import { fileRun } from "./kernel-runs.ts";
import { type FileRun, runFiles } from "./run-files.ts";
import { handwriting } from "./strokes.ts";

const browserTest = needing(test, "chromium", hasChromium);
const folder = mkdtempSync(join(tmpdir(), "tersor-digits-webgpu-"));
const DIGITS = [2, 4, 7];
let model: Uint8Array = new Uint8Array();
let server: PageServer;
let browser: Browser;

test.before(async () => {
  if (!hasChromium) return;
  const built = await digitModel();
  model = built.bytes;
  const site = join(folder, "dist");
  const { lazyScriptBytes } = await buildDigitPage(built, site);
  assert.ok(lazyScriptBytes > 10_000, `${lazyScriptBytes} bytes of scripts on demand`);
  const entry = join(ROOT, "test/browser/run-files.ts");
  await build({ entryPoints: [entry], outfile: join(site, "run-files.js"), bundle: true, format: "esm", logLevel: "silent" });
  server = await servePage(site);
  browser = await launch({ webgpu: true });
});

test.after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const textOf = (page: Page, id: string) => page.locator(`#${id}`).innerText();

async function drawAll(page: Page): Promise<void> {
  for (const digit of DIGITS) {
    await draw(page, digit);
    const { answer, percent } = await answerOf(page);
    assert.is(answer, String(digit), `${digit}: ${percent.join(" ")}`);
  }
}

for (const query of ["?webgpu", "?worker&webgpu"]) {
  browserTest(`${query}: drawn digits are recognized on the GPU`, async () => {
    const { page, problems } = await openPage(browser, server.url + query);
    await ready(page);
    assert.is(await textOf(page, "backend"), "webgpu", await textOf(page, "problem"));
    assert.not(await page.locator("#skipped").isVisible());
    assert.is(page.workers().length, query.includes("worker") ? 1 : 0);
    await drawAll(page);
    assert.equal(await problems(), []);
    await page.close();
  });
}

browserTest("without an adapter the page answers with WebAssembly, and says why", async () => {
  const plain = await launch();
  try {
    for (const query of ["?webgpu", "?worker&webgpu"]) {
      const { page, problems } = await openPage(plain, server.url + query);
      await ready(page);
      assert.is(await textOf(page, "backend"), "wasm");
      assert.match(await textOf(page, "skipped"), /^Not on webgpu: error\[R0401\]: webgpu: no WebGPU/);
      await drawAll(page);
      assert.equal(await problems(), []);
      await page.close();
    }
  } finally {
    await plain.close();
  }
});

browserTest("who does not ask for WebGPU fetches none of it, though the browser has it", async () => {
  const scripts = async (query: string): Promise<readonly string[]> => {
    const fetched: Promise<string>[] = [];
    const { page } = await openPage(browser, server.url + query, async (opened) => {
      opened.on("response", (response) => {
        if (response.request().resourceType() === "script") fetched.push(response.text());
      });
    });
    await ready(page);
    assert.is(await textOf(page, "backend"), query === "" ? "wasm" : "webgpu");
    const texts = await Promise.all(fetched);
    await page.close();
    return texts;
  };
  const speaksWebGpu = (text: string) => text.includes("createComputePipeline") || text.includes("requestAdapter");
  assert.is((await scripts("")).filter(speaksWebGpu).length, 0);
  assert.is((await scripts("?webgpu")).filter(speaksWebGpu).length, 1);
});

/** Of `runFiles`: the last word is the bytes of f32 numbers. */
function numbersOf(answer: string | undefined): Float32Array {
  const bytes = Buffer.from(answer?.split(" ").at(-1) ?? "", "hex");
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

/** Drawn digits as the page gives them to the network. */
function pictures(digits: readonly number[]): Tensor {
  const grey = digits.flatMap((digit) => [...inkDigit((handwriting[digit] ?? []).map((stroke) => stroke.map(([x, y]) => ({ x, y }))))]);
  return new Tensor("f32", Float32Array.from(grey), [digits.length, 1, 28, 28]);
}

browserTest("the bundled network on WebGPU in Chromium agrees with WebAssembly in Node, one picture and six", async () => {
  const runs = [[3], Object.keys(handwriting).map(Number)].map((digits) =>
    fileRun(`digits ${digits.join()}`, model, { image: pictures(digits) }),
  );
  const { page, problems } = await openPage(browser, server.url);
  const there = await page.evaluate(
    async (given) => {
      const script = "/run-files.js";
      const module = (await import(script)) as { readonly runFiles: typeof runFiles };
      return module.runFiles(given, "webgpu");
    },
    runs satisfies readonly FileRun[],
  );
  assert.equal(await problems(), []);
  await page.close();
  const here = await runFiles(runs);
  runs.forEach(({ name }, i) => {
    const [ours, theirs] = [numbersOf(here[i]?.[0]), numbersOf(there[i]?.[0])];
    assert.ok(ours.length > 0, name);
    assert.is(theirs.length, ours.length, name);
    const largest = Math.max(...ours.map(Math.abs));
    const worst = Math.max(...ours.map((value, at) => Math.abs(value - (theirs[at] ?? Number.NaN))));
    assert.ok(worst <= 1e-4 * largest, `${name}: error ${worst} of ${largest}`);
  });
});

test.run();
