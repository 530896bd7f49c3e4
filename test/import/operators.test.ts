/**
 * @file Every translated operator against ONNX Runtime, in each form that its operator set versions give it: one small model a case, imported, interpreted and
 * compared. Integer results must be equal.
 */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { supportedOperators } from "../../compiler/import/index.ts";
import { BOOL, encodeModel, FLOAT, float, floats, INT8, INT32, INT64, node, raw, tensor, UINT8, value } from "./model.ts";
import { compareOutputs, type Feeds, importModel, runModule, runOrt, seeded } from "./oracle.ts";

type Node = ReturnType<typeof node>;
type Initializer = ReturnType<typeof tensor>;

interface Case {
  readonly name: string;
  readonly opset: number;
  readonly nodes: readonly Node[];
  readonly feeds: Feeds;
  readonly initializers?: readonly Initializer[];
  /** Element types and ranks of the outputs; default one float `y`. */
  /** The same in the words of a later operator set, where ONNX Runtime no longer has this one. */
  readonly oracle?: { readonly opset: number; readonly nodes: readonly Node[] };
  readonly outputs?: Readonly<Record<string, readonly [type: number, rank: number]>>;
}

const codes: Readonly<Record<string, number>> = { f32: FLOAT, i64: INT64, i32: INT32, i8: INT8, u8: UINT8, bool: BOOL };
const x = (...shape: number[]): Feeds => ({ x: seeded("f32", shape) });
const xy = (a: readonly number[], b: readonly number[]): Feeds => ({ x: seeded("f32", a), z: seeded("f32", b, 7) });
const ints = (name: string, numbers: readonly number[], shape: readonly number[] = [numbers.length]) => tensor(name, INT64, shape, numbers);

const cases: Case[] = [];
const add = (name: string, opset: number, nodes: Node | readonly Node[], feeds: Feeds, rank: number, more: Partial<Case> = {}): void => {
  cases.push({ name, opset, nodes: Array.isArray(nodes) ? nodes : [nodes as Node], feeds, outputs: { y: [FLOAT, rank] }, ...more });
};

const positive: Feeds = { x: seeded("f32", [3, 5], 3, 0.1, 4) };
for (const op of ["Relu", "Sigmoid", "Tanh", "Exp", "Erf", "Neg", "Abs", "Sign", "Floor", "Ceil", "Round"])
  add(op, 13, node(op, "x", "y"), x(3, 5), 2);
for (const op of ["Log", "Sqrt", "Reciprocal"]) add(op, 13, node(op, "x", "y"), positive, 2);
for (const op of ["Add", "Sub", "Mul", "Div"]) {
  add(op, 14, node(op, "x z", "y"), xy([2, 3, 4], [3, 1]), 3);
  const oracle = { opset: 11, nodes: [node("Unsqueeze", "z", "column", { axes: [1] }), node(op, "x column", "y")] };
  add(`${op} from an axis`, 6, node(op, "x z", "y", { broadcast: 1, axis: 1 }), xy([2, 3, 4], [3]), 3, { oracle });
}
for (const op of ["Less", "Greater", "Equal"]) {
  const feeds = { x: seeded("i32", [12], 1, 0, 3), z: seeded("i32", [12], 9, 0, 3) };
  add(op, 13, node(op, "x z", "y"), feeds, 1, { outputs: { y: [BOOL, 1] } });
}
for (const op of ["Sum", "Max", "Min", "Mean"]) add(op, 13, node(op, "x z z", "y"), xy([2, 3], [1, 3]), 2);
add("Pow with an integer exponent", 15, node("Pow", "x e", "y"), x(2, 3), 2, { initializers: [ints("e", [2], [])] });
add("Where", 16, [node("Greater", "x z", "c"), node("Where", "c x z", "y")], xy([2, 3], [3]), 2);

add("Clip by attributes", 6, node("Clip", "x", "y", { min: float(-0.5), max: float(1) }), x(3, 5), 2);
add("Clip below only", 6, node("Clip", "x", "y", { min: float(-0.5) }), x(3, 5), 2);
const bounds = [raw("lo", [], [-0.5]), raw("hi", [], [1])];
add("Clip by constants", 13, node("Clip", "x lo hi", "y"), x(3, 5), 2, { initializers: bounds });
add("Clip with bounds in the wrong order", 13, node("Clip", "x hi lo", "y"), x(3, 5), 2, { initializers: bounds });
add("Clip of integers", 12, node("Clip", "x lo hi", "y"), { x: seeded("i32", [9], 4, -20, 20) }, 1, {
  initializers: [tensor("lo", INT32, [], [-3]), tensor("hi", INT32, [], [5])],
  outputs: { y: [INT32, 1] },
});
add("Clip above only", 13, node("Clip", "x _ hi", "y"), x(3, 5), 2, { initializers: bounds });
add("Clip by computed bounds", 13, [node("ReduceMean", "x", "lo", { keepdims: 0 }), node("Clip", "x lo", "y")], x(3, 5), 2);
add("Clip without bounds", 13, [node("Clip", "x", "c"), node("Relu", "c", "y")], x(3), 1);
add("LeakyRelu", 16, node("LeakyRelu", "x", "y", { alpha: float(0.3) }), x(3, 5), 2);
add("LeakyRelu with its default", 6, node("LeakyRelu", "x", "y"), x(3, 5), 2);
add("PRelu", 16, node("PRelu", "x s", "y"), x(2, 3, 4), 3, { initializers: [raw("s", [3, 1], [0.1, 0.2, -0.3])] });
add("HardSigmoid", 6, node("HardSigmoid", "x", "y", { alpha: float(0.4) }), x(3, 5), 2);
add("HardSwish", 14, node("HardSwish", "x", "y"), { x: seeded("f32", [3, 5], 2, -5, 5) }, 2);

const kernel = (...shape: number[]) => raw("w", shape, [...(seeded("f32", shape, 5).data as Float32Array)]);
add("Conv", 11, node("Conv", "x w", "y", { kernel_shape: [3, 3] }), x(2, 4, 7, 6), 4, { initializers: [kernel(2, 4, 3, 3)] });
const bias2 = raw("b", [2], [0.5, -1]);
const everything = { strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 2], group: 2 };
add("Conv with everything", 11, node("Conv", "x w b", "y", everything), x(1, 4, 7, 8), 4, { initializers: [kernel(2, 2, 3, 3), bias2] });
for (const mode of ["SAME_UPPER", "SAME_LOWER", "VALID"]) {
  for (const strides of [
    [1, 1],
    [2, 3],
  ]) {
    const conv = node("Conv", "x w", "y", { auto_pad: mode, strides });
    add(`Conv ${mode} stride ${strides}`, 11, conv, x(1, 1, 8, 7), 4, { initializers: [kernel(1, 1, 4, 3)] });
    const pool = node("MaxPool", "x", "y", { auto_pad: mode, strides, kernel_shape: [4, 3] });
    add(`MaxPool ${mode} stride ${strides}`, 12, pool, x(1, 2, 8, 7), 4);
  }
}
add("Conv 1-D", 11, node("Conv", "x w", "y", { pads: [1, 1] }), x(1, 2, 9), 3, { initializers: [kernel(3, 2, 3)] });
add("Conv 3-D", 11, node("Conv", "x w", "y"), x(1, 1, 4, 5, 4), 5, { initializers: [kernel(2, 1, 2, 3, 2)] });
const transposed = { strides: [2, 2], pads: [1, 0, 1, 1], output_padding: [1, 0] };
add("ConvTranspose", 11, node("ConvTranspose", "x w b", "y", transposed), x(1, 3, 4, 5), 4, { initializers: [kernel(3, 2, 3, 3), bias2] });
add("ConvTranspose in groups", 11, node("ConvTranspose", "x w", "y", { group: 2, dilations: [2, 1] }), x(1, 4, 4, 5), 4, {
  initializers: [kernel(4, 2, 3, 3)],
});

add(
  "MaxPool",
  12,
  node("MaxPool", "x", "y", { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1], dilations: [1, 2] }),
  x(1, 2, 7, 8),
  4,
);
add("MaxPool ceil", 12, node("MaxPool", "x", "y", { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }), x(1, 2, 6, 8), 4);
add("AveragePool", 11, node("AveragePool", "x", "y", { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 1, 1] }), x(1, 2, 7, 8), 4);
add(
  "AveragePool over the padding",
  11,
  node("AveragePool", "x", "y", { kernel_shape: [3, 3], pads: [1, 1, 1, 1], count_include_pad: 1 }),
  x(1, 2, 5, 5),
  4,
);
add("GlobalAveragePool", 1, node("GlobalAveragePool", "x", "y"), x(2, 3, 4, 5), 4);
add("GlobalMaxPool", 1, node("GlobalMaxPool", "x", "y"), x(2, 3, 4, 5), 4);

const ab = { initializers: [kernel(5, 4), raw("c", [5], [1, 2, 3, 4, 5])] };
add("Gemm transB", 13, node("Gemm", "x w c", "y", { transB: 1 }), x(3, 4), 2, ab);
add("Gemm without C", 11, node("Gemm", "x w", "y", { transB: 1 }), x(3, 4), 2, ab);
add("Gemm transA", 13, node("Gemm", "x w c", "y", { transA: 1 }), x(4, 3), 2, {
  initializers: [kernel(4, 5), raw("c", [1, 5], [1, 2, 3, 4, 5])],
});
const scaled = { alpha: float(0.5), beta: float(2), transB: 1 };
add("Gemm alpha, beta", 13, node("Gemm", "x w c", "y", scaled), x(3, 4), 2, ab);
add("Gemm with a column", 13, node("Gemm", "x w c", "y", { transB: 1 }), x(3, 4), 2, {
  initializers: [kernel(5, 4), raw("c", [3, 1], [1, 2, 3])],
});
add("MatMul", 13, node("MatMul", "x z", "y"), xy([2, 3, 4], [4, 5]), 3);
add("MatMul of a vector", 13, node("MatMul", "x z", "y"), xy([4], [2, 4, 5]), 2);

const statistics = ["s", "b", "m"].map((name, i) => raw(name, [3], [0.5 + i, 1, -0.2])).concat(raw("v", [3], [0.4, 1.2, 2]));
for (const opset of [7, 9, 15]) {
  add(`BatchNormalization opset ${opset}`, opset, node("BatchNormalization", "x s b m v", "y", { epsilon: float(0.01) }), x(2, 3, 4), 3, {
    initializers: statistics,
  });
}
for (const op of ["Softmax", "LogSoftmax"]) {
  for (const axis of [0, 1, 2]) add(`${op} before 13, axis ${axis}`, 11, node(op, "x", "y", { axis }), x(2, 3, 4), 3);
  add(`${op} with its old default`, 11, node(op, "x", "y"), x(2, 3, 4), 3);
  for (const axis of [0, -2]) add(`${op} since 13, axis ${axis}`, 13, node(op, "x", "y", { axis }), x(2, 3, 4), 3);
}
for (const op of ["ReduceSum", "ReduceMean", "ReduceMax"]) {
  add(`${op} by attribute`, 11, node(op, "x", "y", { axes: [-1, 0], keepdims: 0 }), x(2, 3, 4), 1);
  add(`${op} of everything`, 11, node(op, "x", "y"), x(2, 3, 4), 3);
  add(`${op} by input`, 18, node(op, "x axes", "y"), x(2, 3, 4), 3, { initializers: [ints("axes", [1])] });
  add(`${op} of nothing`, 18, [node(op, "x", "r", { noop_with_empty_axes: 1 }), node("Relu", "r", "y")], x(2, 3), 2);
}
add("ArgMax", 13, node("ArgMax", "x", "y", { axis: -1, keepdims: 0 }), x(4, 5), 1, { outputs: { y: [INT64, 1] } });

add("Reshape", 13, node("Reshape", "x s", "y"), x(2, 3, 4), 2, { initializers: [ints("s", [0, -1])] });
add("Reshape by attribute", 1, node("Reshape", "x", "y", { shape: [4, 6] }), x(2, 3, 4), 2);
for (const axis of [0, 1, 2, 3]) add(`Flatten ${axis}`, 9, node("Flatten", "x", "y", { axis }), x(2, 3, 4), 2);
add("Squeeze by attribute", 11, node("Squeeze", "x", "y", { axes: [0, -1] }), x(1, 3, 1, 1), 2);
add("Squeeze by input", 13, node("Squeeze", "x axes", "y"), x(1, 3, 1), 2, { initializers: [ints("axes", [2])] });
add("Squeeze everything", 13, node("Squeeze", "x", "y"), x(1, 3, 1), 1);
add("Unsqueeze by attribute", 11, node("Unsqueeze", "x", "y", { axes: [0, -1] }), x(2, 3), 4);
add("Unsqueeze by input", 13, node("Unsqueeze", "x axes", "y"), x(2, 3), 3, { initializers: [ints("axes", [1])] });
add("Transpose", 13, node("Transpose", "x", "y", { perm: [2, 0, 1] }), x(2, 3, 4), 3);
add("Transpose, reversed", 13, node("Transpose", "x", "y"), x(2, 3, 4), 3);
add("Expand", 13, node("Expand", "x s", "y"), x(3, 1), 3, { initializers: [ints("s", [2, 1, 4])] });
add("DepthToSpace DCR", 13, node("DepthToSpace", "x", "y", { blocksize: 2 }), x(2, 8, 2, 3), 4);
add("DepthToSpace CRD", 13, node("DepthToSpace", "x", "y", { blocksize: 2, mode: "CRD" }), x(2, 8, 2, 3), 4);
add("SpaceToDepth", 13, node("SpaceToDepth", "x", "y", { blocksize: 2 }), x(2, 3, 4, 6), 4);

add("Slice by attributes", 9, node("Slice", "x", "y", { starts: [1, -3], ends: [9, -1], axes: [0, 2] }), x(3, 2, 5), 3);
const cut = [ints("st", [-1, 0]), ints("en", [-100, 2]), ints("ax", [1, 0]), ints("sp", [-2, 1])];
add("Slice backwards", 13, node("Slice", "x st en ax sp", "y"), x(3, 5), 2, { initializers: cut });
add(
  "Slice of everything",
  9,
  [node("Slice", "x", "s", { starts: [0], ends: [Number.MAX_SAFE_INTEGER] }), node("Relu", "s", "y")],
  x(3, 2),
  2,
);
add("Split by attribute", 11, [node("Split", "x", "a b", { axis: 1, split: [1, 4] }), node("Mul", "a b", "y")], x(2, 5), 2);
add("Split in equal parts", 13, [node("Split", "x", "a b", { axis: 1 }), node("Sub", "a b", "y")], x(2, 6), 2);
add("Split unevenly", 18, node("Split", "x", "y b", { num_outputs: 2 }), x(5, 2), 2);
add("Concat", 13, node("Concat", "x z x", "y", { axis: -1 }), xy([2, 3], [2, 1]), 2);
add("Gather", 13, node("Gather", "x i", "y", { axis: 1 }), x(2, 5), 3, { initializers: [ints("i", [0, -1, 2, 2], [2, 2])] });
add("Pad by attribute", 10, node("Pad", "x", "y", { pads: [1, 0, 0, 2], value: float(0.5) }), x(2, 3), 2);
add("Pad by inputs", 13, node("Pad", "x p v", "y"), x(2, 3), 2, { initializers: [ints("p", [0, 1, 2, 0]), raw("v", [], [-3])] });
add("Pad chosen axes", 18, node("Pad", "x p _ ax", "y"), x(2, 3), 2, { initializers: [ints("p", [1, 2]), ints("ax", [-1])] });

add("Constant", 13, [node("Constant", "", "c", { value: raw("", [3], [1, 2, 3]) }), node("Add", "x c", "y")], x(2, 3), 2);
add("Constant of floats", 13, [node("Constant", "", "c", { value_floats: floats([1, 2, 3]) }), node("Add", "x c", "y")], x(2, 3), 2);
add("Constant of one float", 13, [node("Constant", "", "c", { value_float: float(1.5) }), node("Add", "x c", "y")], x(2, 3), 2);
add("Constant of integers", 13, [node("Constant", "", "c", { value_ints: [3, -1] }), node("Reshape", "x c", "y")], x(2, 3), 2);
const fill = { value: raw("", [1], [2.5]) };
add("ConstantOfShape", 13, [node("ConstantOfShape", "s", "c", fill), node("Add", "x c", "y")], x(2, 3), 2, {
  initializers: [ints("s", [2, 3])],
});
add(
  "Neg of a size",
  13,
  [node("Shape", "x", "n"), node("Neg", "n", "m"), node("Neg", "m", "s"), node("ConstantOfShape", "s", "y")],
  x(5),
  1,
);
add("Shape and Size as data", 13, [node("Shape", "x", "s"), node("Size", "x", "n"), node("Add", "s n", "y")], x(2, 3), 1, {
  outputs: { y: [INT64, 1] },
});
const picked = [node("Range", "from to by", "r"), node("Gather", "x r", "y", { axis: 1 })];
add("Range", 13, picked, x(2, 5), 2, { initializers: [ints("from", [4], []), ints("to", [0], []), ints("by", [-2], [])] });

add("Cast to integers", 13, node("Cast", "x", "y", { to: INT32 }), { x: seeded("f32", [9], 4, -20, 20) }, 1, {
  outputs: { y: [INT32, 1] },
});
add(
  "Cast to bool and back",
  13,
  [node("Cast", "x", "b", { to: BOOL }), node("Cast", "b", "y", { to: FLOAT })],
  { x: seeded("i32", [9], 4, 0, 2) },
  1,
);
add("CastLike", 15, node("CastLike", "x z", "y"), { x: seeded("i32", [4], 1, -9, 9), z: seeded("f32", [1]) }, 1);
add("Identity and Dropout", 13, [node("Identity", "x", "i"), node("Dropout", "i", "d"), node("Relu", "d", "y")], x(4), 1);
add("Dropout with a ratio", 7, [node("Dropout", "x", "d", { ratio: float(0.9) }), node("Relu", "d", "y")], x(4), 1);

const wide: Feeds = { x: seeded("f32", [2, 3, 4], 8, -30, 30) };
const scale1 = [raw("s", [], [0.17]), tensor("z", UINT8, [], [128])];
const roundTrip = (attributes: Parameters<typeof node>[3] = {}, zero = "z") => [
  node("QuantizeLinear", `x s ${zero}`, "q", attributes),
  node("DequantizeLinear", `q s ${zero}`, "y", attributes),
];
add("QuantizeLinear and back", 10, roundTrip(), wide, 3, { initializers: scale1 });
add("QuantizeLinear to its default type", 13, roundTrip({}, "_"), wide, 3, { initializers: scale1 });
const channels = [raw("s", [3], [0.1, 0.25, 0.3]), tensor("z", INT8, [3], [0, -5, 3])];
add("QuantizeLinear for each channel", 13, roundTrip({ axis: 1 }), wide, 3, { initializers: channels });
add("QuantizeLinear with lists of one", 13, roundTrip(), wide, 3, { initializers: [raw("s", [1], [0.5]), tensor("z", INT8, [1], [7])] });
add("QuantizeLinear alone", 13, node("QuantizeLinear", "x s z", "y"), wide, 3, { initializers: scale1, outputs: { y: [UINT8, 3] } });
const blocks = [
  raw(
    "s",
    [2, 3, 2],
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((v) => v / 16),
  ),
];
add(
  "QuantizeLinear in blocks",
  21,
  roundTrip({ axis: 2, block_size: 2, output_dtype: INT8 }, "_").map((n, i) =>
    i === 0 ? n : node("DequantizeLinear", "q s", "y", { axis: 2, block_size: 2 }),
  ),
  wide,
  3,
  { initializers: blocks },
);

function encodeCase({ opset, nodes, feeds, initializers = [], outputs = {} }: Case): Uint8Array {
  const inputs = Object.entries(feeds).map(([name, t]) => value(name, codes[t.dtype] ?? 0, t.shape));
  const results = Object.entries(outputs).map(([name, [type, rank]]) => value(name, type, new Array<null>(rank).fill(null)));
  return encodeModel({ opset, inputs, outputs: results, nodes, initializers });
}

for (const item of cases) {
  test(`${item.name} (opset ${item.opset})`, async () => {
    const want = await runOrt(encodeCase({ ...item, ...item.oracle }), item.feeds);
    const got = await runModule(importModel(encodeCase(item)), item.feeds);
    const error = compareOutputs(got, want);
    const exact = Object.values(item.outputs ?? {}).every(([type]) => type !== FLOAT);
    assert.ok(error <= (exact ? 0 : 1e-6), `relative error ${error}`);
  });
}

/** Families of operators have files of their own beside this one, which name each in quotes. */
const families = readdirSync(new URL(".", import.meta.url))
  .filter((name) => /^(ops-.*|control)\.test\.ts$/.test(name))
  .map((name) => readFileSync(new URL(name, import.meta.url), "utf8"))
  .join("\n");

test("every operator that is translated has a case", () => {
  const covered = new Set(cases.flatMap((item) => item.nodes.map((n) => n.opType)));
  for (const op of supportedOperators()) if (families.includes(`"${op}"`)) covered.add(op);
  assert.equal(
    supportedOperators().filter((op) => !covered.has(op)),
    [],
  );
});

test.run();
