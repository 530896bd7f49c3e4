/** @file Every `.tir` filetest in this folder whose commands need no pass: reading, printing, errors by message and place. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { interpreterExecutor } from "../../compiler/interpret/executor.ts";
import { kitOps, runFileTest } from "../../compiler/testing/index.ts";
import { createCoreRegistry } from "../../ir-spec/index.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const registry = createCoreRegistry([kitOps]);

for (const kind of ["errors", "text"]) {
  for (const file of readdirSync(`${folder}${kind}`).sort()) {
    test(`${kind}/${file}`, async () => {
      const report = await runFileTest(readFileSync(`${folder}${kind}/${file}`, "utf8"), file, {
        registry,
        executors: { reference: interpreterExecutor(registry) },
      });
      assert.equal(report.failures, []);
      assert.equal(report.skipped, []);
    });
  }
}

test.run();
