/** @file The digit page for tests: waiting for it, drawing with the mouse, and reading what it says. */
import type { Page } from "playwright-core";
import { handwriting } from "./strokes.ts";

export const ready = (page: Page) => page.waitForFunction(() => document.body.dataset.state !== "loading");

export async function draw(page: Page, digit: number): Promise<void> {
  const box = await page.locator("#paper").boundingBox();
  if (!box) throw new Error("the page shows no paper");
  await page.locator("#clear").click();
  for (const stroke of handwriting[digit] ?? []) {
    const [first, ...rest] = stroke.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const);
    if (!first) continue;
    await page.mouse.move(...first);
    await page.mouse.down();
    for (const place of rest) await page.mouse.move(...place, { steps: 2 });
    await page.mouse.up();
  }
}

/** What the page says once its answer stands still. */
export async function answerOf(page: Page): Promise<{ readonly answer: string; readonly percent: readonly number[] }> {
  const read = () =>
    page.evaluate(() => ({
      answer: document.querySelector("output")?.value ?? "",
      percent: Array.from(document.querySelectorAll("#bars .percent"), (cell) => Number.parseFloat(cell.textContent ?? "")),
    }));
  let last = await read();
  const started = performance.now();
  for (let quiet = 0; quiet < 3; ) {
    await page.waitForTimeout(40);
    if (performance.now() - started > 5000) throw new Error(`no answer that stands still: ${JSON.stringify(last)}`);
    const now = await read();
    quiet = now.answer !== "" && JSON.stringify(now) === JSON.stringify(last) ? quiet + 1 : 0;
    last = now;
  }
  return last;
}
