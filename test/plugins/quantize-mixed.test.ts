/** @file Bits for each weight: the choice against every choice, budgets that are kept, sensitive weights that get more, and wrong options. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { dataSet } from "../../compiler/data/dataset.ts";
import type { DataSet, PipelineResult } from "../../compiler/index.ts";
import { verifyModule } from "../../compiler/verify/verify.ts";
import { type Choice, chooseWithin } from "../../plugins/quantize/lagrangian.ts";
import { failure, registry, run } from "../passes/support.ts";
import { normals, oneLayer, partsOf, twoLayers, withValues } from "./support.ts";

function every(layers: readonly (readonly Choice[])[]): readonly Choice[] {
  return layers.reduce<readonly Choice[]>(
    (sums, options) => sums.flatMap((sum) => options.map(({ cost, loss }) => ({ cost: sum.cost + cost, loss: sum.loss + loss }))),
    [{ cost: 0, loss: 0 }],
  );
}

const layersOf = fc.array(
  fc.array(fc.record({ cost: fc.integer({ min: 1, max: 50 }), loss: fc.integer({ min: 0, max: 50 }) }), { minLength: 1, maxLength: 4 }),
  { minLength: 1, maxLength: 5 },
);

test("property: a choice keeps the budget wherever one can, and is near the best of all choices", () => {
  let [sum, best] = [0, 0];
  fc.assert(
    fc.property(layersOf, fc.integer({ min: 1, max: 200 }), (layers, budget) => {
      const all = every(layers).filter(({ cost }) => cost <= budget);
      const picks = chooseWithin(layers, budget);
      assert.is(picks === null, all.length === 0);
      if (!picks) return;
      const taken = picks.map((pick, i) => layers[i]?.[pick] as Choice);
      assert.ok(taken.reduce((total, { cost }) => total + cost, 0) <= budget);
      sum += taken.reduce((total, { loss }) => total + loss, 0);
      best += Math.min(...all.map(({ loss }) => loss));
    }),
    { numRuns: 500, seed: 2 },
  );
  assert.ok(sum >= best && sum <= 1.1 * best, `${sum} beside ${best}`);
});

test("with convex options a budget on the hull gives exactly the best", () => {
  const options = [8, 4, 2, 1].map((loss, i) => ({ cost: 2 * (i + 1), loss }));
  assert.equal(chooseWithin([options, options.map(({ cost, loss }) => ({ cost, loss: 100 * loss }))], 12), [1, 3]);
});

function samples(count = 64): DataSet {
  const values = normals(count * 32, 7);
  return dataSet({
    name: "samples",
    classes: 1,
    inputs: { x: { dtype: "f32", shape: [32] } },
    labels: new Uint8Array(count),
    write: (index, out, row) => out.x?.set(values.subarray(index * 32, (index + 1) * 32), row * 32),
  });
}

const data = samples();

const numbersOf = (result: PipelineResult, subject: string) =>
  result.records.flatMap(({ rows }) => rows).find((row) => row.subject === subject)?.numbers ?? {};

test("bytes are kept, more bytes give less divergence, and the stored codes are as wide as reported", async () => {
  let last = Number.POSITIVE_INFINITY;
  for (const bytes of [320, 400, 500, 800]) {
    const result = await run(twoLayers(), `quantize-mixed{bytes=${bytes} group=16 min=0}`, { data });
    assert.equal(verifyModule(result.module, registry), []);
    const all = numbersOf(result, "all");
    const stored = ["a", "b"]
      .flatMap((name) => partsOf(result.module, name))
      .reduce((sum, part) => {
        const { dtype, shape } = result.module.constants.get(part)?.type ?? { dtype: "f32", shape: [] };
        const bits = { i2: 2, i4: 4, i8: 8, f32: 32 }[dtype as "i2" | "i4" | "i8" | "f32"];
        return sum + Math.ceil((bits * shape.map(Number).reduce((n, d) => n * d, 1)) / 8);
      }, 0);
    assert.is(all.bytes, stored);
    assert.ok(stored <= bytes, `${stored} of ${bytes}`);
    assert.ok((all.divergence as number) <= last);
    last = all.divergence as number;
  }
});

test("a divergence that is asked for is kept with fewer bytes the larger it is", async () => {
  const of = async (divergence: number) =>
    numbersOf(await run(twoLayers(), `quantize-mixed{divergence=${divergence} group=16 min=0}`, { data }), "all");
  const [fine, coarse] = [await of(0.01), await of(0.2)];
  assert.ok((fine.divergence as number) <= 0.01 && (coarse.divergence as number) <= 0.2);
  assert.ok((fine.bytes as number) > (coarse.bytes as number));
});

test("without data weights' own errors decide, with a warning", async () => {
  const { module, warnings } = await run(twoLayers(), "quantize-mixed{bytes=500 method=round min=0}");
  assert.match(warnings.join(), "there is no data: a weight's own squared error");
  assert.is(module.constants.get("a")?.kind, "derived");
});

test("a budget that cannot be met, both limits, none, and wrong widths are errors; NaN weights are left alone", async () => {
  const messages = {
    "quantize-mixed{bytes=10 min=0}": "the weights take at least",
    "quantize-mixed{divergence=1e-9 bits=2 min=0}": "it is at least",
    "quantize-mixed{bytes=10 divergence=1}": "give bytes or divergence, one of them",
    "quantize-mixed": "give bytes or divergence, one of them",
    "quantize-mixed{bits=[3, 9] bytes=10}": 'option "bits" must be list of integers',
  };
  for (const [pipeline, message] of Object.entries(messages)) {
    const error = await failure(() => run(twoLayers(), pipeline, { data }));
    assert.match(error.message, message);
  }
  const broken = withValues(
    twoLayers(),
    "a",
    normals(512).map((value, i) => (i === 3 ? Number.POSITIVE_INFINITY : value)),
  );
  const { module, warnings } = await run(broken, "quantize-mixed{bytes=400 method=round min=0}");
  assert.is(module.constants.get("a")?.kind, "data");
  assert.match(warnings.join(), "a: has weights that are NaN or infinite");
  const { module: same } = await run(oneLayer(new Float32Array(0), 4), "quantize-mixed{bytes=10}");
  assert.is(same.constants.get("w")?.kind, "data");
});

test.run();
