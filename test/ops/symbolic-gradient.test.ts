/** @file Gradients that are built for symbolic sizes and run for numbers: what training with an open batch does. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { checkGradient } from "../../compiler/testing/gradient-check.ts";
import { type AttrInput, createCoreRegistry, type Dim, dimSymbol, type HostTensor, tensorType } from "../../ir-spec/index.ts";
import { f64, i32, positive, spread } from "./tensors.ts";

const registry = createCoreRegistry();
const [n, t] = [dimSymbol("N"), dimSymbol("T")];
const whole = Number.MAX_SAFE_INTEGER;

/** Inputs with the sizes that the graph is built for. */
type Row = readonly [op: string, note: string, inputs: readonly (readonly [HostTensor, readonly Dim[]])[], attrs?: AttrInput];

const rows: readonly Row[] = [
  [
    "math.add",
    "rows and a row",
    [
      [spread(3, 2), [n, 2]],
      [spread(2), [2]],
    ],
  ],
  [
    "math.mul",
    "columns and rows",
    [
      [spread(3, 1), [n, 1]],
      [spread(1, 2), [1, t]],
    ],
  ],
  [
    "math.mul",
    "a scalar",
    [
      [spread(3, 2), [n, t]],
      [f64([], [2]), []],
    ],
  ],
  ["math.softmax", "last axis", [[spread(3, 2), [n, t]]]],
  ["reduce.sum", "the batch", [[spread(3, 2), [n, 2]]], { axes: [0] }],
  ["reduce.mean", "the batch", [[spread(3, 2), [n, 2]]], { axes: [0] }],
  ["reduce.mean", "everything", [[spread(3, 2), [n, t]]], { axes: [0, 1] }],
  ["reduce.mean", "what is static", [[spread(3, 2), [n, 2]]], { axes: [1], keepdims: true }],
  ["reduce.max", "an open axis", [[spread(3, 2), [n, t]]], { axes: [1] }],
  ["shape.reshape", "flattened", [[spread(3, 2, 2), [n, 2, 2]]], { shape: [0, -1] }],
  ["shape.reshape", "merged with the batch", [[spread(3, 2, 2), [n, t, 2]]], { shape: [-1, 2] }],
  ["shape.transpose", "batch last", [[spread(3, 2), [n, 2]]], { perm: [1, 0] }],
  ["shape.broadcast", "to the batch", [[spread(2), [2]]], { shape: [3, 2] }],
  [
    "shape.concat",
    "along an open axis",
    [
      [spread(2, 3), [2, n]],
      [spread(2, 2), [2, t]],
    ],
    { axis: 1 },
  ],
  ["shape.slice", "the rest of an open axis", [[spread(5), [n]]], { starts: [2], ends: [whole] }],
  ["shape.slice", "but the last of an open axis", [[spread(5), [n]]], { starts: [0], ends: [-1] }],
  ["shape.slice", "an open axis backwards", [[spread(5), [n]]], { starts: [-1], ends: [-whole], steps: [-1] }],
  ["shape.slice", "an open axis in steps", [[spread(5), [n]]], { starts: [1], ends: [whole], steps: [3] }],
  ["shape.slice", "an open axis backwards in steps", [[spread(6), [n]]], { starts: [-1], ends: [-whole], steps: [-2] }],
  ["shape.slice", "nothing of a short axis", [[spread(2), [n]]], { starts: [4], ends: [whole] }],
  ["shape.pad", "an open axis", [[spread(3, 2), [n, 2]]], { before: [1, 0], after: [2, 1] }],
  [
    "shape.gather",
    "from an open axis",
    [
      [spread(3, 2), [n, 2]],
      [i32([2], [2, 0]), [2]],
    ],
  ],
  [
    "loss.softmax_cross_entropy",
    "an open batch",
    [
      [spread(3, 2), [n, 2]],
      [i32([3], [1, 0, 1]), [n]],
    ],
  ],
  [
    "nn.linear",
    "an open batch",
    [
      [spread(3, 2), [n, 2]],
      [spread(4, 2), [4, 2]],
      [spread(4), [4]],
    ],
  ],
  [
    "nn.batch_norm",
    "an open batch",
    [[spread(3, 2, 2), [n, 2, t]], ...[spread(2), spread(2), spread(2), positive(2)].map((v) => [v, [2]] as const)],
  ],
];

for (const [op, note, inputs, attrs] of rows) {
  test(`${op}: ${note}`, () => {
    const types = inputs.map(([tensor, shape]) => tensorType(tensor.dtype, shape));
    const error = checkGradient(
      registry,
      op,
      inputs.map(([tensor]) => tensor),
      attrs,
      { types },
    );
    assert.ok(error <= 1e-6, `off by ${error}`);
  });
}

test("a wrong gradient is seen", () => {
  const right = registry.require("math.exp");
  const wrong = {
    ...right,
    name: "test.exp",
    gradient: (ctx: Parameters<NonNullable<typeof right.gradient>>[0]) => [ctx.grads[0] ?? null],
  };
  const error = checkGradient(createCoreRegistry([{ owner: "test", ops: [wrong] }]), "test.exp", [f64([1], [1])]);
  // dy is 0.5 + 0.618..., the slope e.
  assert.ok(Math.abs(error - 1.1180339887 * (Math.E - 1)) < 1e-6, String(error));
});

test("a gradient that is missing, or of another type, is an error", () => {
  const right = registry.require("math.exp");
  const check = (gradient: () => readonly (string | null)[]) =>
    checkGradient(createCoreRegistry([{ owner: "test", ops: [{ ...right, name: "test.exp", gradient }] }]), "test.exp", [f64([1], [1])]);
  assert.throws(() => check(() => [null]), "no gradient for operand 0, which is wanted");
  assert.throws(() => checkGradient(registry, "math.floor", [f64([1], [1])]), "math.floor has no gradient");
});

test.run();
