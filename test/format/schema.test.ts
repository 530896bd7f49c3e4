/** @file What is generated from module.fbs is what is committed, and the numbers of the format mean the same in every room. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dtypeBits, dtypeCodes } from "../../ir-spec/format/codes.ts";
import { crc32 } from "../../ir-spec/format/crc32.ts";
import { schemaHash } from "../../ir-spec/format/gen/layout.ts";
import { dtypeInfo, dtypes } from "../../ir-spec/index.ts";
import { runtimeDTypes } from "../../runtime/index.ts";
import { generateFormat } from "../../scripts/gen-format.mjs";
import { ROOT } from "../support/data.ts";

const GEN = join(ROOT, "ir-spec/format/gen");

test("gen/ is what scripts/gen-format.mjs makes of module.fbs", async () => {
  const files = await generateFormat();
  const present = readdirSync(GEN, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  assert.is(present.length, files.size);
  for (const [path, text] of files) assert.is(readFileSync(join(GEN, path), "utf8"), text, path);
});

test("the hash in gen/ is that of module.fbs", () => {
  const schema = readFileSync(join(ROOT, "ir-spec/format/module.fbs"));
  assert.is(schemaHash, createHash("sha256").update(schema).digest("hex"));
});

test("a dtype has the same number, name and width everywhere", () => {
  assert.equal([...dtypeCodes].sort(), [...dtypes].sort());
  assert.equal([...dtypeCodes].sort(), [...runtimeDTypes].sort());
  assert.equal(
    dtypeBits,
    dtypeCodes.map((dtype) => dtypeInfo(dtype).bits),
  );
});

test("crc32 gives the check value of the standard, and continues", () => {
  const bytes = new TextEncoder().encode("123456789");
  assert.is(crc32(bytes), 0xcbf43926);
  assert.is(crc32(bytes.subarray(3), crc32(bytes.subarray(0, 3))), 0xcbf43926);
  assert.is(crc32(new Uint8Array(0)), 0);
});

test.run();
