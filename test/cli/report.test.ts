/** @file The HTML report: self-contained, escaped, with the file's own numbers; and the measures that it and `diff` share. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { tensorError } from "../../compiler/analysis/tensor-error.ts";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { Baseline } from "../../compiler/cli/report/baseline.ts";
import { compileReport, htmlReport } from "../../compiler/cli/report/html.ts";
import { summary } from "../../compiler/cli/stopwatch.ts";
import { compile } from "../../compiler/compile.ts";
import { readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry } from "../../ir-spec/index.ts";

const text = `tersor 1.0

module @m {
  func @main(%x: tensor<Nx32xf32>) -> (y: tensor<Nx32xf32>) {
    %y = nn.linear(%x, @"<b>&\\"'w")
    return %y
  }

  const @"<b>&\\"'w" : tensor<32x32xf32> = [${Array.from({ length: 1024 }, (_, i) => (((i * 37) % 101) / 50 - 1).toFixed(2)).join(", ")}]
}
`;

async function compiled(pipeline: string) {
  const module = readModule(text, { registry: createCoreRegistry(), file: "m.tir" });
  const baseline = new Baseline();
  const result = await compile(module, { plugins: bundledPlugins(), pipeline, hooks: baseline.hooks });
  const opened = {
    path: "in/<img src=x onerror=alert(1)>.tir",
    format: "tir",
    bytes: new TextEncoder().encode(text),
    size: 5000,
    sha256: "",
    module,
  } as const;
  return { opened, compiled: result, baseline: baseline.module ?? module };
}

test("everything that a model can name is escaped; nothing is fetched, no script runs", async () => {
  const html = compileReport(await compiled("quantize{bits=4}"));
  for (const raw of ["<img", "<b>", "onerror=alert(1)>.tir:"]) assert.not.ok(html.includes(raw), raw);
  assert.ok(html.includes("&lt;b&gt;&amp;&quot;&#39;w"));
  assert.not.match(html, /<script|<link|<iframe|<object|<[^>]*\s(src|href)=|url\(|@import|https?:/i);
  assert.match(html, /Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/);
  assert.match(html, /<meta name="viewport" content="width=device-width, initial-scale=1">/);
});

test("it holds each layer's bytes and error, every pass, the predicted steps and the file's bytes, which add up", async () => {
  const report = await compiled("quantize{bits=4}");
  const html = compileReport(report);
  const { bytes, records, plans } = report.compiled;
  for (const { name } of records) assert.ok(html.includes(`<th>${name}</th>`), name);
  assert.match(html, /4,096 → \d+ bytes before coding/);
  assert.match(html, /error \d+\.\d\d % RMS, \d+\.\d dB SQNR/);
  for (const { kernel } of plans[0]?.predicted.steps ?? []) assert.ok(html.includes(kernel), kernel);
  const parts = [...(html.split("<h2>The file</h2>")[1]?.split("</table>")[0] ?? "").matchAll(/<td>([\d,]+)<\/td><\/tr>/g)].map((m) =>
    Number(m[1]?.replaceAll(",", "")),
  );
  assert.is(parts.pop(), bytes.length);
  assert.is(
    parts.reduce((sum, part) => sum + part, 0),
    bytes.length,
  );
});

test("errors are measured against what the first compressing pass met; nothing compressed is no error", async () => {
  const { baseline, ...plain } = await compiled("");
  assert.is(baseline, plain.compiled.module);
  assert.match(compileReport({ ...plain, baseline }), /no error/);
  const measured = {
    model: "a.tsr",
    backend: "wasm",
    data: "<d>",
    metric: "top1",
    value: 0.5,
    correct: 1,
    count: 2,
    bytes: 1000,
    msMedian: 0.5,
  };
  const html = htmlReport({
    name: "m",
    source: { path: "m.tir", bytes: 9 },
    measured: { before: measured, after: { ...measured, bytes: 100 } },
    layers: [],
    compiled: plain.compiled,
  });
  assert.match(html, /1,000<\/td><td>50\.00 %<\/td><td>0\.500 ms/);
  assert.ok(html.includes("&lt;d&gt;"));
});

test("tensor errors by hand", () => {
  // Energy 9 + 16, noise 1: -> 1/5, 10 log10 25.
  assert.equal(tensorError([3, 4], [3, 3]), { maxAbs: 1, relativeRms: 0.2, sqnr: 10 * Math.log10(25) });
  assert.equal(tensorError([0, Number.NaN], [0, Number.NaN]), { maxAbs: 0, relativeRms: 0, sqnr: null });
  assert.equal(tensorError([0], [2]), { maxAbs: 2, relativeRms: Number.POSITIVE_INFINITY, sqnr: Number.NEGATIVE_INFINITY });
  assert.throws(() => tensorError([1], [1, 2]), /1 values beside 2/);
});

test("medians by hand", () => {
  assert.equal(summary([5, 1, 3]), { median: 3, min: 1, runs: 3 });
  assert.equal(summary([5, 1, 3, 4]), { median: 3.5, min: 1, runs: 4 });
});

test.run();
