/**
 * @file ONNX's own operator tests, a fixed sample of each set (all of them with TERSOR_LONG=1), on the reference interpreter and on wasm: no mismatch but the disputed ones, no error,
 * refusals by code only, and everything that passed in the recorded full run (`bench/results/conformance.json`) passes.
 */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Pool } from "../../compiler/cli/conformance/pool.ts";
import { openSuite } from "../../compiler/cli/conformance/source.ts";
import { summarize } from "../../compiler/conformance/summary.ts";
import type { ConformanceRecord } from "../../scripts/conformance-record.ts";
import { DATA, ROOT } from "../support/data.ts";
import { need } from "../support/skip.ts";

const record = JSON.parse(readFileSync(join(ROOT, "bench/results/conformance.json"), "utf8")) as ConformanceRecord;
/** One test in so many. */
const EVERY = process.env.TERSOR_LONG === "1" ? 1 : 7;

const pool = new Pool({ jobs: Math.min(2, availableParallelism()), timeoutMs: 120_000, maxWork: 2e10 });
test.after(() => pool.close());

/** FNV-1a, so that a test is in the sample or not whatever other tests there are. */
function hash(name: string): number {
  let value = 0x811c9dc5;
  for (const character of name) value = Math.imul(value ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return value >>> 0;
}

for (const { set, backend, left } of record.runs) {
  const title = `${set} on ${backend}: what passed still passes, nothing differs`;
  test(title, async () => {
    const archive = join(DATA, "onnx-backend-tests", `${set}.tar.gz`);
    if (!need("data", existsSync(archive), title)) return;
    const suite = await openSuite(archive);
    const sample = suite.tests.filter(({ name }) => hash(name) % EVERY === 0 && (EVERY === 1 || !name.startsWith("light/")));
    assert.ok(sample.length > 30);
    const outcomes = await pool.run(sample, backend);
    const { pass, mismatches, disputed, tests } = summarize(set, outcomes);
    process.stdout.write(`\n${set} on ${backend}: ${pass} of ${sample.length} pass\n`);
    const differing = Object.entries(mismatches).filter(([name]) => !(name in disputed));
    assert.equal(differing, [], "mismatches");
    const lost = Object.entries(tests).filter(([name, verdict]) => verdict !== "pass" && !(name in left));
    assert.equal(lost, [], "passed when the record was made");
    const odd = Object.entries(tests).filter(
      ([, verdict]) => !/^(pass$|mismatch$|unsupported: ([ER]\d{4} |(in|out)put |the value of ))/.test(verdict),
    );
    assert.equal(odd, [], "neither a verdict nor a refusal with a code");
  });
}

test.run();
