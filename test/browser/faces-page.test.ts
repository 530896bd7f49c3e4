/** @file The faces page as a person uses it: a photograph chosen from the disk, faces framed and listed, the boxes those of ONNX Runtime; with its model built in, and given. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Face, overlap } from "../../examples/faces-page/boxes.ts";
import { wasm } from "../../runtime/backends/wasm/index.ts";
import { load } from "../../runtime/index.ts";
import { buildFacePage, faceModel } from "../../scripts/pages/pages.ts";
import { servePage } from "../../scripts/pages/server.ts";
import { hasData } from "../support/data.ts";
import { ort } from "../support/ort.ts";
import { need } from "../support/skip.ts";
import { hasChromium, launch, openPage } from "./chromium.ts";
import { faceInput, ortFaces, photographPath, ULTRAFACE } from "./photographs.ts";

/** The browser's JPEG decoder rounds otherwise than Node's. */
const SAME_BOX = 0.95;

const folder = mkdtempSync(join(tmpdir(), "tersor-faces-"));
let browser: Browser;
test.before(async () => {
  if (hasChromium) browser = await launch();
});
test.after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function choose(page: Page, picker: string, path: string): Promise<void> {
  await page.evaluate(() => {
    document.body.dataset.state = "waiting";
  });
  await page.locator(picker).setInputFiles(path);
  await page.waitForFunction(() => ["ready", "failed"].includes(document.body.dataset.state ?? ""));
}

const listed = (page: Page): Promise<readonly Face[]> =>
  page.evaluate(() => Array.from(document.querySelectorAll<HTMLElement>("#faces li"), (row) => JSON.parse(row.dataset.box ?? "null")));

/** Pixels in the frames' colour. */
const framed = (page: Page): Promise<number> =>
  page.evaluate(() => {
    const canvas = document.querySelector("canvas");
    const { data = [] } = canvas?.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height) ?? {};
    let count = 0;
    for (let i = 0; i < data.length; i += 4) if (data[i] === 0x39 && data[i + 1] === 0xff && data[i + 2] === 0x6a) count++;
    return count;
  });

test("with its model built in: the faces of a photograph are ONNX Runtime's", async () => {
  const name = "the faces page";
  if (!need("chromium", hasChromium, name) || !need("data", hasData, name) || !need("ort", ort !== null, name)) return;
  const model = await faceModel(ULTRAFACE);
  await buildFacePage(model, join(folder, "with"));
  const session = await load(model.bytes, { backends: [wasm()] });
  const server = await servePage(join(folder, "with"));
  const { page, problems } = await openPage(browser, server.url);
  for (const photograph of ["detect-coco-2.jpg", "super-res-input.jpg", "daisy.jpg"]) {
    await choose(page, "#picture-file", photographPath(photograph));
    const [ours, theirs] = [await listed(page), await ortFaces(faceInput(photograph, session))];
    assert.is(ours.length, theirs.length, photograph);
    for (const face of theirs)
      assert.ok(
        ours.some((other) => overlap(face, other) >= SAME_BOX),
        `${photograph}: ${JSON.stringify(face)}`,
      );
    assert.is((await framed(page)) > 0, theirs.length > 0, photograph);
  }
  assert.is(await page.locator("#says").innerText(), "No face found.");
  assert.equal(await problems(), []);
  session.dispose();
  await page.close();
  await server.close();
});

test("without a model it asks for one; takes a .tsr; says what is wrong with another file", async () => {
  const name = "the faces page without a model";
  if (!need("chromium", hasChromium, name) || !need("data", hasData, name)) return;
  await buildFacePage(null, join(folder, "without"));
  const server = await servePage(join(folder, "without"));
  const { page, problems } = await openPage(browser, server.url);
  await page.waitForFunction(() => document.body.dataset.state === "ready");
  assert.is(await page.locator("#says").innerText(), "Choose a model.");
  const file = join(folder, "model.tsr");
  writeFileSync(file, (await faceModel(ULTRAFACE)).bytes);
  await choose(page, "#picture-file", photographPath("super-res-input.jpg"));
  await choose(page, "#model-file", file);
  assert.is(await page.locator("#says").innerText(), "One face.");
  await choose(page, "#model-file", photographPath("daisy.jpg"));
  assert.match(await page.getByRole("alert").innerText(), /^This is no \.tsr file\. error\[R0101\]/);
  await choose(page, "#picture-file", file);
  assert.match(await page.getByRole("alert").innerText(), /no picture/);
  assert.equal(await problems(), []);
  await page.close();
  await server.close();
});

test.run();
