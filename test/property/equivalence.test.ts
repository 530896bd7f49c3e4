/** @file The equivalence check: equal to itself through text on random modules, and every kind of difference is seen. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../compiler/random/random.ts";
import { checkEquivalent, kitOps, moduleOfSeed, randomModule } from "../../compiler/testing/index.ts";
import { printModule, readModule } from "../../compiler/text/index.ts";
import { hostTensor } from "../../ir-spec/core/tensor.ts";
import { OpRegistry } from "../../ir-spec/ops/registry.ts";

const registry = new OpRegistry([kitOps]);

test("runnable random modules run, and compute the same after a trip through text", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (seed) => {
      const module = randomModule(new Random(seed), registry, { runnable: true });
      const resources = (path: string) => [...module.resources.values()].find((r) => r.path === path)?.bytes ?? null;
      const paths = [...module.resources.values()].map((r) => r.path);
      if (new Set(paths).size < paths.length) return; // two resources of one path and different bytes: no reader can tell them apart
      const back = readModule(printModule(module), { registry, resources });
      const { difference } = await checkEquivalent(module, back, registry, { seed });
      assert.is(difference, null);
    }),
    { numRuns: 150, seed: 21, includeErrorInReport: true },
  );
});

test("the arbitrary makes the module of its seed", () => {
  fc.assert(
    fc.property(fc.constant(7).map(moduleOfSeed(registry)), (module) => {
      assert.is(printModule(module), printModule(randomModule(new Random(7), registry)));
    }),
    { numRuns: 2 },
  );
});

const text = (body: string, signature = "(%x: tensor<Nx2xf32>) -> (y: tensor<Nx2xf32>)") =>
  readModule(
    `tersor 1.0 module @m { func @main${signature} { ${body} } const @c : tensor<2xf32> = [1.0, 2.0] const @d : tensor<2xf32> = [1.0, 2.001] }`,
    { registry },
  );
const one = "() -> (y: tensor<2xf32>)";

test("differences are told", async () => {
  const base = text("%y = kit.same(%x) return %y");
  const cases: readonly [Parameters<typeof checkEquivalent>, RegExp | null][] = [
    [[base, text("return %x"), registry], null],
    [[base, text("return %a", "(%a: tensor<Nx2xf32>) -> (y: tensor<Nx2xf32>)"), registry], /inputs \(x\) and \(a\)/],
    [[base, text("return %x", "(%x: tensor<Nx2xf32>) -> (z: tensor<Nx2xf32>)"), registry], /outputs \(y\) and \(z\)/],
    [
      [
        base,
        text("%y = kit.any() : tensor<Nx2xf32> return %y"),
        registry,
        { dims: { N: 2 }, inputs: { x: hostTensor("f32", [1, 2], Float32Array.of(1, 2)) } },
      ],
      /element 1 is 2 and 0/,
    ],
    [[text("return @c", one), text("return @d", one), registry], /element 1 is 2 and 2\.00\d+, relative error/],
    [[text("return @c", one), text("return @d", one), registry, { tolerance: 1e-3 }], null],
  ];
  for (const [args, expected] of cases) {
    const difference = await checkEquivalent(...args).then(
      (r) => r.difference,
      (error: Error) => error.message,
    );
    if (expected === null) assert.is(difference, null);
    else assert.match(difference ?? "", expected);
  }
});

test("sizes satisfy the requires", async () => {
  const signature = "(%x: tensor<Nxf32>, %y: tensor<Mxf32>) -> (y: tensor<Nxf32>) require [N] == [2 * M]\n";
  const module = text("%0 = kit.same(%x) return %0", signature);
  assert.is((await checkEquivalent(module, module, registry)).difference, null);
  const impossible = text("%0 = kit.same(%x) return %0", signature.replace("[2 * M]", "[10 * M]"));
  try {
    await checkEquivalent(impossible, impossible, registry);
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /no sizes from 1 to 5 for N, M satisfy N == 10 \* M; give dims/);
  }
  assert.is((await checkEquivalent(impossible, impossible, registry, { dims: { N: 20, M: 2 } })).difference, null);
});

test.run();
