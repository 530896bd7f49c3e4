/** @file Every attack ends in a coded error or a working model, within 5 s of computing and 64 MB + 4 times its length. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { judge, violations } from "../../scripts/fuzz/judge.ts";
import { caseBytes, caseSeconds } from "../../scripts/fuzz/limits.ts";
import { MemoryMeter } from "../../scripts/fuzz/memory.ts";
import { attacks } from "./attacks.ts";

const meter = new MemoryMeter();

for (const { name, kind, bytes: make } of attacks) {
  test(name, async () => {
    const bytes = make();
    const spent = process.cpuUsage();
    const result = await meter.measure(() =>
      judge({ kind, index: 1, bytes, seed: { name: `attack.${kind}`, format: kind, bytes }, how: "" }),
    );
    const { user, system } = process.cpuUsage(spent);
    assert.not.ok(violations.has(result.value.outcome), `${result.value.outcome} ${result.value.detail}`);
    assert.ok((user + system) / 1e6 < caseSeconds, `${(user + system) / 1e6} s`);
    assert.ok(result.bytes <= caseBytes(bytes.length), `${result.bytes} bytes for an input of ${bytes.length}`);
    meter.clean();
  });
}

test.run();
