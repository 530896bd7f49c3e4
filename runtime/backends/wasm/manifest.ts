/**
 * @file Kernels of the wasm backend, one row per op and combination of dtypes. Rows of op `rt.pack` are what `pack` of other rows names: selection never asks for them, since
 * lowering puts their steps into `init` itself, but the kernel test runs them. Cost terms were measured on one core of a server (about 60 GFLOP/s); only their order decides.
 */
import type { CostTerms, KernelRow, Manifest, OperandRule } from "../../manifest.ts";
import type { RuntimeDType } from "../../tensor.ts";
import { detection } from "./manifest-detection.ts";
import { indexing } from "./manifest-indexing.ts";
import { integers } from "./manifest-int.ts";
import { elementwiseMath, moreReductions } from "./manifest-math.ts";
import { casts, integerSums, quantization } from "./manifest-quant.ts";
import { sequences } from "./manifest-sequence.ts";
import { vision } from "./manifest-vision.ts";

const f32: OperandRule = { dtypes: ["f32"] };
const wholeBytes = ["f32", "f64", "f16", "bf16", "i64", "i32", "i16", "i8", "u64", "u32", "u16", "u8", "bool"] as const;
const packedBits = ["u1", "u2", "u4", "i2", "i4"] as const;
const planes: OperandRule = { dtypes: ["f32"], ranks: [3, 4] };
const matrix: OperandRule = { dtypes: ["f32"], ranks: [2] };

/** A call from JavaScript, with its few numbers. */
const launch = 0.1;
const streaming: CostTerms = { launch, macNs: 0, byteNs: 0.05, opNs: 0 };
const exponential: CostTerms = { launch, macNs: 0, byteNs: 0.05, opNs: 2.5 };
const windowed: CostTerms = { launch, macNs: 0, byteNs: 0.05, opNs: 1.2 };
const perElement: CostTerms = { launch, macNs: 0, byteNs: 0.05, opNs: 0.7 };
/** A loop in JavaScript over single elements. */
const scripted: CostTerms = { launch: 1, macNs: 0, byteNs: 0.1, opNs: 10 };

const unaryNames = ["abs", "ceil", "floor", "neg", "reciprocal", "relu", "round", "sqrt"] as const;
const exponentialNames = ["erf", "exp", "log", "sigmoid", "tanh"] as const;
const binaryNames = ["add", "sub", "mul", "div", "min", "max"] as const;
const comparisonNames = ["equal", "less", "greater"] as const;

function elementwise(
  id: string,
  op: string,
  operands: readonly OperandRule[],
  results: readonly RuntimeDType[],
  cost: CostTerms,
): KernelRow {
  return { id, op, operands, results, cost };
}

const matrixProducts: readonly KernelRow[] = [
  {
    id: "f32_linear",
    op: "nn.linear",
    operands: [
      f32,
      {
        ...matrix,
        source: "constant",
        pack: { kernel: "f32_pack_linear", shape: [{ axis: 0, tiles: 16 }, { axis: 1 }, 16], dtype: "f32" },
      },
      f32,
    ],
    results: ["f32"],
    cost: { launch, macNs: 0.035, byteNs: 0.1, opNs: 0 },
  },
  {
    id: "f32_linear_rows",
    op: "nn.linear",
    operands: [f32, matrix, f32],
    results: ["f32"],
    cost: { launch: 1, macNs: 0.035, byteNs: 0.4, opNs: 0 },
  },
  {
    id: "f32_linear",
    op: "nn.matmul",
    operands: [
      { dtypes: ["f32"], ranks: [2, 3, 4, 5, 6] },
      {
        ...matrix,
        source: "constant",
        pack: { kernel: "f32_pack_matmul", shape: [{ axis: 1, tiles: 16 }, { axis: 0 }, 16], dtype: "f32" },
      },
    ],
    results: ["f32"],
    cost: { launch, macNs: 0.035, byteNs: 0.1, opNs: 0 },
  },
  { id: "f32_matmul", op: "nn.matmul", operands: [f32, f32], results: ["f32"], cost: { launch: 1, macNs: 0.035, byteNs: 0.4, opNs: 0 } },
  { id: "f32_pack_linear", op: "rt.pack", operands: [matrix], results: ["f32"], cost: streaming },
  { id: "f32_pack_matmul", op: "rt.pack", operands: [matrix], results: ["f32"], cost: streaming },
];

const windows: readonly KernelRow[] = [
  {
    id: "f32_conv",
    op: "nn.conv",
    operands: [planes, planes, f32],
    results: ["f32"],
    cost: { launch: 1, macNs: 0.05, byteNs: 0.2, opNs: 0 },
  },
  { id: "f32_max_pool", op: "nn.max_pool", operands: [planes], results: ["f32"], cost: windowed },
  { id: "f32_avg_pool", op: "nn.avg_pool", operands: [planes], results: ["f32"], cost: windowed },
];

const reductions: readonly KernelRow[] = [
  { id: "f32_softmax", op: "math.softmax", operands: [f32], results: ["f32"], cost: exponential },
  { id: "f32_log_softmax", op: "math.log_softmax", operands: [f32], results: ["f32"], cost: exponential },
  ...(["sum", "mean", "max"] as const).map(
    (name): KernelRow => ({
      id: `f32_reduce_${name}`,
      op: `reduce.${name}`,
      operands: [{ dtypes: ["f32"] }],
      results: ["f32"],
      cost: streaming,
    }),
  ),
  { id: "f32_argmax", op: "reduce.argmax", operands: [f32], results: ["i64"], cost: scripted },
];

const math: readonly KernelRow[] = [
  ...unaryNames.map((name) => elementwise(`f32_${name}`, `math.${name}`, [f32], ["f32"], streaming)),
  ...exponentialNames.map((name) => elementwise(`f32_${name}`, `math.${name}`, [f32], ["f32"], exponential)),
  elementwise("f32_clip", "math.clip", [f32], ["f32"], streaming),
  elementwise("f32_leaky_relu", "math.leaky_relu", [f32], ["f32"], streaming),
  elementwise("f32_step", "math.step", [f32], ["f32"], scripted),
  elementwise("f32_sign", "math.sign", [f32], ["f32"], scripted),
  ...binaryNames.map((name) => elementwise(`f32_${name}`, `math.${name}`, [f32, f32], ["f32"], streaming)),
  elementwise("f32_pow", "math.pow", [f32, f32], ["f32"], { launch, macNs: 0, byteNs: 0.1, opNs: 30 }),
  ...comparisonNames.map((name) => elementwise(name, `math.${name}`, [f32, f32], ["bool"], scripted)),
];

const movement: readonly KernelRow[] = [
  {
    id: "view",
    op: "shape.reshape",
    operands: [{ dtypes: [...wholeBytes, ...packedBits] }],
    view: true,
    cost: { launch: 0, macNs: 0, byteNs: 0, opNs: 0 },
  },
  { id: "transpose", op: "shape.transpose", operands: [{ dtypes: wholeBytes }], cost: streaming },
  { id: "broadcast", op: "shape.broadcast", operands: [{ dtypes: wholeBytes }], cost: streaming },
  { id: "concat", op: "shape.concat", operands: [{ dtypes: wholeBytes }], cost: streaming },
  { id: "slice", op: "shape.slice", operands: [{ dtypes: wholeBytes }], cost: streaming },
  { id: "pad", op: "shape.pad", operands: [{ dtypes: ["f32", "i64", "i32", "i8", "u8", "bool"] }], cost: streaming },
  { id: "gather_i32", op: "shape.gather", operands: [{ dtypes: wholeBytes }, { dtypes: ["i32"] }], cost: streaming },
  { id: "gather_i64", op: "shape.gather", operands: [{ dtypes: wholeBytes }, { dtypes: ["i64"] }], cost: streaming },
];

const weights: readonly KernelRow[] = [
  ...(["u8", "u4", "u2", "u1"] as const).map(
    (dtype): KernelRow => ({
      id: `${dtype}_lookup_f32`,
      op: "codebook.lookup",
      operands: [f32, { dtypes: [dtype] }],
      results: ["f32"],
      cost: perElement,
    }),
  ),
  {
    id: "lookup",
    op: "codebook.lookup",
    operands: [{ dtypes: [...wholeBytes, ...packedBits] }, { dtypes: ["u32", "u16", "u8", "u4", "u2", "u1"] }],
    cost: scripted,
  },
  {
    id: "f32_expand_mask",
    op: "sparse.expand",
    operands: [f32, { dtypes: ["u1"] }],
    when: [{ attr: "format", oneOf: ["mask"] }],
    cost: perElement,
  },
  {
    id: "u8_expand_mask",
    op: "sparse.expand",
    operands: [{ dtypes: ["u8", "i8", "bool"] }, { dtypes: ["u1"] }],
    when: [{ attr: "format", oneOf: ["mask"] }],
    cost: perElement,
  },
  {
    id: "expand",
    op: "sparse.expand",
    operands: [{ dtypes: [...wholeBytes, ...packedBits] }, { dtypes: ["u1", "u2", "u4", "u8"] }],
    cost: scripted,
  },
  ...(["u1", "u2", "u4"] as const).map(
    (dtype): KernelRow => ({
      id: `${dtype}_unpack_u8`,
      op: "type.unpack",
      operands: [{ dtypes: [dtype] }],
      results: ["u8"],
      cost: perElement,
    }),
  ),
  ...(["i2", "i4"] as const).map(
    (dtype): KernelRow => ({
      id: `${dtype}_unpack_i8`,
      op: "type.unpack",
      operands: [{ dtypes: [dtype] }],
      results: ["i8"],
      cost: perElement,
    }),
  ),
];

export const manifest = {
  backend: "wasm",
  abi: 1,
  kernels: [
    ...matrixProducts,
    ...windows,
    ...vision,
    ...reductions,
    ...moreReductions,
    ...math,
    ...elementwiseMath,
    ...movement,
    ...indexing,
    ...quantization,
    ...weights,
    ...casts,
    ...integers,
    ...integerSums,
    ...sequences,
    ...detection,
  ],
} as const satisfies Manifest;
