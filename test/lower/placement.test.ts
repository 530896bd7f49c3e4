/** @file Which ops of a plan run on the fallback: the cheapest cut, beside every other assignment of small bodies; an order with few changes of side; what the plan says. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { inspectModule } from "../../compiler/cli/commands/inspect.ts";
import { compile } from "../../compiler/compile.ts";
import { describePlacement, homesOf } from "../../compiler/lower/crossings.ts";
import { lower } from "../../compiler/lower/lower.ts";
import { type CopyRates, copyTime, placeOps, type Side, type SideCosts, segmentsOf } from "../../compiler/lower/placement.ts";
import { builtinTargets } from "../../compiler/target/builtin.ts";
import { printModule, readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry, type Func, mainFunction, TersorError } from "../../ir-spec/index.ts";

const registry = createCoreRegistry();
const targetNamed = (name: string) => {
  const target = builtinTargets.find((t) => t.name === name);
  if (!target) throw new Error(`no target ${name}`);
  return target;
};
const [webgpu, wasm] = [targetNamed("webgpu"), targetNamed("wasm-simd")];

/** Products that are worth their copies. */
const moduleOf = (body: string, results = "y: tensor<256x1024xf32>", returned = "%y") =>
  readModule(
    `tersor 1.0\n\nmodule @m {\n  func @main(%x: tensor<256x1024xf32>) -> (${results}) {\n${body}\n    return ${returned}\n  }\n\n  const @w : tensor<1024x1024xf32> = random(1)\n}\n`,
    { registry },
  );

const rates: CopyRates = { upload: { launch: 3, byteNs: 500 }, readBack: { launch: 10, byteNs: 1000 } };

/** What an assignment costs: the objective as it is stated, not as the graph encodes it. */
function costOf(func: Func, sides: readonly Side[], costs: readonly SideCosts[], bytes: (value: number) => number): number {
  const own = sides.reduce((sum, side, i) => {
    const { target, fallback } = costs[i] as SideCosts;
    if (side === "target") return sum + (target === null ? Number.POSITIVE_INFINITY : 0);
    return sum + (fallback === null ? Number.POSITIVE_INFINITY : Math.max(0, fallback - (target ?? 0)));
  }, 0);
  const sideOf = new Map(func.ops.flatMap((op, i) => op.results.map((result) => [result, sides[i] as Side] as const)));
  const values = [...func.params, ...sideOf.keys()];
  return values.reduce((sum, value) => {
    const readers = new Set(func.ops.flatMap((op, i) => (op.operands.includes(value) ? [sides[i] as Side] : [])));
    const home = sideOf.get(value) ?? "fallback";
    const down = home === "target" && (readers.has("fallback") || func.returns.includes(value));
    const up = home === "fallback" && readers.has("target");
    return sum + (down ? copyTime(rates.readBack, bytes(value)) : 0) + (up ? copyTime(rates.upload, bytes(value)) : 0);
  }, own);
}

/** A body of additions, each of two earlier values. */
function chain(picks: readonly (readonly [number, number])[]): Func {
  const name = (i: number, count: number) => `%v${i % count}`;
  const lines = picks.map(([a, b], i) => `    %v${i + 1} = math.add(${name(a, i + 1)}, ${name(b, i + 1)})`);
  const text = `tersor 1.0\n\nmodule @m {\n  func @main(%v0: tensor<8xf32>) -> (y: tensor<8xf32>) {\n${lines.join("\n")}\n    return %v${picks.length}\n  }\n}\n`;
  return mainFunction(readModule(text, { registry }));
}

const bodies = fc.array(fc.tuple(fc.nat(20), fc.nat(20)), { minLength: 1, maxLength: 8 });
const microseconds = fc.option(fc.integer({ min: 0, max: 60 }), { nil: null, freq: 3 });

test("no assignment is cheaper than the one that is chosen", () => {
  fc.assert(
    fc.property(
      bodies,
      fc.array(fc.tuple(microseconds, microseconds), { minLength: 8, maxLength: 8 }),
      fc.array(fc.nat(40), { minLength: 9, maxLength: 9 }),
      (picks, times, sizes) => {
        const func = chain(picks);
        const costs = func.ops.map((_, i) => ({
          target: times[i]?.[0] ?? null,
          fallback: times[i]?.[1] ?? (times[i]?.[0] === null ? 5 : null),
        }));
        const bytes = (value: number) => sizes[value] ?? 0;
        const chosen = costOf(func, placeOps(func, costs, bytes, rates), costs, bytes);
        if (costs.every(({ target }) => target !== null)) return;
        for (let bits = 0; bits < 2 ** func.ops.length; bits++) {
          const sides = func.ops.map((_, i): Side => ((bits >> i) & 1 ? "fallback" : "target"));
          assert.ok(chosen <= costOf(func, sides, costs, bytes) + 0.02, `${sides.join()} is cheaper`);
        }
      },
    ),
    { seed: 4, numRuns: 300 },
  );
});

test("what the target can run whole stays there, whatever the fallback would take", () => {
  const func = chain([
    [0, 0],
    [1, 1],
  ]);
  assert.equal(
    placeOps(
      func,
      [
        { target: 1000, fallback: 1 },
        { target: 1000, fallback: 1 },
      ],
      () => 4,
      rates,
    ),
    ["target", "target"],
  );
});

test("an op that neither side can run is an error here; lowering names it before", () => {
  const func = chain([[0, 0]]);
  assert.throws(() => placeOps(func, [{ target: null, fallback: null }], () => 4, rates), /every cut is infinite/);
});

test("segments hold every op once, after what it reads", () => {
  fc.assert(
    fc.property(bodies, fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }), (picks, below) => {
      const func = chain(picks);
      const sides = func.ops.map((_, i): Side => (below[i] ? "fallback" : "target"));
      const segments = segmentsOf(func, sides);
      const order = segments.flatMap(({ ops }) => ops);
      assert.equal(
        [...order].sort((a, b) => a - b),
        [...func.ops.keys()],
      );
      segments.forEach(({ side, ops }, i) => {
        assert.ok(ops.length > 0 && side !== segments[i + 1]?.side);
        for (const op of ops) assert.is(sides[op], side);
      });
      const defined = new Set(func.params);
      for (const i of order) {
        for (const operand of func.ops[i]?.operands ?? []) assert.ok(defined.has(operand as number), `op ${i} reads ${operand}`);
        for (const result of func.ops[i]?.results ?? []) defined.add(result);
      }
    }),
    { seed: 5, numRuns: 200 },
  );
});

test("two independent branches change sides once each, not once per op", () => {
  // Alternating in the body: a0 b0 a1 b1.
  const text = moduleOf(
    "    %a0 = math.relu(%x)\n    %b0 = math.pow(%x, %x)\n    %a1 = math.relu(%a0)\n    %b1 = math.pow(%b0, %b0)\n    %y = math.add(%a1, %b1)",
  );
  const func = mainFunction(text);
  const segments = segmentsOf(func, ["target", "fallback", "target", "fallback", "target"]);
  assert.equal(
    segments.map(({ ops }) => ops),
    [[0, 2], [1, 3], [4]],
  );
});

test("without a fallback the refusal names the op and what to type", () => {
  const module = moduleOf("    %y = math.pow(%x, %x)");
  assert.throws(
    () => lower(module, webgpu, registry),
    (error: Error) => {
      const problem = error instanceof TersorError ? error.problems[0] : undefined;
      return /E0801.*target webgpu has no kernel for math\.pow/.test(error.message) && /--fallback wasm/.test(problem?.hint ?? "");
    },
  );
});

test("an op that no backend has is refused with both names", () => {
  const module = readModule(
    "tersor 1.0\n\nmodule @m {\n  func @main(%x: tensor<3xf64>) -> (y: tensor<3xf64>) {\n    %y = math.pow(%x, %x)\n    return %y\n  }\n}\n",
    { registry },
  );
  assert.throws(
    () => lower(module, webgpu, registry, { fallback: wasm }),
    /E0801.*neither target webgpu nor wasm-simd has a kernel for math\.pow/,
  );
});

test("the text of a mixed plan shows backends and copies", () => {
  const module = moduleOf("    %0 = nn.matmul(%x, @w)\n    %1 = math.pow(%0, %0)\n    %2 = math.relu(%1)\n    %y = nn.matmul(%2, @w)");
  const lowered = lower(module, webgpu, registry, { fallback: wasm });
  const main = printModule(lowered.module)
    .split("\n")
    .filter((line) => line.includes("rt."));
  assert.ok(
    main.some((line) => /rt\.kernel\(.*kernel = "f32_pow".*backend = "wasm"/.test(line)),
    main.join("\n"),
  );
  assert.equal(
    main.filter((line) => line.includes("rt.copy")).map((line) => /backend = "(\w+)"/.exec(line)?.[1]),
    ["wasm", "webgpu"],
  );
  assert.equal(
    lowered.crossings.map(({ direction, bytes }) => ({ direction, bytes })),
    [
      { direction: "read-back", bytes: 1048576 },
      { direction: "upload", bytes: 1048576 },
    ],
  );
  const copies = lowered.crossings.reduce((sum, { microseconds }) => sum + microseconds, 0);
  assert.ok(copies > 100);
  const steps = lowered.predicted.steps.reduce((sum, step) => sum + step.microseconds, lowered.predicted.run);
  assert.ok(Math.abs((lowered.predicted.total ?? 0) - steps - copies) < 1e-6, "the copies are part of the prediction");
  assert.match(describePlacement(lowered).join(), /webgpu: 1 ops without a kernel run on the fallback \(math\.pow/);
  assert.ok(readModule(printModule(lowered.module), { registry }), "it reads back");
});

test("a cheap op between two that the target lacks goes with them", () => {
  const module = moduleOf(
    "    %0 = nn.matmul(%x, @w)\n    %1 = math.pow(%0, %0)\n    %2 = math.relu(%1)\n    %3 = math.pow(%2, %2)\n    %y = nn.matmul(%3, @w)",
  );
  const lowered = lower(module, webgpu, registry, { fallback: wasm });
  assert.equal(
    lowered.placed.map(({ kind, why }) => [kind, why === null]),
    [
      ["math.pow", false],
      ["math.relu", true],
      ["math.pow", false],
    ],
  );
  assert.is(lowered.crossings.length, 2);
});

test("a public input that both sides read stays with the host and is uploaded, not read back", () => {
  const module = moduleOf("    %0 = nn.matmul(%x, @w)\n    %1 = math.pow(%x, %x)\n    %2 = math.add(%0, %1)\n    %y = nn.matmul(%2, @w)");
  const lowered = lower(module, webgpu, registry, { fallback: wasm });
  assert.equal(
    lowered.crossings.map(({ direction }) => direction),
    lowered.crossings.map(() => "upload"),
  );
  const func = mainFunction(module);
  assert.is(homesOf(func, ["target", "fallback", "target", "target"]).get(func.params[0] as number), "fallback");
});

test("a plan that needs no fallback has the same bytes with and without one", () => {
  const module = moduleOf("    %0 = nn.matmul(%x, @w)\n    %y = math.relu(%0)");
  const [plain, allowed] = [lower(module, webgpu, registry), lower(module, webgpu, registry, { fallback: wasm })];
  assert.is(printModule(allowed.module), printModule(plain.module));
  assert.equal([allowed.placed, allowed.crossings], [[], []]);
});

test("targets whose values lie in the host's memory ignore the fallback", () => {
  const module = moduleOf("    %y = math.pow(%x, %x)");
  assert.equal(lower(module, wasm, registry, { fallback: wasm }).placed, []);
});

test("compile: the fallback by name, what it did among the warnings, the layers that it took", async () => {
  const module = moduleOf("    %0 = nn.matmul(%x, @w)\n    %1 = math.pow(%0, %0)\n    %y = nn.matmul(%1, @w)");
  const { warnings, host } = await compile(module, { targets: ["webgpu"], fallback: "wasm" });
  assert.match(
    warnings.join("\n"),
    /webgpu: 1 ops without a kernel run on the fallback \(math\.pow %.*\); 2 copies between them, 2097152 bytes, predicted \d+ us a run/,
  );
  const { layers, around } = inspectModule(module, host, "webgpu", { fallback: "wasm" });
  assert.equal(
    layers.map(({ op }) => op),
    ["nn.matmul", "math.pow [wasm]", "nn.matmul"],
  );
  assert.ok((around?.copiesMs ?? 0) > 0.5);
  const error = await compile(module, { targets: ["webgpu"], fallback: "tpu" }).then(
    () => null,
    (e: Error) => e,
  );
  assert.match(error?.message ?? "", /E0804.*no ops fall back to "tpu"; there is: wasm/);
});

test.run();
