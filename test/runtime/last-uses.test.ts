/** @file Lifetimes: the last step that reads each value of a plan. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { lastUses, type PlanFunction, type PlanOperand } from "../../runtime/index.ts";

const value = (id: number): PlanOperand => ({ kind: "value", value: id });
const step = (operands: readonly PlanOperand[], results: readonly number[]) => ({ kernel: "k", attrs: {}, operands, results, origin: "k" });

test("a value lives to its last reader, a returned one to the end, an unread one not at all", () => {
  const func: PlanFunction = {
    values: Array.from({ length: 6 }, () => ({ dtype: "f32" as const, shape: [] })),
    params: 2,
    steps: [
      step([value(0), { kind: "constant", constant: 4 }], [2, 3]),
      step([value(2), value(0), value(2)], [4]),
      step([value(2), { kind: "absent" }], [5]),
    ],
    returns: [value(5), { kind: "constant", constant: 1 }, value(4)],
  };
  assert.equal([...lastUses(func)], [1, -1, 2, -1, 3, 3]);
});

test("no steps: what is returned lives to step 0", () => {
  const func: PlanFunction = { values: [{ dtype: "f32", shape: [] }], params: 1, steps: [], returns: [value(0)] };
  assert.equal([...lastUses(func)], [0]);
});

test.run();
