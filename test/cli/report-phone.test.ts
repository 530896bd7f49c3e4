/** @file The report in a real browser, opened as a file on a phone's width: nothing wider than the page, nothing fetched, no complaint. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { Baseline } from "../../compiler/cli/report/baseline.ts";
import { compileReport } from "../../compiler/cli/report/html.ts";
import { compile } from "../../compiler/compile.ts";
import { readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry } from "../../ir-spec/index.ts";
import { hasChromium, launch, openPage } from "../browser/chromium.ts";
import { need } from "../support/skip.ts";

const long = "a_layer_whose_name_goes_on_and_on_without_any_place_to_break_it_as_exporters_like_to_write_them.weight";
const text = `tersor 1.0

module @m {
  func @main(%x: tensor<Nx32xf32>) -> (y: tensor<Nx32xf32>) {
    %y = nn.linear(%x, @${long})
    return %y
  }

  const @${long} : tensor<32x32xf32> = [${Array.from({ length: 1024 }, (_, i) => (((i * 37) % 101) / 50 - 1).toFixed(2)).join(", ")}]
}
`;

test("no horizontal scroll at 360 pixels, under file://, with nothing from outside", async () => {
  if (!need("chromium", hasChromium, "the report on a phone")) return;
  const module = readModule(text, { registry: createCoreRegistry(), file: "m.tir" });
  const baseline = new Baseline();
  const pipeline = "prune-magnitude{sparsity=50%},share-weights{clusters=16},quantize{bits=8},entropy";
  const compiled = await compile(module, { plugins: bundledPlugins(), pipeline, hooks: baseline.hooks });
  const opened = { path: `${long}.tir`, format: "tir", bytes: new Uint8Array(9), size: 4096, sha256: "", module } as const;
  const folder = mkdtempSync(join(tmpdir(), "tersor-report-"));
  const file = join(folder, "report.html");
  writeFileSync(file, compileReport({ opened, compiled, baseline: baseline.module ?? module }));
  const browser = await launch();
  try {
    const { page, problems } = await openPage(browser, pathToFileURL(file).href, (page) =>
      page.setViewportSize({ width: 360, height: 740 }),
    );
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
    assert.is(widths[0], widths[1]);
    assert.is(widths[1], 360);
    const overflowing = await page.evaluate(() =>
      [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > 360.5).map((e) => e.tagName),
    );
    assert.equal(overflowing, []);
    assert.equal(await page.evaluate(() => performance.getEntriesByType("resource").length), 0);
    assert.equal(await problems(), []);
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test.run();
