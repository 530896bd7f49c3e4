/** @file Every `.tir` filetest in this folder whose commands need no pass: reading, printing, errors by message and place. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kitOps, runFileTest } from "../../compiler/testing/index.ts";
import { OpRegistry } from "../../ir-spec/ops/registry.ts";

const folder = fileURLToPath(new URL(".", import.meta.url));
const registry = new OpRegistry([kitOps]);

for (const kind of ["errors", "text"]) {
  for (const file of readdirSync(`${folder}${kind}`).sort()) {
    test(`${kind}/${file}`, async () => {
      const report = await runFileTest(readFileSync(`${folder}${kind}/${file}`, "utf8"), file, { registry });
      assert.equal(report.failures, []);
      assert.equal(report.skipped, []);
    });
  }
}

test.run();
