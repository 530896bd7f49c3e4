/** @file Every codec of weights in Chromium: the very bytes that were coded in Node; and a compact file. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import type { Browser } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { compile } from "../../compiler/compile.ts";
import { Random } from "../../compiler/random/random.ts";
import { type DType, encodeTensor, hostTensor } from "../../ir-spec/index.ts";
import { entropy } from "../../plugins/entropy/index.ts";
import { type PageServer, servePage } from "../../scripts/pages/server.ts";
import { twoLayers } from "../plugins/support.ts";
import { ROOT } from "../support/data.ts";
import { needing } from "../support/skip.ts";
import { hasChromium, launch, openPage } from "./chromium.ts";
import { type CodedSection, decodeFile, decodeSections } from "./decode-sections.ts";

const browserTest = needing(test, "chromium", hasChromium);
const folder = mkdtempSync(join(tmpdir(), "tersor-codecs-"));
let server: PageServer;
let browser: Browser;

test.before(async () => {
  if (!hasChromium) return;
  const entry = join(ROOT, "test/browser/decode-sections.ts");
  await build({ entryPoints: [entry], outfile: join(folder, "decode-sections.js"), bundle: true, format: "esm", logLevel: "silent" });
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>codecs</title><link rel=icon href=data:,>");
  server = await servePage(folder);
  browser = await launch();
});

test.after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Tensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Bells of unequal width by column, a wave that is predicted, masks, floats. */
function tensors(): readonly Tensor[] {
  const random = new Random(21);
  const made = (dtype: DType, shape: readonly number[], value: (i: number) => number): Tensor => {
    const host = hostTensor(dtype, shape);
    for (let i = 0; i < host.data.length; i++) host.data[i] = value(i);
    return { dtype, shape, bytes: encodeTensor(host) };
  };
  const clip = (value: number, limit: number) => Math.max(-limit, Math.min(limit, Math.round(value)));
  return [
    made("i8", [32, 16, 3, 3], (i) => clip(random.normal() * (4 + ((i * 7) % 60)), 127)),
    made("i4", [32, 16, 3, 3], (i) => clip(random.normal() * (1 + (i % 5)), 7)),
    made("i8", [16, 1, 256], (i) => clip(127 * Math.sin((i % 256) * 0.05 * (1 + Math.floor(i / 256))), 127)),
    made("u4", [5000], () => Math.min(15, Math.abs(Math.round(random.normal() * 3 + 7)))),
    made("u1", [64, 100], (i) => (random.float() < 0.1 + 0.3 * (Math.floor(i / 100) % 2) ? 1 : 0)),
    made("u8", [3000], () => random.int(256)),
    ...(["f32", "f16", "bf16"] as const).map((dtype) => made(dtype, [40, 50], () => random.normal() / 9)),
  ];
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

browserTest("sections of every codec decode to the bytes that were coded, in Chromium and in Node", async () => {
  const expected: string[] = [];
  const sections = tensors().flatMap(({ dtype, shape, bytes }) =>
    (entropy().codecs ?? []).flatMap((encoder): CodedSection[] => {
      const coded = encoder.encode({ bytes, dtype, shape });
      if (!coded) return [];
      expected.push(base64(bytes));
      return [{ codec: encoder.id, dtype, shape, rawLength: bytes.length, stored: base64(coded.bytes), params: base64(coded.params) }];
    }),
  );
  assert.equal([...new Set(sections.map((s) => s.codec))].sort(), ["context", "huffman", "planes", "range", "rans"]);
  assert.equal(decodeSections(sections), expected);
  const { page, problems } = await openPage(browser, server.url);
  const answers = await page.evaluate(async (given) => {
    const script = "/decode-sections.js";
    const module = (await import(script)) as { readonly decodeSections: typeof decodeSections };
    return module.decodeSections(given);
  }, sections);
  assert.equal(await problems(), []);
  await page.close();
  assert.is(answers.length, expected.length);
  answers.forEach((answer, i) => {
    assert.is(answer, expected[i], `${sections[i]?.codec} ${sections[i]?.dtype}`);
  });
});

browserTest("a compact file opens to the same sections in Chromium", async () => {
  const { bytes } = await compile(twoLayers(), { plugins: bundledPlugins(), pipeline: "quantize{bits=4},entropy", size: true });
  const expected = decodeFile(base64(bytes));
  assert.ok(expected.length >= 4);
  const { page, problems } = await openPage(browser, server.url);
  const answers = await page.evaluate(async (given) => {
    const script = "/decode-sections.js";
    const module = (await import(script)) as { readonly decodeFile: typeof decodeFile };
    return module.decodeFile(given);
  }, base64(bytes));
  assert.equal(await problems(), []);
  await page.close();
  assert.equal(answers, expected);
});

test.run();
