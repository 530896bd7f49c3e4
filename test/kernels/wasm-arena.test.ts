/** @file The arena: values that are alive together never share a byte, whatever their lifetimes; what is not alive together does. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { PlanFunction, PlanOperand, PlanStep } from "../../runtime/backend.ts";
import { alignment, type Interval, placeIntervals } from "../../runtime/backends/wasm/arena.ts";
import { Layout } from "../../runtime/backends/wasm/layout.ts";

const intervals: fc.Arbitrary<readonly Interval[]> = fc.array(
  fc
    .tuple(fc.nat(300), fc.integer({ min: -1, max: 20 }), fc.nat(6))
    .map(([bytes, first, length]) => ({ bytes, first, last: first + length })),
  { maxLength: 40 },
);

const overlap = (a: number, aBytes: number, b: number, bBytes: number): boolean => a < b + bBytes && b < a + aBytes;

test("values that are alive together do not overlap", () => {
  fc.assert(
    fc.property(intervals, (items) => {
      const { offsets, bytes } = placeIntervals(items);
      items.forEach((a, i) => {
        const at = offsets[i] as number;
        assert.is(at % alignment, 0);
        assert.ok(at >= 0 && at + a.bytes <= bytes);
        for (let j = 0; j < i; j++) {
          const b = items[j] as Interval;
          const together = a.first <= b.last && b.first <= a.last;
          assert.not(together && overlap(at, a.bytes, offsets[j] as number, b.bytes), `${i} and ${j} overlap`);
        }
      });
    }),
    { seed: 1, numRuns: 500 },
  );
});

test("a chain needs room for two", () => {
  const chain = Array.from({ length: 10 }, (_, i) => ({ bytes: 1000, first: i, last: i + 1 }));
  assert.is(placeIntervals(chain).bytes, 2 * 1008);
});

test("the smallest gap that holds it is taken", () => {
  // From below: a long block, a gap of 320, a long block, a gap of 96, a long block. The last value fits both gaps.
  const long = { first: 0, last: 9 };
  const items = [
    { bytes: 4096, ...long },
    { bytes: 320, first: 0, last: 1 },
    { bytes: 2048, ...long },
    { bytes: 96, first: 0, last: 1 },
    { bytes: 64, first: 5, last: 6 },
  ];
  const { offsets, bytes } = placeIntervals(items);
  assert.is(bytes, 4096 + 320 + 2048 + 96);
  const gaps = [offsets[1], offsets[3]];
  assert.ok(gaps.includes(offsets[4]), `placed at ${offsets[4]}`);
});

/** Random straight-line programs with views, scratch and constants. */
interface Program {
  readonly func: PlanFunction;
  readonly views: ReadonlySet<PlanStep>;
  readonly scratch: ReadonlyMap<PlanStep, number>;
}

const constants = [{ dtype: "f32", shape: [5] } as const, { dtype: "u8", shape: [3] } as const];

const programs: fc.Arbitrary<Program> = fc
  .tuple(
    fc.integer({ min: 1, max: 3 }),
    fc.array(
      fc.record({
        sizes: fc.array(fc.nat(40), { minLength: 1, maxLength: 2 }),
        reads: fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
        view: fc.boolean(),
        scratch: fc.nat(64),
      }),
      { maxLength: 15 },
    ),
    fc.array(fc.nat(), { minLength: 1, maxLength: 3 }),
  )
  .map(([params, shapes, returns]) => {
    const sizes = Array.from({ length: params }, (_, i) => 8 * (i + 1));
    const views = new Set<PlanStep>();
    const scratch = new Map<PlanStep, number>();
    const operand = (n: number): PlanOperand => {
      const k = n % (sizes.length + constants.length);
      return k < sizes.length ? { kind: "value", value: k } : { kind: "constant", constant: k - sizes.length };
    };
    const bytesOf = (at: PlanOperand): number =>
      at.kind === "value" ? (sizes[at.value] as number) : at.kind === "constant" ? ([20, 3][at.constant] ?? 0) : 0;
    const steps = shapes.map(({ sizes: made, reads, view, scratch: room }): PlanStep => {
      const operands = reads.map(operand);
      const results = (view ? made.slice(0, 1) : made).map((size) => sizes.push(view ? bytesOf(operands[0] as PlanOperand) : size) - 1);
      const step = { kernel: "k", attrs: {}, operands, results, origin: "" };
      if (view) views.add(step);
      else scratch.set(step, room);
      return step;
    });
    const func = { values: sizes.map((size) => ({ dtype: "u8" as const, shape: [size] })), params, steps, returns: returns.map(operand) };
    return { func, views, scratch };
  });

test("no step writes over what a later one reads", () => {
  fc.assert(
    fc.property(programs, ({ func, views, scratch }) => {
      const layout = new Layout({
        func,
        constants,
        bindings: new Map(),
        isView: (step) => views.has(step),
        scratch: (step) => scratch.get(step) ?? 0,
      });
      const end = layout.place(64);
      assertSound(layout, func, views, scratch, end);
    }),
    { seed: 2, numRuns: 500 },
  );
});

/** Runs the program on bytes that hold who wrote them, and looks at every read. */
function assertSound(
  layout: Layout,
  func: PlanFunction,
  views: ReadonlySet<PlanStep>,
  scratch: ReadonlyMap<PlanStep, number>,
  end: number,
): void {
  const owner = new Int32Array(end);
  const spans = (operand: PlanOperand): [number, number] => {
    const tensor = layout.tensor(operand);
    return tensor ? [tensor.ptr, tensor.ptr + layout.storageBytes(layout.storageOf(operand) as number)] : [0, 0];
  };
  const idOf = (operand: PlanOperand): number => 1 + (layout.storageOf(operand) as number);
  const written = new Set<number>();
  const write = (operand: PlanOperand) => owner.fill(idOf(operand), ...spans(operand));
  const read = (operand: PlanOperand) => {
    if (operand.kind === "constant" && !written.has(operand.constant)) {
      written.add(operand.constant);
      write(operand);
    }
    const [from, to] = spans(operand);
    assert.ok(from >= 64 && to <= end);
    for (let i = from; i < to; i++) assert.is(owner[i], idOf(operand), `byte ${i} was overwritten`);
  };
  for (let value = 0; value < func.params; value++) write({ kind: "value", value });
  func.steps.forEach((step, i) => {
    step.operands.forEach(read);
    if (!views.has(step)) {
      const at = layout.scratch(i);
      owner.fill(-1, at, at + (scratch.get(step) ?? 0));
      for (const value of step.results) write({ kind: "value", value });
      step.operands.forEach(read);
      for (let k = at; k < at + (scratch.get(step) ?? 0); k++) assert.is(owner[k], -1, "a result lies in the scratch");
    }
  });
  func.returns.forEach(read);
}

test.run();
