/** @file OPS.md is what the records give now: `npm run gen ops` writes it anew. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { controlOps, coreOps, loweredOps } from "../../ir-spec/index.ts";
import { renderOps } from "../../scripts/ops-markdown.ts";

const written = readFileSync(new URL("../../ir-spec/OPS.md", import.meta.url), "utf8");

test("OPS.md is up to date", () => {
  assert.fixture(written, renderOps([...coreOps, ...controlOps, ...loweredOps]));
});

test("OPS.md has an entry with every operand and attribute of every op", () => {
  for (const def of [...coreOps, ...controlOps, ...loweredOps]) {
    const entry = written.split("\n### ").find((part) => part.startsWith(`${def.name}\n`));
    assert.ok(entry, def.name);
    for (const name of [...def.operands.map((operand) => operand.name), ...Object.keys(def.attrs)])
      assert.match(entry ?? "", `\`${name}`, def.name);
  }
});

test.run();
