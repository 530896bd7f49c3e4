/**
 * @file Element-wise operators, logic, reductions, running sums and losses against ONNX Runtime: the attributes, element types and versions that the ONNX operator tests leave out.
 * Integer results must be equal.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { importOnnx } from "../../compiler/import/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { createCoreRegistry, type DType, type HostTensor, TersorError, toNumbers } from "../../ir-spec/index.ts";
import { onnxModel } from "../support/onnx-writer.ts";
import { ort, runOrt } from "../support/ort.ts";
import { needing } from "../support/skip.ts";
import { assertSame, type Case, feedsOf, float, int, modelOf, of, random } from "./one-op.ts";

const oracle = needing(test, "ort", ort !== null);
const registry = createCoreRegistry();
const { POSITIVE_INFINITY: inf, NaN: nan } = Number;

const cases: Case[] = [];
const add = (op: string, inputs: Case["inputs"], more: Omit<Case, "op" | "inputs"> = {}) => cases.push({ op, inputs, ...more });

const special = of("f32", [0, -0, 1, -1, 0.5, -2.5, 30, -30, 100, -100, inf, -inf, nan]);
const unit = random("f32", [3, 5], 3, 0.99);
for (const op of ["Sin", "Cos", "Tan", "Atan", "Sinh", "Cosh", "Asinh"]) add(op, [random("f32", [3, 5], 2, 4)], { opset: 22 });
for (const op of ["Asin", "Acos", "Atanh"]) add(op, [unit], { opset: 9 });
add("Acosh", [of("f32", [1, 1.5, 4, 100, 0.5])]);
for (const op of ["Softplus", "Softsign", "Elu", "Selu", "Celu", "ThresholdedRelu", "Mish"]) {
  add(op, [random("f32", [4, 7], 4, 5)]);
  add(op, [special], { note: "special values" });
}
add("Elu", [random("f32", [9], 5, 3)], { attrs: { alpha: float(0.3) } });
add("Elu", [random("f16", [33], 5, 3)], { note: "half precision" });
add("Selu", [random("f32", [9], 5, 3)], { attrs: { alpha: float(2), gamma: float(0.5) } });
add("Celu", [random("f32", [9], 5, 3)], { attrs: { alpha: float(2.5) } });
add("ThresholdedRelu", [random("f32", [9], 5, 3)], { attrs: { alpha: float(-1) } });
add("Swish", [random("f32", [4, 7], 4, 5)], { opset: 24, attrs: { alpha: float(1.7) } });
add("BitCast", [random("f32", [2, 3], 4)], { opset: 26, attrs: { to: int(6) }, outputs: [["i32", 2]] });
for (const approximate of ["none", "tanh"])
  for (const dtype of ["f32", "f16"] as const)
    add("Gelu", [random(dtype, [33], 6, 4)], { attrs: { approximate: { string: approximate } } });
for (const dtype of ["f32", "i8", "u8", "i32"] as const)
  add("Shrink", [dtype === "f32" ? random(dtype, [33], 7, 3) : random(dtype, [33], 7)], { attrs: { lambd: float(1.5), bias: float(1) } });
for (const axis of [0, 1, 2, -1]) {
  const values = of("f32", [1, 3, 3, 0, 2, 2, 5, 5, 5, 1, 4, 4, 1, 3, 3, 0, 2, 2, 5, 5, 5, 1, 4, 9], [2, 3, 4]);
  for (const opset of axis < 0 ? [13] : [1, 11, 13]) add("Hardmax", [values], { opset, attrs: { axis: int(axis) } });
}

const truths = [of("bool", [0, 0, 1, 1], [2, 2]), of("bool", [0, 1, 0, 1, 1, 1, 0, 0], [2, 2, 2])];
for (const op of ["And", "Or", "Xor"]) add(op, truths, { outputs: [["bool", 3]] });
add("Not", truths.slice(0, 1));
for (const op of ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
  for (const dtype of ["i8", "u16", "i32", "i64", "u64"] as const)
    add(op, [random(dtype, [3, 1, 4], 8), random(dtype, [5, 4], 9)], { outputs: [[dtype, 3]] });
for (const dtype of ["u8", "i16", "i64"] as const) add("BitwiseNot", [random(dtype, [9], 8)]);
for (const direction of ["LEFT", "RIGHT"])
  for (const dtype of ["u8", "u32", "u64"] as const)
    add("BitShift", [random(dtype, [4, 1], 8), of(dtype, [0, 1, 5, 7], [4])], {
      attrs: { direction: { string: direction } },
      outputs: [[dtype, 2]],
    });
for (const op of ["GreaterOrEqual", "LessOrEqual", "Less", "Greater", "Equal"]) {
  add(op, [of("f32", [1, 2, nan, 2, -0]), of("f32", [2, 1, nan, 2, 0])], { outputs: [["bool", 1]] });
  for (const dtype of ["i32", "i64", "i8", "u8"] as const)
    add(op, [of(dtype, [1, 2, 3, 100]), of(dtype, [2, 2, 2, 99])], { outputs: [["bool", 1]] });
}
for (const [positive, negative] of [
  [0, 1],
  [1, 0],
  [1, 1],
  [0, 0],
] as const)
  add("IsInf", [of("f32", [1, inf, -inf, nan])], {
    attrs: { detect_positive: int(positive), detect_negative: int(negative) },
    outputs: [["bool", 1]],
  });
add("IsNaN", [of("f32", [1, inf, -inf, nan])], { outputs: [["bool", 1]] });

const dividends = [7, -7, 7, -7, 100, -128, 6, 0];
const divisors = [3, 3, -3, -3, -128, 100, 3, 5];
for (const dtype of ["i8", "i16", "i32", "i64"] as const)
  for (const fmod of [0, 1]) add("Mod", [of(dtype, dividends), of(dtype, divisors)], { attrs: { fmod: int(fmod) } });
for (const dtype of ["u8", "u32", "u64"] as const) add("Mod", [of(dtype, [7, 250, 0]), of(dtype, [3, 7, 9])]);
add("Mod", [of("f32", [5.5, -5.5, 5.5, -4, 1e30]), of("f32", [2, 2, -2, 2, 7])], { attrs: { fmod: int(1) } });

for (const dtype of ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"] as const) {
  const operands = [of(dtype, [1, 2, 3, 100, 0, 7]), of(dtype, [3, 2, 1, 7, 9, 7])];
  for (const op of ["Add", "Sub", "Mul", "Div"])
    add(op, op === "Sub" && dtype.startsWith("u") ? [operands[1] as HostTensor, operands[1] as HostTensor] : operands);
  const compared = !dtype.endsWith("16"); // ONNX Runtime has no Max, Min and Clip of 16-bit integers
  for (const op of compared ? ["Max", "Min"] : []) add(op, [...operands, of(dtype, [2])]);
  if (compared) add("Clip", [of(dtype, [0, 3, 5, 9, 100]), of(dtype, [3], []), of(dtype, [9], [])]);
  add("Abs", [of(dtype, dtype.startsWith("u") ? [3, 200] : [3, -100])]);
  add("Sign", [of(dtype, dtype.startsWith("u") ? [3, 0, 200] : [3, 0, -100])]);
}
for (const dtype of ["i8", "i16", "i32", "i64"] as const) add("Neg", [of(dtype, [3, -100, 0])]);
for (const exponent of [of("f32", [0.5, 2, 3, -1, 0.5]), of("i64", [1, 2, 3, 0, 2]), of("i32", [1, 2, 3, 0, 2])])
  for (const base of [of("f32", [4, 3, 5, 2, 9]), of("i32", [4, 3, 5, 2, 9]), of("i64", [4, 3, 5, 2, 9])]) add("Pow", [base, exponent]);
add("Pow", [of("i32", [4, 9]), of("f32", [0.5], [])], { fixed: [1], note: "constant root of integers" });

const cube = random("f32", [2, 3, 4], 11, 2);
const reductions = [
  "ReduceMin",
  "ReduceMax",
  "ReduceProd",
  "ReduceL1",
  "ReduceL2",
  "ReduceLogSum",
  "ReduceLogSumExp",
  "ReduceSumSquare",
  "ReduceMean",
];
for (const op of [...reductions, "ReduceSum"]) {
  const x =
    op === "ReduceLogSum"
      ? of(
          "f32",
          Array.from({ length: 24 }, (_, i) => 0.5 + i),
          [2, 3, 4],
        )
      : cube;
  add(op, [x], { opset: 11, attrs: { axes: { ints: [-1, 0] }, keepdims: int(0) }, outputs: [["f32", 1]] });
  add(op, [x], { opset: 11 });
  add(op, [x, of("i64", [1])], { opset: 18, fixed: [1] });
  add(op, [x], { opset: 18, attrs: { keepdims: int(0) }, outputs: [["f32", 0]] });
  add(op, [of("i32", [3, 1, 4, 1, 5, 9], [2, 3]), of("i64", [1])], { opset: 18, fixed: [1] });
}
for (const op of [...reductions, "ReduceSum"])
  add(op, [of("f32", [-1.5, 2, 3])], { opset: 18, attrs: { noop_with_empty_axes: int(1) }, note: "over no axes" });
for (const op of ["ReduceMin", "ReduceMax"])
  for (const dtype of ["i8", "u8", "i64", "bool"] as const)
    add(op, [random(dtype, [3, 5], 12), of("i64", [0])], { opset: 20, fixed: [1], attrs: { keepdims: int(0) }, outputs: [[dtype, 1]] });
add("ReduceLogSumExp", [of("f32", [1000, 1001, -inf, -inf, inf, 0], [3, 2]), of("i64", [1])], {
  opset: 18,
  fixed: [1],
  note: "large and infinite",
});
add("ReduceSumSquare", [random("f16", [3, 5], 12, 300), of("i64", [0])], { opset: 18, fixed: [1], note: "half precision" });

const ties = of("f32", [3, 5, 5, 1, 1, 9, 9, 9, 2], [3, 3]);
for (const op of ["ArgMin", "ArgMax"])
  for (const last of [0, 1]) {
    for (const axis of [0, -1])
      add(op, [ties], { opset: 13, attrs: { axis: int(axis), select_last_index: int(last), keepdims: int(0) }, outputs: [["i64", 1]] });
    for (const dtype of ["i8", "u8", "i32", "i64"] as const)
      add(op, [of(dtype, [0, 100, 100, 0, 127], [5])], { opset: 13, attrs: { select_last_index: int(last) }, outputs: [["i64", 1]] });
  }

for (const [exclusive, reverse] of [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const)
  for (const dtype of ["f32", "i32", "i64"] as const)
    add("CumSum", [dtype === "f32" ? cube : random(dtype, [2, 3, 4], 13), of("i32", [-2], [])], {
      opset: 14,
      fixed: [1],
      attrs: { exclusive: int(exclusive), reverse: int(reverse) },
    });
add("CumProd", [cube, of("i64", [1], [])], { opset: 26, fixed: [1], attrs: { reverse: int(1) } });

const scores = random("f32", [3, 4, 5], 14, 3);
const targets = (dtype: "i32" | "i64", ignored?: number) =>
  of(
    dtype,
    Array.from({ length: 15 }, (_, i) => (ignored !== undefined && i % 4 === 1 ? ignored : (i * 7) % 4)),
    [3, 5],
  );
const classWeights = of("f32", [0.5, 2, 0.25, 3]);
for (const op of ["NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"])
  for (const reduction of ["mean", "sum", "none"])
    for (const ignored of [undefined, 2, -1])
      for (const weights of [null, classWeights]) {
        const outputs: readonly (readonly [DType, number])[] = [["f32", reduction === "none" ? 2 : 0]];
        add(op, [scores, targets(ignored === -1 ? "i32" : "i64", ignored), ...(weights ? [weights] : [])], {
          opset: 13,
          attrs: { reduction: { string: reduction }, ...(ignored === undefined ? {} : { ignore_index: int(ignored) }) },
          outputs: op.startsWith("Softmax") ? [...outputs, ["f32", 3]] : outputs,
        });
      }

for (const op of ["HannWindow", "HammingWindow", "BlackmanWindow"])
  for (const periodic of [0, 1])
    for (const size of [1, 10]) {
      if (size === 1 && periodic === 0) continue; // divides by 0
      add(op, [of("i64", [size], [])], { opset: 17, fixed: [0], attrs: { periodic: int(periodic) }, outputs: [["f32", 1]] });
    }
for (const bounds of [
  [1, 2, 0.3],
  [5, -1, -1.5],
  [1, 0, 0.5],
])
  add(
    "Range",
    bounds.map((bound) => of("f32", [bound], [])),
    { fixed: [0, 1, 2], outputs: [["f32", 1]] },
  );

cases.forEach((one, i) => {
  const { op, inputs, attrs = {}, opset = 21, note } = one;
  const types = inputs.map((t) => (t ? `${t.dtype}[${t.shape.join()}]` : "_")).join(" ");
  const what = `${i} ${op} ${types} ${JSON.stringify(attrs)} opset ${opset}${note ? `: ${note}` : ""}`;
  oracle(what, async () => {
    const model = modelOf(one);
    const want = await runOrt(model, feedsOf(one));
    const got = interpret(importOnnx(model, { registry }), registry, feedsOf(one)).outputs;
    for (const [name, tensor] of Object.entries(want)) assertSame(got[name] as HostTensor, tensor, `${what}, ${name}`);
  });
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

test("what cannot be had is refused with a code", () => {
  const number = of("f32", [1], []);
  assert.match(refusal({ op: "Mod", inputs: [number, number] }), /E0606 the remainder of floats needs fmod/);
  assert.match(
    refusal({ op: "BitShift", inputs: [of("i8", [1]), of("i8", [1])], attrs: { direction: { string: "LEFT" } } }),
    /E0606 i8 is not shifted/,
  );
  assert.match(refusal({ op: "CumSum", inputs: [number, of("i64", [0], [])], fixed: [1] }), /E0606 axis 0 is outside rank 0/);
  assert.match(refusal({ op: "Celu", inputs: [number], attrs: { alpha: float(0) } }), /E0606 alpha is 0/);
});

test("an axis that is computed from constants is known", () => {
  const model = onnxModel({
    nodes: [
      { op: "Cast", inputs: ["half"], outputs: ["f"], attrs: { to: int(1) } },
      { op: "Mul", inputs: ["f", "f"], outputs: ["g"] },
      { op: "Cast", inputs: ["g"], outputs: ["axis"], attrs: { to: int(7) } },
      { op: "CumSum", inputs: ["x", "axis"], outputs: ["y"] },
    ],
    inputs: [{ name: "x", dtype: "f32", shape: [2, 2] }],
    outputs: [{ name: "y", dtype: "f32", shape: [2, 2] }],
    initializers: { half: of("i32", [1], []) },
  });
  const { y } = interpret(importOnnx(model, { registry }), registry, { x: of("f32", [1, 2, 3, 4], [2, 2]) }).outputs;
  assert.equal(toNumbers(y as HostTensor), [1, 3, 3, 7]);
});

test.run();
