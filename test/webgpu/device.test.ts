/** @file What can go wrong with a device, and what must not: loss, limits, memory that is given back, and values that share a buffer while both are alive. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readModule } from "../../compiler/text/index.ts";
import type { PlanFunction, PlanOperand, PlanStep } from "../../runtime/backend.ts";
import { colour, storageOf, storages } from "../../runtime/backends/webgpu/colour.ts";
import { manifest, webgpu } from "../../runtime/backends/webgpu/index.ts";
import { Tensor } from "../../runtime/index.ts";
import { loadPlan, lowerTo, registry, targetOf } from "../support/op-module.ts";
import { need } from "../support/skip.ts";
import { adapter, real, watched } from "./watched-gpu.ts";

const chain = `tersor 1.0
module @chain {
  func @main(%x: tensor<NxMxf32>) -> (y: tensor<NxMxf32>) {
    %0 = math.relu(%x)
    %1 = math.neg(%0)
    %2 = math.exp(%1)
    %3 = math.sqrt(%2)
    %y = math.add(%3, @c)
    return %y
  }
  const @c : tensor<f32> = 1.5
}
`;

const lowered = () => lowerTo(readModule(chain, { registry }), targetOf("webgpu", manifest.kernels));
const input = (n: number, m: number) => ({ x: new Tensor("f32", new Float32Array(n * m).fill(0.25), [n, m]) });

test("no adapter is an error that says so", async () => {
  const none = { requestAdapter: async () => null } as unknown as GPU;
  try {
    await loadPlan(lowered(), webgpu({ gpu: none }));
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /R0401.*adapter/);
  }
});

test("a lost device refuses to run, with the reason", async () => {
  if (!need("webgpu", adapter !== null, "a lost device")) return;
  const { gpu, device } = watched();
  const session = await loadPlan(lowered(), webgpu({ gpu }));
  await session.run(input(2, 3));
  device().destroy();
  await device().lost;
  try {
    await session.run(input(2, 3));
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /R0421.*lost/);
  }
  session.dispose();
});

test("a value beyond the device's limit is refused before anything runs", async () => {
  if (!need("webgpu", adapter !== null, "a value beyond the limit")) return;
  const session = await loadPlan(lowered(), webgpu({ gpu: real }));
  const limit = adapter?.limits.maxStorageBufferBindingSize ?? 0;
  const rows = Math.ceil(limit / 4 / 1024) + 1;
  if (rows * 4096 <= 1 << 28) {
    try {
      await session.run(input(rows, 1024));
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), /R0405.*exceeds/);
    }
  }
  const { y } = await session.run(input(2, 3));
  assert.ok(Math.abs(Number(y?.data[0]) - (Math.sqrt(Math.exp(-0.25)) + 1.5)) < 1e-5, "and the session still works");
  session.dispose();
});

test("every buffer is given back, those of old shapes too", async () => {
  if (!need("webgpu", adapter !== null, "every buffer is given back")) return;
  const { gpu, alive } = watched();
  const session = await loadPlan(lowered(), webgpu({ gpu }));
  await session.run(input(1, 1));
  const one = alive.size;
  for (const n of [2, 3, 4, 5, 6, 7, 8, 9]) await session.run(input(n, 7));
  assert.ok(alive.size <= 4 * one, `${alive.size} buffers after nine shapes, ${one} after one`);
  session.dispose();
  assert.is(alive.size, 0);
});

test("a chain of five ops needs few buffers", async () => {
  if (!need("webgpu", adapter !== null, "a chain of five ops needs few buffers")) return;
  const { gpu, alive } = watched();
  const session = await loadPlan(lowered(), webgpu({ gpu }));
  await session.run(input(4, 4));
  assert.is(alive.size, 4, "two for values, the constant, the uniforms");
  session.dispose();
});

test("calls that overlap give each its own answer", async () => {
  if (!need("webgpu", adapter !== null, "calls that overlap")) return;
  const session = await loadPlan(lowered(), webgpu({ gpu: real }));
  const answers = await Promise.all([0.5, 1, 2].map((v) => session.run({ x: new Tensor("f32", Float32Array.of(v), [1, 1]) })));
  answers.forEach(({ y }, i) => {
    assert.ok(Math.abs(Number(y?.data[0]) - (Math.sqrt(Math.exp(-(0.5 * 2 ** i))) + 1.5)) < 1e-5, `call ${i}`);
  });
  session.dispose();
});

/** Random straight-line functions with views. */
const functions: fc.Arbitrary<{ readonly func: PlanFunction; readonly views: ReadonlySet<PlanStep> }> = fc
  .tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.array(fc.record({ size: fc.nat(40), reads: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }), view: fc.boolean() }), {
      maxLength: 15,
    }),
    fc.array(fc.nat(), { minLength: 1, maxLength: 2 }),
  )
  .map(([params, shapes, returns]) => {
    const sizes = Array.from({ length: params }, (_, i) => 4 * (i + 1));
    const views = new Set<PlanStep>();
    const operand = (n: number): PlanOperand => ({ kind: "value", value: n % sizes.length });
    const steps = shapes.map(({ size, reads, view }): PlanStep => {
      const operands = reads.map(operand);
      const [first] = operands;
      const made = view && first?.kind === "value" ? (sizes[first.value] as number) : size;
      const step = { kernel: "k", attrs: {}, operands, results: [sizes.push(made) - 1], origin: "" };
      if (view) views.add(step);
      return step;
    });
    const values = sizes.map((size) => ({ dtype: "u8" as const, shape: [size] }));
    return { func: { values, params, steps, returns: returns.map(operand) }, views };
  });

test("no dispatch reads and writes one buffer, and nothing is overwritten that is still read", () => {
  fc.assert(
    fc.property(functions, ({ func, views }) => {
      const ids = storages(func, (step) => views.has(step));
      const { bufferOf, sizes } = colour(func, ids, (id) => func.values[id]?.shape[0] as number);
      const at = (operand: PlanOperand): [number, number] => {
        assert.is(operand.kind, "value");
        const id = storageOf(operand as Exclude<PlanOperand, { kind: "absent" }>, func, ids);
        const buffer = bufferOf.get(id) as number;
        assert.ok((sizes[buffer] as number) >= (func.values[id]?.shape[0] as number), "large enough");
        return [buffer, id];
      };
      const holds = new Map<number, number>();
      for (let value = 0; value < func.params; value++) holds.set(...at({ kind: "value", value }));
      const read = (operand: PlanOperand) => {
        const [buffer, id] = at(operand);
        assert.is(holds.get(buffer), id, "overwritten while alive");
        return buffer;
      };
      for (const step of func.steps) {
        const reads = step.operands.map(read);
        if (views.has(step)) continue;
        for (const value of step.results) {
          const [buffer, id] = at({ kind: "value", value });
          assert.not(reads.includes(buffer), "one buffer read and written");
          holds.set(buffer, id);
        }
      }
      func.returns.forEach(read);
    }),
    { seed: 3, numRuns: 500 },
  );
});

test.run();
