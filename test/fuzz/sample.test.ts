/** @file A sample of the fuzzer's cases, with a fixed seed: 300 of each kind, in this process. `npm run fuzz` runs as many as one likes, each with a watchdog. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { CaseMaker, kinds } from "../../scripts/fuzz/cases.ts";
import { buildCorpus } from "../../scripts/fuzz/corpus.ts";
import { judge, violations } from "../../scripts/fuzz/judge.ts";
import { caseBytes, caseSeconds } from "../../scripts/fuzz/limits.ts";
import { MemoryMeter } from "../../scripts/fuzz/memory.ts";

const seed = 20;
const count = 300;

/** What a sample must reach: a fuzzer whose cases all fail at the first check finds nothing. */
const reached: Readonly<Record<(typeof kinds)[number], readonly string[]>> = {
  tsr: ["R0101", "R0103", "R0104", "R0105", "R0107"],
  "tsr-checked": ["ran", "stopped", "R0108", "R0201", "R0202", "R0206", "R0406"],
  onnx: ["ran", "E0601", "E0602", "E0606", "E0607"],
  tir: ["ran", "E0104", "E0303", "E0304", "E0312"],
};

const maker = new CaseMaker(await buildCorpus());
const meter = new MemoryMeter();

for (const kind of kinds) {
  test(`${count} damaged files of kind ${kind}, seed ${seed}`, async () => {
    const seen = new Set<string>();
    for (let index = 0; index < count; index++) {
      const given = maker.make(seed, kind, index);
      const replay = `npm run fuzz -- --seed ${seed} --kind ${kind} --only ${index}`;
      const spent = process.cpuUsage();
      let { value, bytes } = await meter.measure(() => judge(given));
      const { user, system } = process.cpuUsage(spent);
      assert.not.ok(violations.has(value.outcome), `${replay}: ${value.outcome} ${value.detail}`);
      assert.ok((user + system) / 1e6 < caseSeconds, `${replay}: ${(user + system) / 1e6} s`);
      if (bytes > caseBytes(given.bytes.length)) {
        meter.clean();
        ({ value, bytes } = await meter.measure(() => judge(given)));
      }
      assert.ok(bytes <= caseBytes(given.bytes.length), `${replay}: ${bytes} bytes for a file of ${given.bytes.length}`);
      seen.add(value.outcome).add(value.code);
    }
    for (const wanted of reached[kind]) assert.ok(seen.has(wanted), `no case ended in ${wanted}: ${[...seen].join(" ")}`);
  });
}

test("a case depends on its seed, kind and number alone", () => {
  for (const kind of kinds) {
    const [a, b, c] = [maker.make(7, kind, 3), maker.make(7, kind, 3), maker.make(7, kind, 4)];
    assert.equal(a.bytes, b.bytes);
    assert.is.not(Buffer.compare(a.bytes, c.bytes), 0);
  }
});

test("the judge sees what is wrong", async () => {
  const { seed: whole } = maker.make(1, "tsr", 0);
  const other = [...Array(50).keys()].map((i) => maker.make(1, "tsr", i).seed).find((s) => s.name !== whole.name);
  assert.ok(other);
  const swapped = await judge({ kind: "tsr", index: 0, bytes: other.bytes, seed: whole, how: "" });
  assert.is(swapped.outcome, "ACCEPTED");
  const untouched = await judge({ kind: "tsr", index: 0, bytes: whole.bytes, seed: whole, how: "" });
  assert.is(untouched.outcome, "equal");
});

test.run();
