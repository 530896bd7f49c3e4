/**
 * @file Quantized operators of ONNX and of com.microsoft, and casts, against ONNX Runtime on seeded data: small models, imported and interpreted. Integer results must be equal, except
 * where a case says that ONNX Runtime itself rounds otherwise on ties: there at most one step.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { compile } from "../../compiler/compile.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { createCoreRegistry, type DType, type HostTensor, hostTensor, isFloat, TersorError, toNumbers } from "../../ir-spec/index.ts";
import { type OnnxAttr, type OnnxGraph, type OnnxNode, onnxModel } from "../support/onnx-writer.ts";
import { ort, runOrt } from "../support/ort.ts";
import { seeded } from "../support/seeded.ts";
import { needing } from "../support/skip.ts";

const oracle = needing(test, "ort", ort !== null);
const registry = createCoreRegistry();
const microsoft = "com.microsoft";

type Tensors = Readonly<Record<string, HostTensor>>;

interface Case {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly feeds: Tensors;
  readonly initializers?: Tensors;
  /** Names and dtypes; shapes are not declared. */
  readonly outputs: Readonly<Record<string, readonly [dtype: DType, rank: number]>>;
  readonly opset?: number;
  /** Largest difference of integer results, which at most one element in ten has; default 0. */
  readonly steps?: number;
}

const cases: Case[] = [];
const f32 = (values: readonly number[], shape: readonly number[] = [values.length]) => hostTensor("f32", shape, Float32Array.from(values));
const scalar = (value: number) => f32([value], []);
const whole = (dtype: "i8" | "u8" | "i16" | "u16" | "i32", values: readonly number[], shape: readonly number[] = [values.length]) => {
  const tensor = hostTensor(dtype, shape);
  for (const [i, value] of values.entries()) tensor.data[i] = value;
  return tensor;
};
const random = (dtype: DType, shape: readonly number[], seed: number, scale = 1) => seeded(seed).tensor(dtype, shape, scale);

function node(op: string, inputs: string, outputs: string, attrs: Readonly<Record<string, OnnxAttr>> = {}, domain = ""): OnnxNode {
  const names = (text: string) => text.split(" ").map((name) => (name === "_" ? "" : name));
  return { op, inputs: names(inputs), outputs: names(outputs), attrs, domain };
}

function graphOf({ nodes, feeds, initializers = {}, outputs, opset = 21 }: Case): OnnxGraph {
  const inputs = Object.entries(feeds).map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const results = Object.entries(outputs).map(([name, [dtype, rank]]) => ({
    name,
    dtype,
    shape: Array.from({ length: rank }, (_, i) => `${name}${i}`),
  }));
  return { nodes, inputs, outputs: results, initializers, opset };
}

function check(got: HostTensor, want: HostTensor, steps: number, what: string): void {
  assert.equal([got.dtype, [...got.shape]], [want.dtype, [...want.shape]], what);
  const [a, b] = [toNumbers(got), toNumbers(want)];
  const largest = b.reduce((most, value) => Math.max(most, Number.isFinite(value) ? Math.abs(value) : 0), 0);
  const allowed = isFloat(want.dtype) ? 2e-6 * largest : steps;
  const different = b.filter((value, i) => value !== a[i]).length;
  if (steps > 0) assert.ok(different <= b.length / 10, `${what}: ${different} of ${b.length} differ`);
  b.forEach((value, i) => {
    const found = a[i] as number;
    const same = found === value || (Number.isNaN(found) && Number.isNaN(value)) || Math.abs(found - value) <= allowed;
    if (!same) assert.unreachable(`${what}: [${i}] is ${found}, ONNX Runtime has ${value}`);
  });
}

async function compare(one: Case): Promise<void> {
  const model = onnxModel(graphOf(one));
  const want = await runOrt(model, one.feeds);
  const got = interpret(importOnnx(model, { registry }), registry, one.feeds).outputs;
  for (const [name, tensor] of Object.entries(want)) check(got[name] as HostTensor, tensor, one.steps ?? 0, `${one.name}, ${name}`);
}

/** All values of a byte. */
const allBytes = (dtype: "i8" | "u8") =>
  whole(
    dtype,
    Array.from({ length: 256 }, (_, i) => i - (dtype === "i8" ? 128 : 0)),
    [2, 128],
  );
/**
 * i8 weights beside u8 values: ONNX Runtime's kernel for processors without VNNI saturates sums of two products at 16 bits, which these never reach.
 */
const weightOf = (x: DType, dtype: "i8" | "u8", shape: readonly number[], seed: number): HostTensor => {
  const tensor = random(dtype, shape, seed);
  return x === "u8" && dtype === "i8"
    ? whole(
        "i8",
        Array.from(tensor.data as Int8Array, (v) => v >> 1),
        shape,
      )
    : tensor;
};
const zeroOf = (dtype: "i8" | "u8", offset = 3) => whole(dtype, [offset + (dtype === "u8" ? 128 : 0)], []);

// QuantizeLinear and DequantizeLinear.
const spread = { x: random("f32", [3, 5, 8], 1, 40) };
for (const dtype of ["i8", "u8", "i16", "u16"] as const) {
  const outputs = { y: [dtype, 3] } as const;
  const nodes = [node("QuantizeLinear", "x s z", "y")];
  cases.push({
    name: `QuantizeLinear to ${dtype}`,
    nodes,
    feeds: spread,
    initializers: { s: scalar(0.1), z: whole(dtype, [dtype.startsWith("i") ? -7 : 99], []) },
    outputs,
  });
  const axis = { axis: { int: 1 } };
  const scales = { s: f32([0.1, 0.2, 0.3, 0.05, 1]), z: whole(dtype, [1, 2, 3, 4, 5]) };
  const perAxis = [node("QuantizeLinear", "x s z", "q", axis), node("DequantizeLinear", "q s z", "y", axis)];
  cases.push({ name: `QDQ of ${dtype} along an axis`, nodes: perAxis, feeds: spread, initializers: scales, outputs: { y: ["f32", 3] } });
  const block = { axis: { int: 2 }, block_size: { int: 3 } };
  const blocks = {
    s: f32(
      Array.from({ length: 45 }, (_, i) => 0.05 + i / 50),
      [3, 5, 3],
    ),
    z: random(dtype, [3, 5, 3], 4),
  };
  const blocked = [node("QuantizeLinear", "x s z", "q", block), node("DequantizeLinear", "q s z", "y", block)];
  cases.push({ name: `QDQ of ${dtype} in blocks`, nodes: blocked, feeds: spread, initializers: blocks, outputs: { y: ["f32", 3] } });
}
for (const dtype of ["i4", "u4"] as const) {
  const initializers = { s: scalar(4), z: hostTensor(dtype, [], Int8Array.of(3)) };
  const qdq = [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "y")];
  cases.push({ name: `QDQ of ${dtype}`, nodes: qdq, feeds: spread, initializers, outputs: { y: ["f32", 3] } });
  const typed = { output_dtype: { int: dtype === "i4" ? 22 : 21 } };
  const named = [node("QuantizeLinear", "x s", "q", typed), node("DequantizeLinear", "q s", "y")];
  cases.push({
    name: `QDQ of ${dtype} by output_dtype`,
    nodes: named,
    feeds: spread,
    initializers: { s: scalar(4) },
    outputs: { y: ["f32", 3] },
  });
}
for (const [opset, axis] of [
  [10, {}],
  [13, { axis: { int: -1 } }],
] as const) {
  const scales = opset === 10 ? f32([0.25], [1]) : f32(Array.from({ length: 8 }, (_, i) => 0.1 + i / 10));
  cases.push({
    name: `QuantizeLinear of opset ${opset} without a zero point`,
    nodes: [node("QuantizeLinear", opset === 10 ? "x e" : "x s", "y", axis)],
    feeds: spread,
    initializers: { s: scales, e: scalar(0.25) },
    outputs: { y: ["u8", 3] },
    opset,
  });
}
cases.push({
  name: "DequantizeLinear of i32 codes",
  nodes: [node("DequantizeLinear", "x s", "y")],
  feeds: { x: random("i32", [3, 7], 2) },
  initializers: { s: scalar(1e-6) },
  outputs: { y: ["f32", 2] },
});
for (const [name, x] of [
  ["any values", random("f32", [4, 9], 3, 5)],
  ["values above 0", f32([1, 2.5, 7], [3])],
  ["values below 0", f32([-1, -2.5, -7], [3])],
  ["zeros", f32([0, 0], [2])],
  ["one scalar", scalar(-3)],
] as const) {
  const rank = x.shape.length;
  const outputs = { y: ["u8", rank], s: ["f32", 0], z: ["u8", 0] } as const;
  cases.push({ name: `DynamicQuantizeLinear of ${name}`, nodes: [node("DynamicQuantizeLinear", "x", "y s z")], feeds: { x }, outputs });
}

// Sums of products.
for (const a of ["i8", "u8"] as const) {
  for (const b of ["i8", "u8"] as const) {
    if (a === "i8" && b === "u8") continue; // ONNX Runtime has no such kernel.
    const feeds = { a: random(a, [2, 3, 41], 5), b: weightOf(a, b, [41, 6], 6) };
    const zeros = { az: zeroOf(a), bz: zeroOf(b, -5) };
    const outputs = { y: ["i32", 3] } as const;
    cases.push({ name: `MatMulInteger ${a} ${b}`, nodes: [node("MatMulInteger", "a b", "y")], feeds, outputs });
    cases.push({
      name: `MatMulInteger ${a} ${b} with zero points`,
      nodes: [node("MatMulInteger", "a b az bz", "y")],
      feeds,
      initializers: zeros,
      outputs,
    });
    cases.push({
      name: `MatMulInteger ${a} ${b} with a zero point per column`,
      nodes: [node("MatMulInteger", "a b az bz", "y")],
      feeds: { a: feeds.a },
      initializers: { ...zeros, b: feeds.b, bz: random(b, [6], 8) },
      outputs,
    });
    const qlinear = {
      as: scalar(0.02),
      bs: scalar(0.03),
      cs: scalar(0.9),
      bc: f32([0.01, 0.02, 0.03, 0.04, 0.05, 0.06]),
      bcz: random(b, [6], 9),
      cz: zeroOf(a, 11),
    };
    for (const [kind, columns] of [
      ["", "bs bz"],
      [" per column", "bc bcz"],
    ] as const) {
      cases.push({
        name: `QLinearMatMul ${a} ${b}${kind}`,
        nodes: [node("QLinearMatMul", `a as az b ${columns} cs cz`, "y")],
        feeds: { a: feeds.a },
        initializers: { ...zeros, ...qlinear, b: feeds.b },
        outputs: { y: [a, 3] },
      });
    }
  }
}
cases.push({
  name: "MatMulInteger of vectors",
  nodes: [node("MatMulInteger", "a b", "y")],
  feeds: { a: random("u8", [1, 9], 1), b: random("u8", [4, 9, 2], 2) },
  outputs: { y: ["i32", 3] },
});
cases.push({
  name: "MatMulInteger whose sums f32 does not hold",
  nodes: [node("MatMulInteger", "a b", "y")],
  feeds: { a: whole("u8", new Array<number>(3000).fill(255), [1, 3000]), b: whole("u8", new Array<number>(3000).fill(253), [3000, 1]) },
  outputs: { y: ["i32", 2] },
});

const geometry = {
  kernel_shape: { ints: [3, 2] },
  strides: { ints: [2, 1] },
  pads: { ints: [1, 0, 2, 1] },
  dilations: { ints: [1, 2] },
  group: { int: 2 },
};
cases.push({
  name: "ConvInteger",
  nodes: [node("ConvInteger", "x w xz wz", "y", geometry)],
  feeds: { x: random("u8", [2, 4, 9, 8], 1) },
  initializers: { w: random("u8", [6, 2, 3, 2], 2), xz: zeroOf("u8"), wz: zeroOf("u8", 7) },
  outputs: { y: ["i32", 4] },
});
for (const w of ["i8", "u8"] as const) {
  for (const perChannel of [false, true]) {
    const scales = perChannel ? f32([0.01, 0.02, 0.03, 0.015, 0.025, 0.035]) : scalar(0.02);
    const zero = perChannel ? whole(w, new Array<number>(6).fill(w === "u8" ? 128 : 0)) : zeroOf(w, w === "u8" ? 2 : 0);
    cases.push({
      name: `QLinearConv with ${w} weights${perChannel ? " per channel" : ""}`,
      nodes: [node("QLinearConv", "x xs xz w ws wz ys yz b", "y", geometry)],
      feeds: { x: random("u8", [2, 4, 9, 8], 1) },
      initializers: {
        xs: scalar(0.03),
        xz: zeroOf("u8"),
        w: weightOf("u8", w, [6, 2, 3, 2], 2),
        ws: scales,
        wz: zero,
        ys: scalar(0.4),
        yz: zeroOf("u8", -9),
        b: whole("i32", [100, -2000, 30000, 4, 5, -60000]),
      },
      outputs: { y: ["u8", 4] },
    });
  }
}
cases.push({
  name: "QLinearConv with auto_pad and without a bias",
  nodes: [node("QLinearConv", "x xs xz w xs xz xs xz", "y", { auto_pad: { string: "SAME_UPPER" }, strides: { ints: [2] } })],
  feeds: { x: random("u8", [1, 3, 11], 1) },
  initializers: { xs: scalar(0.5), xz: zeroOf("u8"), w: random("u8", [2, 3, 4], 2) },
  outputs: { y: ["u8", 3] },
});

// com.microsoft.
for (const dtype of ["i8", "u8"] as const) {
  const quantization = {
    as: scalar(0.0513),
    az: zeroOf(dtype),
    bs: scalar(0.0207),
    bz: zeroOf(dtype, -20),
    ys: scalar(0.0611),
    yz: zeroOf(dtype, 9),
  };
  const contributed = (
    op: string,
    inputs: string,
    feeds: Tensors,
    rank: number,
    attrs: Readonly<Record<string, OnnxAttr>> = {},
    more: Partial<Case> = {},
  ) => {
    const nodes = [node(op, inputs, "y", attrs, microsoft)];
    cases.push({
      name: `${op} of ${dtype}`,
      nodes,
      feeds,
      initializers: { ...quantization, ...more.initializers },
      outputs: { y: [dtype, rank] },
      ...withoutInitializers(more),
    });
  };
  const bytes = { a: allBytes(dtype) };
  const image = { a: random(dtype, [2, 3, 8, 7], 4) };
  for (const op of ["QLinearAdd", "QLinearMul"]) {
    contributed(op, "a as az b bs bz ys yz", { ...bytes, b: random(dtype, [128], 3) }, 2, {}, { steps: 1 });
    contributed(op, "a as az b bs bz ys yz", image, 4, {}, { initializers: { b: random(dtype, [3, 1, 1], 7) }, steps: 1 });
  }
  contributed(
    "QLinearSigmoid",
    "a as az ys yz",
    bytes,
    2,
    {},
    { initializers: { ys: scalar(1 / 256), yz: whole(dtype, [dtype === "u8" ? 0 : -128], []) } },
  );
  contributed("QLinearLeakyRelu", "a as az ys yz", bytes, 2, { alpha: { float: 0.2 } });
  contributed("QLinearGlobalAveragePool", "a as az ys yz", image, 4, { channels_last: { int: 0 } }, { initializers: { ys: scalar(0.01) } });
  contributed("QLinearGlobalAveragePool", "a as az ys yz", image, 4, { channels_last: { int: 1 } }, { initializers: { ys: scalar(0.01) } });
  const pool = { kernel_shape: { ints: [3, 2] }, strides: { ints: [2, 2] }, pads: { ints: [1, 0, 1, 1] } };
  contributed("QLinearAveragePool", "a as az ys yz", image, 4, pool);
  contributed("QLinearAveragePool", "a as az ys yz", image, 4, { ...pool, count_include_pad: { int: 1 } });
  // With both, ONNX Runtime divides by the whole window where its own float AveragePool does not.
  contributed("QLinearAveragePool", "a as az ys yz", image, 4, { ...pool, ceil_mode: { int: 1 } });
  contributed("QLinearConcat", "ys yz a as az b bs bz", { ...image, b: random(dtype, [2, 1, 8, 7], 6) }, 4, { axis: { int: 1 } });
  for (const opset of [12, 13]) {
    const attrs = { axis: { int: opset === 12 ? 1 : -1 }, opset: { int: opset } };
    contributed("QLinearSoftmax", "a as az ys yz", { a: random(dtype, [4, 10], 8) }, 2, attrs, {
      initializers: { ys: scalar(1 / 256), yz: whole(dtype, [dtype === "u8" ? 0 : -128], []) },
    });
  }
  const gemm = { a: random(dtype, [3, 20], 11) };
  const weights = {
    w: random(dtype, [5, 20], 12),
    ws: f32([0.01, 0.02, 0.03, 0.04, 0.05]),
    wz: whole(dtype, new Array<number>(5).fill(0)),
    c: whole("i32", [1000, -2000, 300, 0, 5]),
  };
  contributed(
    "QGemm",
    "a as az w ws wz c ys yz",
    gemm,
    2,
    { transB: { int: 1 }, alpha: { float: 0.5 } },
    { initializers: { ...weights, ys: scalar(0.8) } },
  );
  contributed("QGemm", "a as az w bs bz c _ _", gemm, 2, { transB: { int: 1 } }, { initializers: weights, outputs: { y: ["f32", 2] } });
  contributed(
    "QGemm",
    "a as az v bs bz _ ys yz",
    gemm,
    2,
    {},
    { initializers: { v: weightOf("u8", dtype, [20, 5], 13), ys: scalar(0.5) } },
  );
  const floats = { a: random("f32", [2, 3, 20], 14, 3) };
  const dense = {
    v: weightOf("u8", dtype, [20, 5], 13),
    vz: random(dtype, [5], 15),
    vs: f32([0.01, 0.02, 0.03, 0.04, 0.05]),
    bias: f32([1, -2, 3, -4, 5]),
  };
  const output = { outputs: { y: ["f32", 3] } } as const;
  contributed("DynamicQuantizeMatMul", "a v bs bz bias", floats, 3, {}, { initializers: dense, ...output });
  contributed("DynamicQuantizeMatMul", "a v vs vz", floats, 3, {}, { initializers: dense, ...output });
  contributed("DynamicQuantizeMatMul", "a v vs", floats, 3, {}, { initializers: dense, ...output });
  const integers = { a: random(dtype, [2, 3, 20], 16) };
  contributed("MatMulIntegerToFloat", "a v as bs az bz bias", integers, 3, {}, { initializers: dense, ...output });
  contributed("MatMulIntegerToFloat", "a v as vs _ vz", integers, 3, {}, { initializers: dense, ...output });
  contributed("QuantizeLinear", "x as az", { x: spread.x }, 3);
  contributed(
    "QuantizeLinear",
    "x s8 z8",
    { x: spread.x },
    3,
    { axis: { int: 2 } },
    { initializers: { s8: f32([1, 2, 3, 4, 5, 6, 7, 8]), z8: random(dtype, [8], 3) } },
  );
  contributed("DequantizeLinear", "a as az", bytes, 2, {}, { outputs: { y: ["f32", 2] } });
}

function withoutInitializers({ initializers: _, ...rest }: Partial<Case>): Partial<Case> {
  return rest;
}

const conv = { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } };
const convolution = { w: random("f32", [4, 3, 3, 3], 1), b: random("f32", [4], 2) };
for (const [activation, params] of [
  ["Relu", []],
  ["Tanh", []],
  ["Sigmoid", []],
  ["LeakyRelu", [0.3]],
  ["Clip", [-0.2, 0.4]],
] as const) {
  const attrs = { ...conv, activation: { string: activation }, ...(params.length > 0 ? { activation_params: { floats: params } } : {}) };
  const feeds = { x: random("f32", [2, 3, 6, 6], 3) };
  cases.push({
    name: `FusedConv with ${activation}`,
    nodes: [node("FusedConv", "x w b", "y", attrs, microsoft)],
    feeds,
    initializers: convolution,
    outputs: { y: ["f32", 4] },
  });
}
cases.push({
  name: "FusedConv with a sum",
  nodes: [node("FusedConv", "x w b z", "y", { ...conv, activation: { string: "Relu" } }, microsoft)],
  feeds: { x: random("f32", [2, 3, 6, 6], 3), z: random("f32", [2, 4, 6, 6], 5) },
  initializers: convolution,
  outputs: { y: ["f32", 4] },
});
cases.push({
  name: "FusedGemm",
  nodes: [
    node(
      "FusedGemm",
      "x w c",
      "y",
      { transB: { int: 1 }, alpha: { float: 2 }, activation: { string: "LeakyRelu" }, activation_alpha: { float: 0.25 } },
      microsoft,
    ),
  ],
  feeds: { x: random("f32", [3, 6], 1) },
  initializers: { w: random("f32", [4, 6], 2), c: random("f32", [4], 3) },
  outputs: { y: ["f32", 2] },
});
cases.push({
  name: "FusedMatMul",
  nodes: [node("FusedMatMul", "x z", "y", { transA: { int: 1 }, transB: { int: 1 }, alpha: { float: 0.125 } }, microsoft)],
  feeds: { x: random("f32", [2, 6, 3], 1), z: random("f32", [2, 4, 6], 2) },
  outputs: { y: ["f32", 3] },
});

// MatMulNBits.
const nbits = (n: number, k: number, bits: number, block: number) => {
  const blocks = Math.ceil(k / block);
  const zeroBytes = Math.ceil((blocks * bits) / 8);
  return {
    attrs: { K: { int: k }, N: { int: n }, bits: { int: bits }, block_size: { int: block } },
    initializers: {
      w: random("u8", [n, blocks, (block * bits) / 8], 21),
      s: f32(Array.from({ length: n * blocks }, (_, i) => 0.01 + i / 1000)),
      z: random("u8", [n * zeroBytes], 22),
      bias: random("f32", [n], 23),
    },
  };
};
for (const [bits, k, block] of [
  [4, 64, 32],
  [4, 70, 16],
  [4, 48, 16],
  [8, 64, 32],
  [8, 50, 32],
  [2, 64, 16],
] as const) {
  for (const inputs of ["x w s", "x w s z", "x w s z _ bias"]) {
    const { attrs, initializers } = nbits(5, k, bits, block);
    const feeds = { x: random("f32", [2, 3, k], 24) };
    const nodes = [node("MatMulNBits", inputs, "y", attrs, microsoft)];
    cases.push({
      name: `MatMulNBits of ${bits} bits, ${k} inputs in blocks of ${block}: ${inputs}`,
      nodes,
      feeds,
      initializers,
      outputs: { y: ["f32", 3] },
    });
  }
}

// Casts.
const castTypes: Readonly<Partial<Record<DType, number>>> = {
  f32: 1,
  u8: 2,
  i8: 3,
  u16: 4,
  i16: 5,
  i32: 6,
  i64: 7,
  bool: 9,
  f16: 10,
  f64: 11,
  u32: 12,
  u64: 13,
};
const small = [0, 1, -1, 2, 100, -100, 0.5, -0.5, 1.5, -2.75];
for (const from of Object.keys(castTypes) as DType[]) {
  const values =
    from === "bool" ? [0, 1] : small.map((v) => (isFloat(from) ? v : Math.trunc(v))).filter((v) => v >= 0 || !from.startsWith("u"));
  for (const [to, code] of Object.entries(castTypes) as [DType, number][]) {
    // Floats below 0 to unsigned integers are undefined.
    const kept = isFloat(from) && to.startsWith("u") ? values.filter((v) => v >= 0) : values;
    const x = hostTensor(from, [kept.length]);
    kept.forEach((v, i) => {
      if (x.data instanceof BigInt64Array || x.data instanceof BigUint64Array) x.data[i] = BigInt(v);
      else x.data[i] = v;
    });
    cases.push({
      name: `Cast of ${from} to ${to}`,
      nodes: [node("Cast", "x", "y", { to: { int: code } })],
      feeds: { x },
      outputs: { y: [to, 1] },
    });
  }
}
const castTo = (to: number) => ({ to: { int: to } });
for (const [name, to, values] of [
  ["bf16", 16, [1, 1.005859375, 1.00390625, 3.3895e38, -0.1]],
  ["i4", 22, [1, -3, 7, -8]],
  ["u4", 21, [1, 3, 15, 0]],
  ["f16", 10, [1, 65504, 65519, 65520, 1e-8, 6e-8, 2049, 2051]],
] as const) {
  const nodes = [node("Cast", "x", "h", castTo(to)), node("Cast", "h", "y", castTo(1))];
  cases.push({ name: `Cast to ${name} and back`, nodes, feeds: { x: f32(values) }, outputs: { y: ["f32", 1] } });
}

for (const [i, one] of cases.entries()) oracle(`${i}: ${one.name}`, () => compare(one));

/** Codes and messages of the problems of a node. */
function problems(nodes: readonly OnnxNode[], initializers: Tensors, feeds: Tensors): readonly string[] {
  const model = onnxModel(graphOf({ name: "", nodes, initializers, feeds, outputs: { y: ["f32", 2] } }));
  try {
    importOnnx(model, { registry });
  } catch (error) {
    if (error instanceof TersorError) return error.problems.map((p) => `${p.code} ${p.message}`);
    throw error;
  }
  return [];
}

test("what MatMulNBits is refused for names its reason", () => {
  const { attrs, initializers } = nbits(5, 64, 4, 32);
  const feeds = { x: random("f32", [3, 64], 24) };
  const refused = (inputs: string, more: Readonly<Record<string, OnnxAttr>>, extra: Tensors = {}) =>
    problems([node("MatMulNBits", inputs, "y", { ...attrs, ...more }, microsoft)], { ...initializers, ...extra }, feeds);
  assert.equal(refused("x w s _ g", {}, { g: whole("i32", new Array<number>(64).fill(0)) }), [
    "E0605 g_idx (blocks of scattered inputs) is not supported",
  ]);
  assert.equal(refused("x w s", { bits: { int: 3 } }), ["E0605 weights of 3 bits are not supported; supported: 2, 4, 8"]);
  assert.equal(refused("x w s", { block_size: { int: 16 } }), ["E0606 10 scales for 20 blocks"]);
  assert.equal(refused("x w s", { block_size: { int: 24 } }), ["E0606 block_size must be a power of two from 16 on, got 24"]);
  assert.equal(refused("x w s", { weight_prepacked: { int: 1 } }), ["E0605 a weight in the layout of one processor is not supported"]);
  assert.equal(refused("x w s z", {}, { z: f32(new Array<number>(10).fill(7.5)) }), [
    "E0605 the zero point 7.5 is no code of 4 bits: not supported",
  ]);
});

test("layers on quantized tensors become integer kernels", async () => {
  const step = { s: scalar(0.05), z: zeroOf("u8"), ws: f32([0.1, 0.2, 0.1, 0.3]), wz: whole("i8", [0, 0, 0, 0]) };
  const weights = {
    w: random("i8", [4, 3, 3, 3], 1),
    b: whole("i32", [1, 2, 3, 4]),
    m: random("i8", [4, 5], 2),
    ms: scalar(0.1),
    mz: whole("i8", [0], []),
  };
  const nodes = [
    node("QLinearConv", "x s z w ws wz s z b", "c"),
    node("QLinearAdd", "c s z c s z s z", "d", {}, microsoft),
    node("QLinearGlobalAveragePool", "d s z s z", "e", {}, microsoft),
    node("QLinearSigmoid", "e s z s z", "f", {}, microsoft),
    node("Flatten", "f", "g"),
    node("QLinearMatMul", "g s z m ms mz s z", "y"),
  ];
  const feeds = { x: random("u8", [1, 3, 8, 8], 3) };
  const model = onnxModel(graphOf({ name: "", nodes, initializers: { ...step, ...weights }, feeds, outputs: { y: ["u8", 2] } }));
  const { plans } = await compile(importOnnx(model, { registry }), { targets: ["wasm-simd"] });
  const kernels = plans[0]?.kernels.filter((id) => !id.includes("pack") && !["view", "transpose"].includes(id));
  assert.equal([...new Set(kernels)].sort(), ["i8_add", "i8_conv", "i8_linear", "i8_lookup", "i8_mean"]);
});

test("a weight of MatMulNBits keeps its name, 4 bits and no zero points", () => {
  const { attrs, initializers } = nbits(5, 64, 4, 32);
  const { z: _, ...rest } = initializers;
  const nodes = [node("MatMulNBits", "x w s", "y", attrs, microsoft)];
  const module = importOnnx(
    onnxModel(graphOf({ name: "", nodes, initializers: rest, feeds: { x: random("f32", [3, 64], 1) }, outputs: { y: ["f32", 2] } })),
    { registry },
  );
  assert.equal(
    [...module.constants.values()].map(({ name, type }) => [name, type.dtype, ...type.shape]),
    [
      ["w", "i4", 5, 64],
      ["s", "f32", 5, 2],
    ],
  );
});

test.run();
