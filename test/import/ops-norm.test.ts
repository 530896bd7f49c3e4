/**
 * @file Normalizations, attention, rotary embeddings, Einsum and optionals of plain tensors against ONNX Runtime: attributes and shapes that the ONNX operator tests leave out. Tolerances are those of f32 sums in another order.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { importOnnx } from "../../compiler/import/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { createCoreRegistry, type DType, type HostTensor, TersorError, toNumbers } from "../../ir-spec/index.ts";
import { ort, runOrt } from "../support/ort.ts";
import { needing } from "../support/skip.ts";
import { type Case, feedsOf, float, int, modelOf, of, random } from "./one-op.ts";

const oracle = needing(test, "ort", ort !== null);
const registry = createCoreRegistry();

const cases: Case[] = [];
const add = (op: string, inputs: Case["inputs"], more: Omit<Case, "op" | "inputs"> = {}) => cases.push({ op, inputs, ...more });
const f = (...shape: readonly number[]) => random("f32", shape);
const outputs = (...ranks: readonly number[]): NonNullable<Case["outputs"]> => ranks.map((rank) => ["f32", rank] as const);
const text = (string: string) => ({ string });
const ints = (list: readonly number[]) => ({ ints: list });

for (const axis of [-1, 1, -3]) {
  add("LayerNormalization", [f(2, 3, 5), f(...[2, 3, 5].slice(axis)), f(...[2, 3, 5].slice(axis))], { attrs: { axis: int(axis) } });
  add("LayerNormalization", [f(2, 3, 5), f(...[2, 3, 5].slice(axis))], {
    attrs: { axis: int(axis), epsilon: float(0.1) },
    outputs: outputs(3, 3, 3),
  });
}
add("RMSNormalization", [f(4, 7), f(7)], { opset: 23, attrs: { epsilon: float(0.01) } });
add("InstanceNormalization", [f(2, 3, 4), f(3), f(3)]);
add("InstanceNormalization", [f(1, 2, 3, 4, 2), f(2), f(2)], { attrs: { epsilon: float(0.5) } });
add("GroupNormalization", [f(2, 6, 3, 3), f(6), f(6)], { attrs: { num_groups: int(3) } });
add("GroupNormalization", [f(2, 6, 5), f(2), f(2)], { opset: 18, attrs: { num_groups: int(2) } });
for (const size of [1, 3, 5])
  add("LRN", [f(2, 7, 3, 3)], { attrs: { size: int(size), alpha: float(0.3), beta: float(0.6), bias: float(2) } });
add("LpPool", [f(1, 2, 6, 7)], { attrs: { kernel_shape: ints([3, 2]), strides: ints([2, 1]), pads: ints([1, 0, 1, 1]), p: int(3) } });
add("GlobalLpPool", [f(2, 3, 4, 5)], { attrs: { p: int(2) } });
for (const p of [1, 2]) for (const axis of [0, -1]) add("LpNormalization", [f(3, 4)], { attrs: { axis: int(axis), p: int(p) } });
add("MeanVarianceNormalization", [f(2, 3, 4, 5)]);
add("MeanVarianceNormalization", [f(2, 3, 4)], { attrs: { axes: ints([-1]) } });
add("BatchNormalization", [f(4, 3, 5), f(3), f(3), f(3), of("f32", [0.5, 1, 2])], {
  opset: 15,
  attrs: { training_mode: int(1), momentum: float(0.7) },
  outputs: outputs(3, 1, 1),
});

const equations: readonly (readonly [string, number, ...(readonly (readonly number[])[])])[] = [
  ["ij,jk->ik", 2, [3, 4], [4, 5]],
  ["bij,bkj->bik", 3, [2, 3, 4], [2, 5, 4]],
  ["...ij,...jk->...ik", 4, [2, 1, 3, 4], [1, 5, 4, 6]],
  ["bhqd,bhkd->bhqk", 4, [2, 3, 4, 5], [2, 3, 6, 5]],
  ["ij,kl->ijkl", 4, [2, 3], [4, 5]],
  ["ij->ji", 2, [2, 3]],
  ["ij->", 0, [2, 3]],
  ["ii->i", 1, [4, 4]],
  ["bii->b", 1, [3, 4, 4]],
  ["ij,ij->j", 1, [3, 4], [3, 4]],
  ["ij,jk,kl->il", 2, [2, 3], [3, 4], [4, 5]],
  ["ba", 2, [2, 3]],
  ["i,i", 0, [5], [5]],
  ["b...,c->...cb", 4, [2, 3, 4], [5]],
];
for (const [equation, rank, ...shapes] of equations)
  add(
    "Einsum",
    shapes.map((shape) => f(...shape)),
    { attrs: { equation: text(equation) }, outputs: outputs(rank), note: equation },
  );

const mask = (shape: readonly number[]) =>
  of(
    "bool",
    Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => (i % 3 === 1 ? 0 : 1)),
    shape,
  );
add("Attention", [f(2, 3, 4, 8), f(2, 3, 6, 8), f(2, 3, 6, 5)], { opset: 23 });
add("Attention", [f(2, 4, 24), f(2, 6, 24), f(2, 6, 24), mask([4, 6])], {
  opset: 23,
  attrs: { q_num_heads: int(3), kv_num_heads: int(3) },
});
add("Attention", [f(1, 4, 5, 8), f(1, 2, 5, 8), f(1, 2, 5, 8)], { opset: 23, attrs: { is_causal: int(1), scale: float(0.2) } });
add("Attention", [f(1, 2, 3, 8), f(1, 2, 4, 8), f(1, 2, 4, 8), null, f(1, 2, 5, 8), f(1, 2, 5, 8)], {
  opset: 23,
  attrs: { softcap: float(1.5) },
  outputs: outputs(4, 4, 4),
});

const positions = of("i64", [0, 1, 2, 5, 6, 7], [2, 3]);
for (const interleaved of [0, 1]) {
  add("RotaryEmbedding", [f(2, 3, 3, 8), f(10, 4), f(10, 4), positions], { opset: 23, attrs: { interleaved: int(interleaved) } });
  add("RotaryEmbedding", [f(2, 3, 24), f(2, 3, 4), f(2, 3, 4)], { opset: 23, attrs: { interleaved: int(interleaved), num_heads: int(3) } });
  add("RotaryEmbedding", [f(2, 3, 3, 8), f(10, 2), f(10, 2), positions], {
    opset: 23,
    attrs: { interleaved: int(interleaved), rotary_embedding_dim: int(4) },
  });
}

function worst(got: HostTensor, want: HostTensor): number {
  assert.equal([got.dtype, [...got.shape]], [want.dtype, [...want.shape]]);
  const [a, b] = [toNumbers(got), toNumbers(want)];
  const size = Math.max(1, ...b.map((v) => Math.abs(v)));
  return b.reduce((most, value, i) => Math.max(most, Math.abs(value - (a[i] as number)) / size), 0);
}

cases.forEach((one, i) => {
  const what = `${one.op} ${i}${one.note ? ` ${one.note}` : ""} ${JSON.stringify(one.attrs ?? {})}`;
  oracle(what, async () => {
    const model = modelOf(one);
    const want = await runOrt(model, feedsOf(one));
    const got = interpret(importOnnx(model, { registry }), registry, feedsOf(one)).outputs;
    for (const [name, tensor] of Object.entries(want)) {
      const error = worst(got[name] as HostTensor, tensor);
      assert.ok(error <= 2e-6, `${name}: ${error}`);
    }
  });
});

test("OptionalHasElement is true of a plain tensor, and OptionalGetElement gives it", () => {
  const get: Case = { op: "OptionalGetElement", inputs: [f(2, 3)], opset: 18 };
  const { y0 } = interpret(importOnnx(modelOf(get), { registry }), registry, feedsOf(get)).outputs;
  assert.equal(y0, get.inputs[0]);
  const has: Case = { op: "OptionalHasElement", inputs: [f(2)], opset: 18, outputs: [["bool" as DType, 0]] };
  assert.equal(toNumbers(interpret(importOnnx(modelOf(has), { registry }), registry, feedsOf(has)).outputs.y0 as HostTensor), [1]);
});

function refusal(one: Case): string {
  try {
    importOnnx(modelOf(one), { registry });
  } catch (error) {
    if (error instanceof TersorError) return error.problems.map((p) => `${p.code} ${p.message}`).join("\n");
    throw error;
  }
  return "";
}

test("what does not fit is refused with a code", () => {
  assert.match(refusal({ op: "Einsum", inputs: [f(2, 3)], attrs: { equation: text("ijk->i") } }), /E0606 "ijk" does not name 2 axes/);
  assert.match(refusal({ op: "Einsum", inputs: [f(2, 3)], attrs: { equation: text("ij->ik") } }), /E0606 no input has the label "k"/);
  assert.match(
    refusal({ op: "GroupNormalization", inputs: [f(1, 5, 2), f(5), f(5)], attrs: { num_groups: int(2) } }),
    /E0606 5 channels are not 2 groups/,
  );
  assert.match(
    refusal({
      op: "Attention",
      inputs: [f(1, 2, 9), f(1, 2, 9), f(1, 2, 9)],
      opset: 23,
      attrs: { q_num_heads: int(2), kv_num_heads: int(2) },
    }),
    /E0606 q_num_heads = 2 does not divide the hidden size 9/,
  );
});

test.run();
