/**
 * @file The digit page as a person uses it: built, served with its policy, digits drawn with the mouse, the answer read from the page; on the main thread and in a worker;
 * by keyboard; with a damaged file.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { buildDigitPage, digitModel } from "../../scripts/pages/pages.ts";
import { CONTENT_SECURITY_POLICY } from "../../scripts/pages/policy.ts";
import { type PageServer, servePage } from "../../scripts/pages/server.ts";
import { needing } from "../support/skip.ts";
import { hasChromium, launch, openPage } from "./chromium.ts";
import { answerOf, draw, ready } from "./digit-page.ts";
import { handwriting } from "./strokes.ts";

const browserTest = needing(test, "chromium", hasChromium);
const folder = mkdtempSync(join(tmpdir(), "tersor-digits-"));
let model: Uint8Array = new Uint8Array();
let server: PageServer;
let browser: Browser;

test.before(async () => {
  if (!hasChromium) return;
  const built = await digitModel();
  model = built.bytes;
  await buildDigitPage(built, join(folder, "dist"));
  server = await servePage(join(folder, "dist"));
  browser = await launch();
});

test.after(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const [mode, query] of [
  ["main thread", ""],
  ["worker", "?worker"],
] as const) {
  browserTest(`${mode}: every drawn digit is recognized, and the policy is kept`, async () => {
    const { page, problems } = await openPage(browser, server.url + query);
    await ready(page);
    assert.is(page.workers().length, query === "" ? 0 : 1);
    for (const digit of Object.keys(handwriting).map(Number)) {
      await draw(page, digit);
      const { answer, percent } = await answerOf(page);
      assert.is(answer, String(digit), `${digit}: ${percent.join(" ")}`);
      assert.ok(Math.abs(percent.reduce((a, b) => a + b, 0) - 100) < 0.6, `${digit}: ${percent.join(" ")}`);
    }
    assert.match(await page.locator("#milliseconds").innerText(), /^\d+(\.\d)? ms$/);
    assert.match(await page.locator("#model-bytes").innerText(), `${(model.length / 1000).toFixed(1)} kB`);
    assert.equal(await problems(), []);
    await page.close();
  });
}

browserTest("by keyboard: an upright stroke is a 1, Escape clears it", async () => {
  const { page, problems } = await openPage(browser, server.url);
  await ready(page);
  await page.locator("#paper").focus();
  await page.keyboard.press("Space");
  for (let i = 0; i < 14; i++) await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Space");
  assert.is((await answerOf(page)).answer, "1");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.querySelector("output")?.value === "");
  assert.equal(await problems(), []);
  await page.close();
});

browserTest("the server sends the policy that the page states", async () => {
  const response = await fetch(server.url);
  const html = await response.text();
  assert.is(response.headers.get("content-security-policy"), CONTENT_SECURITY_POLICY);
  assert.ok(html.includes(`content="${CONTENT_SECURITY_POLICY}"`));
  assert.not.match(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
});

browserTest("what breaks the policy would be seen", async () => {
  const { page, problems } = await openPage(browser, server.url);
  await ready(page);
  await page.evaluate(() =>
    document.body.append(Object.assign(document.createElement("script"), { textContent: "globalThis.inlineRan = true" })),
  );
  await page.waitForTimeout(50);
  assert.is(await page.evaluate(() => Reflect.get(globalThis, "inlineRan")), undefined);
  assert.ok((await problems()).some((problem) => problem.startsWith("policy: script-src")));
  await page.close();
});

for (const query of ["", "?worker"]) {
  browserTest(`a damaged model gives a clear error and its code${query}`, async () => {
    const damaged = model.slice();
    const at = model.length >> 1;
    damaged[at] = (damaged[at] ?? 0) ^ 0x10;
    const { page, problems } = await openPage(browser, server.url + query, (opened) =>
      opened.route("**/model.tsr", (route) => route.fulfill({ body: Buffer.from(damaged) })),
    );
    await ready(page);
    const alert = page.getByRole("alert");
    assert.ok(await alert.isVisible());
    assert.match(await alert.innerText(), /^The model file is damaged: download it again\. error\[R01\d\d\]: /);
    assert.equal(await problems(), []);
    await page.close();
  });
}

test.run();
