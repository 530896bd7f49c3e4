/** @file Every pass's `.tir` filetest, and that each general pass has one. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { interpreterExecutor } from "../../compiler/interpret/executor.ts";
import { generalPasses } from "../../compiler/passes/index.ts";
import { runFileTest } from "../../compiler/testing/index.ts";
import { registry, run } from "./support.ts";

const folder = fileURLToPath(new URL("filetests/", import.meta.url));
const files = readdirSync(folder).sort();

for (const file of files) {
  test(file, async () => {
    const report = await runFileTest(readFileSync(`${folder}${file}`, "utf8"), file, {
      registry,
      runPipeline: async (module, pipeline) => (await run(module, pipeline)).module,
      executors: { reference: interpreterExecutor(registry) },
    });
    assert.equal(report.failures, []);
    assert.equal(report.skipped, []);
  });
}

test("every general pass has a filetest of its name", () => {
  for (const { name } of generalPasses) assert.ok(files.includes(`${name}.tir`), name);
});

test.run();
