/**
 * @file Layers, quantization and compressed weights: types and messages, symbolic sizes, work, and that `maps` with `select` tell the truth: the op on cut
 * operands gives the cut result.
 */
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AttrInput,
  countOf,
  dimKey,
  dimSymbol,
  emptyFunction,
  emptyModule,
  evaluateOp,
  type HostTensor,
  hostTensor,
  inferOp,
  ModuleEditor,
  type OpDef,
  OpRegistry,
  printType,
  type TensorType,
  tensorType,
  toNumbers,
  writeAttrs,
} from "../../ir-spec/index.ts";
import { codebookOps } from "../../ir-spec/ops/codebook/index.ts";
import { coreOps } from "../../ir-spec/ops/core.ts";
import { nnOps } from "../../ir-spec/ops/nn/index.ts";
import { quantOps } from "../../ir-spec/ops/quant/index.ts";
import { sparseOps } from "../../ir-spec/ops/sparse/index.ts";
import { cases as codebookCases } from "./cases/codebook.ts";
import { cases as nnCases } from "./cases/nn.ts";
import { cases as quantCases } from "./cases/quant.ts";
import { cases as sparseCases } from "./cases/sparse.ts";

const registry = new OpRegistry([{ owner: "core", ops: [...nnOps, ...quantOps, ...codebookOps, ...sparseOps] }]);
/** With the ops that gradients are made of. */
const core = new OpRegistry([{ owner: "core", ops: coreOps }]);
const N = dimSymbol("N");
const H = dimSymbol("H");

type Shape = TensorType["shape"];
const f32 = (...shape: Shape): TensorType => tensorType("f32", shape);

function infer(op: string, types: readonly (TensorType | null)[], attrs: AttrInput = {}) {
  const def = registry.require(op);
  return inferOp(registry, def, { types, attrs: writeAttrs(def.attrs, attrs) });
}

const resultOf = (op: string, types: readonly (TensorType | null)[], attrs: AttrInput = {}): string =>
  infer(op, types, attrs).types.map(printType).join();

test("symbolic batch and spatial sizes go through", () => {
  const attrs = { stride: [2, 2], pad: [1, 1, 1, 1] };
  assert.is(resultOf("nn.conv", [f32(N, 3, 28, 28), f32(8, 3, 3, 3), null], attrs), "tensor<Nx8x14x14xf32>");
  assert.is(resultOf("nn.conv", [f32(N, 3, H, 28), f32(8, 3, 3, 3), null], { pad: [1, 0, 1, 0] }), "tensor<Nx8xHx26xf32>");
  assert.is(resultOf("nn.max_pool", [f32(N, 8, H, 15)], { kernel: [2, 2], stride: [1, 2] }), "tensor<Nx8x[H - 1]x7xf32>");
  assert.is(resultOf("nn.max_pool", [f32(N, 8, 15)], { kernel: [2], stride: [2], ceil: true }), "tensor<Nx8x8xf32>");
  assert.is(resultOf("nn.linear", [f32(N, 7, 4), f32(5, 4), f32(5)]), "tensor<Nx7x5xf32>");
  assert.is(resultOf("nn.matmul", [f32(N, 2, 3), f32(3, 5)]), "tensor<Nx2x5xf32>");
  assert.is(resultOf("nn.conv_input_grad", [f32(N, 8, 14, 14), f32(8, 3, 3, 3)], { spatial: [28, 28], ...attrs }), "tensor<Nx3x28x28xf32>");
  assert.is(resultOf("nn.conv_weight_grad", [f32(N, 3, 28, 28), f32(N, 8, 14, 14)], { kernel: [3, 3], ...attrs }), "tensor<8x3x3x3xf32>");
});

test("a size that only run time knows becomes a require", () => {
  const { requires } = infer("nn.linear", [f32(N, H), f32(5, 4), null]);
  assert.equal(
    requires.map((r) => `${dimKey(r.left)} == ${dimKey(r.right)}`),
    ["H == 4"],
  );
});

const i8 = (...shape: Shape): TensorType => tensorType("i8", shape);
const u1 = (...shape: Shape): TensorType => tensorType("u1", shape);
const u2 = (...shape: Shape): TensorType => tensorType("u2", shape);

/** op, operand types, attributes, message, operand that gets the caret. */
const errors: readonly (readonly [string, readonly (TensorType | null)[], AttrInput, string, number?])[] = [
  ["nn.conv", [f32(1, 4, 8, 8), f32(8, 3, 3, 3), null], {}, "input has 4 channels, weight expects 3", 1],
  ["nn.conv", [f32(1, 4, 8, 8), f32(6, 2, 3, 3), null], { groups: 4 }, "6 output channels do not divide into 4 groups", 1],
  ["nn.conv", [f32(1, 3, 8, 8), f32(8, 3, 3), null], {}, "x has 2 spatial axes, weight has 1", 1],
  ["nn.conv", [f32(1, 3), f32(8, 3), null], {}, "rank 3 to 5; got rank 2", 0],
  ["nn.conv", [f32(1, 3, 8, 8), f32(8, 3, 3, 3), f32(4)], {}, "bias has 4 elements, weight makes 8", 2],
  ["nn.conv", [f32(1, 3, 4, 4), f32(8, 3, 5, 5), null], {}, "window of 5 does not fit padded input of 4 (spatial axis 0)"],
  ["nn.conv", [f32(1, 3, 8, 8), f32(8, 3, 3, 3), null], { stride: [2] }, "stride has 1 entries, 2 spatial axes take 2"],
  ["nn.conv", [f32(1, 3, 8, 8), f32(8, 3, 3, 3), null], { pad: [0, 0, 0, -1] }, "pad must be at least 0, got -1"],
  ["nn.conv", [f32(1, 3, 8, 8), tensorType("f16", [8, 3, 3, 3]), null], {}, "x is f32, weight is f16", 1],
  [
    "nn.conv_input_grad",
    [f32(1, 8, 5, 5), f32(8, 3, 3, 3)],
    { spatial: [8, 8] },
    "dy has 5 positions on spatial axis 0, the convolution makes 6",
    0,
  ],
  [
    "nn.conv_weight_grad",
    [f32(1, 3, 8, 8), f32(1, 8, 6, 5)],
    { kernel: [3, 3] },
    "dy has 5 positions on spatial axis 1, the convolution makes 6",
    1,
  ],
  ["nn.linear", [f32(2, 4), f32(5, 3), null], {}, "input has 4 features, weight expects 3", 1],
  ["nn.matmul", [f32(2, 3), f32(4, 5)], {}, "a has 3 columns, b has 4 rows", 1],
  ["nn.matmul", [f32(2, 2, 3), f32(3, 3, 5)], {}, "leading axes do not broadcast: 2 and 3", 1],
  ["nn.max_pool", [f32(1, 3, 8, 8)], { kernel: [2] }, "kernel has 1 entries, x has 2 spatial axes", 0],
  ["nn.avg_pool", [f32(1, 3, 8)], { kernel: [2], pad: [2, 0] }, "pad of 2 is not smaller than the window of 2 (spatial axis 0)"],
  ["nn.avg_pool_grad", [f32(1, 3, 9)], { spatial: [8], kernel: [2] }, "dy has 9 on axis 2, the pool makes 7", 0],
  ["nn.batch_norm", [f32(1, 3, 8), f32(3), f32(4), f32(3), f32(3)], {}, "bias has 4 elements, the channel axis of x has 3", 2],
  ["quant.quantize", [f32(4), f32(), u1()], {}, "zero must be", 2],
  ["quant.quantize", [f32(4), f32(), i8()], { to: "u8" }, "zero point is i8, quantized values are u8", 2],
  ["quant.quantize", [f32(4), f32(), null], { to: "f32" }, "got f32"],
  ["quant.quantize", [f32(4, 6), f32(5), null], { axis: 1 }, "scale has 5 on axis 0, the tensor takes 6", 1],
  ["quant.dequantize", [i8(4, 6), f32(4, 2), null], { axis: 1, block: 4 }, ""],
  ["quant.dequantize", [i8(4, 6), f32(4, 3), null], { axis: 1, block: 4 }, "scale has 3 on axis 1, the tensor takes 2", 1],
  ["quant.dequantize", [i8(4, 6), f32(4, 2), null], { axis: 1 }, "scale has rank 2", 1],
  ["quant.dequantize", [i8(4, 6), f32(4), i8()], {}, "zero point is tensor<i8>, scale is tensor<4xf32>", 2],
  ["codebook.lookup", [f32(), u2(3)], {}, "table is a scalar, needs at least the axis `entries`", 0],
  ["sparse.expand", [f32(4), u1(7)], { shape: [2, 4] }, "mask has 7 bits, shape [2, 4] takes 8", 1],
  ["sparse.expand", [f32(4), u2(8)], { shape: [2, 4] }, "a mask is u1, index is u2", 1],
  ["sparse.expand", [f32(4), u2(4)], { shape: [2, 6], format: "nm", n: 2, m: 4 }, "axis -1 has 6 elements, not a multiple of m = 4"],
  ["sparse.expand", [f32(3), u2(4)], { shape: [2, 4], format: "nm", n: 2, m: 4 }, "3 values, the index places 4", 0],
  ["sparse.expand", [f32(8), u2(8)], { shape: [2, 8], format: "nm", n: 4, m: 8 }, "positions in groups of 8 do not fit u2", 1],
];

test("type errors give both values and point at the operand", () => {
  for (const [op, types, attrs, message, operand] of errors) {
    if (message === "") {
      infer(op, types, attrs);
      continue;
    }
    try {
      infer(op, types, attrs);
    } catch (error) {
      const problem = (error as { problems?: readonly { message: string; operand?: number }[] }).problems?.[0];
      assert.ok(problem?.message.includes(message), `${op}: "${problem?.message ?? error}" lacks "${message}"`);
      assert.is(problem?.operand, operand, `${op}: ${message}: operand`);
      continue;
    }
    assert.unreachable(`${op}: no error "${message}"`);
  }
});

test("data errors have codes: a code beyond the table, masks and groups that do not fit", () => {
  const values = hostTensor("f32", [2], Float32Array.of(1, 2));
  const run = (op: string, index: HostTensor, attrs: AttrInput) => () =>
    evaluateOp(registry, op, [values, index], writeAttrs(registry.require(op).attrs, attrs));
  assert.throws(run("codebook.lookup", hostTensor("u2", [1], Uint8Array.of(2)), {}), /E0503.*code 2 at index 0, the table has 2 entries/);
  assert.throws(run("sparse.expand", hostTensor("u1", [3], Uint8Array.of(1, 1, 1)), { shape: [3] }), /E0504.*places 3 values, 2 are given/);
  const group = { shape: [3], format: "nm", n: 2, m: 3 };
  assert.throws(run("sparse.expand", hostTensor("u2", [2], Uint8Array.of(0, 3)), group), /E0504.*position 3 at entry 1, groups have 3/);
  assert.throws(run("sparse.expand", hostTensor("u2", [2], Uint8Array.of(1, 1)), group), /E0504.*not above the one before it/);
});

test("work is multiply-accumulates, symbolic in the batch", () => {
  const macs = (op: string, types: readonly (TensorType | null)[], attrs: AttrInput = {}): string => {
    const def = registry.require(op);
    const outputs = infer(op, types, attrs).types;
    return dimKey(def.work({ types, attrs: registry.attrs(def, writeAttrs(def.attrs, attrs)), outputs }).macs);
  };
  assert.is(macs("nn.conv", [f32(N, 4, 10, 10), f32(8, 2, 3, 3), null], { groups: 2 }), `${8 * 8 * 8 * 2 * 9} * N`);
  assert.is(macs("nn.linear", [f32(N, 30), f32(10, 30), null]), "300 * N");
  assert.is(macs("nn.matmul", [f32(N, 4, 5), f32(5, 6)]), "120 * N");
  assert.is(macs("nn.conv_input_grad", [f32(N, 8, 8, 8), f32(8, 2, 3, 3)], { spatial: [10, 10], groups: 2 }), `${8 * 64 * 18} * N`);
  assert.is(macs("nn.conv_weight_grad", [f32(N, 4, 10, 10), f32(N, 8, 8, 8)], { kernel: [3, 3], groups: 2 }), `${8 * 64 * 18} * N`);
});

/** Keeps the given indices of one axis. */
function cut(tensor: HostTensor, axis: number, indices: readonly number[]): HostTensor {
  const inner = countOf(tensor.shape.slice(axis + 1));
  const size = tensor.shape[axis] as number;
  const shape = tensor.shape.map((n, i) => (i === axis ? indices.length : n));
  const result = hostTensor(tensor.dtype, shape);
  for (let i = 0; i < result.data.length; i++) {
    const [outer, j, k] = [Math.floor(i / (inner * indices.length)), Math.floor(i / inner) % indices.length, i % inner];
    result.data[i] = tensor.data[(outer * size + (indices[j] as number)) * inner + k] as number;
  }
  return result;
}

test("maps and select: the op on cut operands gives the cut result", () => {
  const [kept, refused] = [new Set<string>(), new Set<string>()];
  for (const { op, inputs, attrs = {} } of [...nnCases, ...quantCases, ...codebookCases, ...sparseCases]) {
    const def: OpDef = registry.require(op);
    const stored = writeAttrs(def.attrs, attrs);
    const types = inputs.map((t) => (t ? tensorType(t.dtype, t.shape) : null));
    const [whole] = evaluateOp(registry, op, inputs, stored);
    if (!whole) throw new Error(`${op} has no result`);
    const values = registry.attrs(def, stored);
    const maps = def.maps?.({ types, attrs: values, outputs: [tensorType(whole.dtype, whole.shape)] }) ?? [];
    whole.shape.forEach((size, axis) => {
      const indices = Array.from({ length: size }, (_, i) => i).filter((i) => i % 2 === 0);
      const tied = maps.filter((m) => m.resultAxes.length === 1 && m.resultAxes[0] === axis);
      const selection = def.select?.({ types, attrs: values, side: "result", index: 0, axis, indices }) ?? { refuse: "no select" };
      if ("refuse" in selection || tied.length === 0) {
        refused.add(`${op} ${axis}`);
        return;
      }
      const parts = inputs.map((t, i) =>
        tied.reduce((part, m) => (part && m.operand === i ? cut(part, m.operandAxes[0] as number, indices) : part), t),
      );
      const [small] = evaluateOp(registry, op, parts, writeAttrs(def.attrs, selection.attrs));
      if (!small) throw new Error(`${op} has no result`);
      assert.equal(toNumbers(small), toNumbers(cut(whole, axis, indices)), `${op} ${JSON.stringify(attrs)}: axis ${axis}`);
      kept.add(`${op} ${axis}`);
    });
  }
  for (const must of [
    "nn.conv 0",
    "nn.conv 1",
    "nn.linear 0",
    "nn.linear 1",
    "nn.matmul 1",
    "nn.max_pool 1",
    "nn.batch_norm 1",
    "quant.quantize 1",
    "quant.fake 0",
    "codebook.lookup 0",
    "nn.conv_input_grad 1",
    "nn.conv_weight_grad 0",
  ]) {
    assert.ok(kept.has(must), `${must} was never cut`);
  }
  for (const must of ["nn.conv 2", "nn.avg_pool 2", "sparse.expand 0", "quant.dequantize 1"])
    assert.ok(refused.has(must), `${must} was never refused`);
});

test("gradients have their operands' types, with a symbolic batch and height", () => {
  const rows: readonly (readonly [string, readonly (TensorType | null)[], AttrInput])[] = [
    ["nn.conv", [f32(N, 4, H, 9), f32(6, 2, 3, 3), f32(6)], { groups: 2, stride: [2, 2], pad: [1, 1, 1, 1], activation: "relu6" }],
    ["nn.linear", [f32(N, H, 4), f32(5, 4), f32(5)], { activation: "relu" }],
    ["nn.matmul", [f32(N, 2, 3), f32(3, 5)], {}],
    ["nn.matmul", [f32(3), f32(N, 3, 5)], {}],
    ["nn.max_pool", [f32(N, 4, H, 9)], { kernel: [2, 2], stride: [2, 2], ceil: true }],
    ["nn.avg_pool", [f32(N, 4, H, 9)], { kernel: [3, 2], stride: [2, 2], pad: [1, 0, 1, 0] }],
    ["nn.batch_norm", [f32(N, 4, H), f32(4), f32(4), f32(4), f32(4)], {}],
    ["quant.fake", [f32(N, 4), f32(4), i8(4)], { axis: 1 }],
    ["quant.dequantize", [i8(N, 4), f32(), i8()], {}],
  ];
  for (const [op, types, attrs] of rows) {
    const def = core.require(op);
    const outputs = infer(op, types, attrs).types;
    const present = types.flatMap((type, i) => (type ? [{ name: `p${i}`, type }] : []));
    const func = emptyFunction("main", [...present, ...outputs.map((type, i) => ({ name: `d${i}`, type }))]);
    const body = new ModuleEditor({ ...emptyModule("m"), functions: new Map([["main", func]]) }, core).function();
    const operands = types.map((type, i) => (type ? present.findIndex((p) => p.name === `p${i}`) : null));
    const results = body.emit(op, operands, attrs);
    const wanted = types.map((type) => type !== null && type.dtype === "f32");
    const values = core.attrs(def, writeAttrs(def.attrs, attrs));
    const grads = def.gradient?.({ builder: body, operands, results, grads: [present.length], attrs: values, wanted }) ?? [];
    wanted.forEach((want, i) => {
      const grad = grads[i] ?? null;
      assert.is(
        want ? printType(body.typeOf(grad)) : "none",
        want ? printType(types[i] ?? f32()) : "none",
        `${op}: gradient of operand ${i}`,
      );
    });
  }
});

test("select: depthwise convolutions lose groups, grouped ones must keep groups even", () => {
  const def = registry.require("nn.conv");
  const select = (x: TensorType, weight: TensorType, groups: number, indices: readonly number[]) => {
    const attrs = registry.attrs(def, writeAttrs(def.attrs, { groups }));
    return def.select?.({ types: [x, weight, null], attrs, side: "result", index: 0, axis: 1, indices });
  };
  const depthwise = select(f32(1, 4, 8), f32(4, 1, 3), 4, [0, 3]);
  assert.is(depthwise && "attrs" in depthwise && depthwise.attrs.groups, 2);
  const even = select(f32(1, 4, 8), f32(6, 2, 3), 2, [0, 4]);
  assert.is(even && "attrs" in even && even.attrs.groups, 2);
  const uneven = select(f32(1, 4, 8), f32(6, 2, 3), 2, [0, 1, 4]);
  assert.equal(uneven, { refuse: "group 0 keeps 2 output channels, group 1 keeps 1" });
});

test.run();
