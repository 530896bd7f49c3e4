/** @file Text and module, both ways, on random modules: parse(print(m)) equals m, and print(parse(t)) is t for canonical t. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../compiler/random/random.ts";
import { kitOps, randomModule } from "../../compiler/testing/index.ts";
import { moduleDifference, parseModule, printModule } from "../../compiler/text/index.ts";
import { verifyModule } from "../../compiler/verify/index.ts";
import { createCoreRegistry } from "../../ir-spec/index.ts";

const registry = createCoreRegistry([kitOps]);
/** A failure prints the seed, not the module. */
const moduleOf = (seed: number) => randomModule(new Random(seed), registry);

test("random modules are sound", () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const module = moduleOf(seed);
      assert.equal(verifyModule(module, registry), []);
    }),
    { includeErrorInReport: true, numRuns: 500, seed: 11 },
  );
});

for (const hexFloats of [false, true]) {
  test(`round trip${hexFloats ? " with hex floats" : ""}`, () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const module = moduleOf(seed);
        const text = printModule(module, { hexFloats });
        const { module: back, problems } = parseModule(text, { registry });
        if (!back) assert.unreachable(`${problems.map((p) => `${p.line}:${p.column} ${p.code} ${p.message}`).join("\n")}\n${text}`);
        if (!back) return;
        assert.is(moduleDifference(module, back), null);
        assert.is(printModule(back, { hexFloats }), text);
      }),
      { includeErrorInReport: true, numRuns: hexFloats ? 150 : 600, seed: 12 },
    );
  });
}

test.run();
