/** @file The coder of packed metadata: gives back what it took, and pays. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { pack, unpack } from "../../ir-spec/format/pack.ts";

test("any bytes come back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.equal(unpack(pack(bytes), bytes.length), bytes);
    }),
    { numRuns: 150, seed: 4 },
  );
});

test("so do repetitions, runs and words", () => {
  const words = Uint8Array.from({ length: 4000 }, (_, i) => (i % 4 === 0 ? (i >> 4) & 255 : 0));
  for (const bytes of [
    new Uint8Array(5000),
    new Uint8Array(5000).fill(255),
    words,
    new Uint8Array(0),
    Uint8Array.of(0),
    Uint8Array.of(255),
  ]) {
    assert.equal(unpack(pack(bytes), bytes.length), bytes);
  }
  assert.ok(pack(words).length < 500, `${pack(words).length} bytes`);
  assert.ok(pack(new Uint8Array(5000)).length < 20);
});

test("the bits of the coding do not change", () => {
  const text = new TextEncoder().encode("nn.conv nn.conv nn.linear math.relu");
  assert.is(Buffer.from(pack(text)).toString("hex"), "9191d42cc272f03e34c0d53081659e61a4dd2ec29598");
});

test.run();
