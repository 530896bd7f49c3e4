/**
 * @file Kernels of the WebGPU backend. Rows of op `rt.pack` are what `pack` of other rows names. Floats are f32, and f16 with the feature `shader-f16`. Cost terms are typical of an
 * integrated GPU: a dispatch costs far more than its few elements, so rows that save one win.
 */
import type { CostTerms, KernelRow, Manifest, OperandRule } from "../../manifest.ts";
import type { RuntimeDType } from "../../tensor.ts";

const launch = 5;
const streaming: CostTerms = { launch, macNs: 0, byteNs: 0.02, opNs: 0 };
const product: CostTerms = { launch, macNs: 0.002, byteNs: 0.02, opNs: 0 };
/** Unpacking a code costs a few operations for each multiply. */
const unpacking: CostTerms = { launch, macNs: 0.004, byteNs: 0.02, opNs: 0 };
const window: CostTerms = { launch, macNs: 0.004, byteNs: 0.02, opNs: 0.004 };
const free: CostTerms = { launch: 0, macNs: 0, byteNs: 0, opNs: 0 };

type Float = "f32" | "f16";
const unary = [
  "abs",
  "ceil",
  "clip",
  "erf",
  "exp",
  "floor",
  "leaky_relu",
  "log",
  "neg",
  "reciprocal",
  "relu",
  "round",
  "sigmoid",
  "sign",
  "sqrt",
  "tanh",
] as const;
const binary = ["add", "div", "max", "min", "mul", "sub"] as const;
const codes = ["i8", "u8", "i4", "u4", "i2", "u2", "u1", "i32"] as const;
const words = ["f32", "i32", "u32"] as const;
const moved = [...words, "f16", "bf16", "i16", "u16", "i8", "u8", "bool"] as const;
const packed = ["u4", "u2", "u1", "i4", "i2"] as const;

function floatRows(float: Float): readonly KernelRow[] {
  const any: OperandRule = { dtypes: [float] };
  const matrix: OperandRule = { dtypes: [float], ranks: [2] };
  const planes: OperandRule = { dtypes: [float], ranks: [3, 4] };
  const pack = (kernel: string, across: number, rest: readonly number[]) =>
    ({
      source: "constant",
      pack: { kernel, shape: [{ axis: across, tiles: 4 }, ...rest.map((axis) => ({ axis })), 4], dtype: float },
    }) as const;
  const row = (id: string, op: string, operands: readonly OperandRule[], cost: CostTerms, more: Partial<KernelRow> = {}): KernelRow => ({
    ...{ id, op, operands, results: [float], cost, ...more },
    ...(float === "f16" ? { features: ["shader-f16"] } : {}),
  });
  const dense4: OperandRule = { dtypes: [float], ranks: [4], ...pack("pack_columns", 0, [1, 2, 3]) };
  const dense3: OperandRule = { dtypes: [float], ranks: [3], ...pack("pack_columns", 0, [1, 2]) };
  const plain = [
    { attr: "groups", oneOf: [1] },
    { attr: "stride", oneOf: [[], [1], [1, 1]] },
    { attr: "pad", oneOf: [[], [0, 0], [0, 0, 0, 0]] },
  ] as const;
  const one: OperandRule = { dtypes: [float], sizes: [null, null, 1, 1] };
  return [
    row("linear", "nn.linear", [any, { ...matrix, ...pack("pack_columns", 0, [1]) }, any], product),
    row(
      "linear",
      "nn.matmul",
      [
        { dtypes: [float], ranks: [2, 3, 4, 5, 6] },
        { ...matrix, ...pack("pack_rows", 1, [0]) },
      ],
      product,
    ),
    row("pointwise", "nn.conv", [{ ...planes, ranks: [4] }, { ...one, ...dense4 }, any], product, { when: plain }),
    row("conv", "nn.conv", [{ ...planes, ranks: [4] }, dense4, any], window, { when: [plain[0]] }),
    row("conv", "nn.conv", [{ ...planes, ranks: [3] }, dense3, any], window, { when: [plain[0]] }),
    row("conv_grouped", "nn.conv", [planes, planes, any], { ...window, macNs: 0.008 }),
    ...(["affine", "codebook"] as const).flatMap((form): readonly KernelRow[] => [
      row(`linear_${form}`, "nn.linear", [any, { dtypes: ["f32"], ranks: [2], form }, any], unpacking),
      row(
        `pointwise_${form}`,
        "nn.conv",
        [{ ...planes, ranks: [4] }, { dtypes: ["f32"], sizes: [null, null, 1, 1], form }, any],
        unpacking,
        {
          when: plain,
        },
      ),
    ]),
    row("max_pool", "nn.max_pool", [planes], window),
    row("avg_pool", "nn.avg_pool", [planes], window),
    row("softmax", "math.softmax", [any], streaming),
    row("log_softmax", "math.log_softmax", [any], streaming),
    ...(["sum", "mean", "max"] as const).map((name) => row(`reduce_${name}`, `reduce.${name}`, [any], streaming)),
    ...unary.map((name) => row(name, `math.${name}`, [any], streaming)),
    ...binary.map((name) => row(name, `math.${name}`, [any, any], streaming)),
    row("concat", "shape.concat", [any], streaming),
    row("pack_columns", "rt.pack", [any], streaming),
    row("pack_rows", "rt.pack", [any], streaming),
  ];
}

const movement: readonly KernelRow[] = [
  { id: "view", op: "shape.reshape", operands: [{ dtypes: [...moved, ...packed] }], view: true, cost: free },
  { id: "transpose", op: "shape.transpose", operands: [{ dtypes: moved }], cost: streaming },
  { id: "broadcast", op: "shape.broadcast", operands: [{ dtypes: moved }], cost: streaming },
  { id: "slice", op: "shape.slice", operands: [{ dtypes: moved }], cost: streaming },
  { id: "concat", op: "shape.concat", operands: [{ dtypes: ["i32", "u32"] }], cost: streaming },
  { id: "pad", op: "shape.pad", operands: [{ dtypes: ["f32", "i32"] }], cost: streaming },
];

const f32: OperandRule = { dtypes: ["f32"] };

function rebuild(
  id: string,
  op: string,
  operands: readonly OperandRule[],
  results: readonly RuntimeDType[],
  more: Partial<KernelRow> = {},
): KernelRow {
  return { id, op, operands, results, cost: streaming, ...more };
}

const mask = [{ attr: "format", oneOf: ["mask"] }] as const;
const groups = [{ attr: "format", oneOf: ["nm"] }] as const;

const weights: readonly KernelRow[] = [
  ...codes.map((dtype) => rebuild("dequantize", "quant.dequantize", [{ dtypes: [dtype] }, f32, { dtypes: [dtype] }], ["f32"])),
  ...(["i8", "u8"] as const).map((dtype) => rebuild("quantize", "quant.quantize", [f32, f32, { dtypes: [dtype] }], [dtype])),
  rebuild("lookup", "codebook.lookup", [f32, { dtypes: ["u16", "u8", "u4", "u2", "u1"] }], ["f32"]),
  ...(["f32", "i8", "u8", "i4", "u4"] as const).map((dtype) =>
    rebuild("expand_mask", "sparse.expand", [{ dtypes: [dtype] }, { dtypes: ["u1"] }], [dtype], { when: mask }),
  ),
  rebuild("expand_groups", "sparse.expand", [f32, { dtypes: ["u1", "u2", "u4", "u8"] }], ["f32"], { when: groups }),
  ...(["u1", "u2", "u4"] as const).map((dtype) => rebuild("unpack", "type.unpack", [{ dtypes: [dtype] }], ["u8"])),
  ...(["i2", "i4"] as const).map((dtype) => rebuild("unpack", "type.unpack", [{ dtypes: [dtype] }], ["i8"])),
  rebuild("cast", "type.cast", [{ dtypes: ["f16", "bf16", "i32", "i8", "u8", "bool"] }], ["f32"]),
  rebuild("cast", "type.cast", [{ dtypes: ["f32", "i32", "i8", "u8", "bool"] }], ["f16"]),
];

const i32: OperandRule = { dtypes: ["i32"] };
const truth: OperandRule = { dtypes: ["bool"] };
const small = ["i8", "u8", "i16", "u16", "bool"] as const;

/** Results of comparisons are bytes. An i64 is two words: argmax makes it, `cast_integer` to and from i32 reads and writes it. */
const integers: readonly KernelRow[] = [
  ...["abs", "neg", "sign"].map((name) => rebuild(`int_${name}`, `math.${name}`, [i32], ["i32"])),
  ...binary.map((name) => rebuild(`int_${name}`, `math.${name}`, [i32, i32], ["i32"])),
  ...["equal", "less", "greater"].flatMap((name) =>
    (["f32", "i32", "bool"] as const).map((dtype) =>
      rebuild(dtype === "f32" ? name : `int_${name}`, `math.${name}`, [{ dtypes: [dtype] }, { dtypes: [dtype] }], ["bool"]),
    ),
  ),
  ...["and", "or", "xor"].map((name) => rebuild(name, `math.${name}`, [truth, truth], ["bool"])),
  rebuild("not", "math.not", [truth], ["bool"]),
  ...(["f32", "i32"] as const).map((dtype) => rebuild("where", "math.where", [truth, { dtypes: [dtype] }, { dtypes: [dtype] }], [dtype])),
  { id: "gather", op: "shape.gather", operands: [{ dtypes: moved }, i32], cost: streaming },
  ...(["f32", "i32"] as const).map((dtype) =>
    rebuild(dtype === "f32" ? "argmax" : "int_argmax", "reduce.argmax", [{ dtypes: [dtype] }], ["i64"]),
  ),
  rebuild("cast_integer", "type.cast", [{ dtypes: ["f32", "i64", ...small] }], ["i32"]),
  rebuild("cast_integer", "type.cast", [{ dtypes: ["i32", ...small] }], ["i64"]),
  rebuild("cast_integer", "type.cast", [{ dtypes: ["i32", "i8", "u8"] }], ["bool"]),
];

export const manifest = {
  backend: "webgpu",
  abi: 2,
  // Typical of an integrated GPU under a browser, not measured here: a read-back waits for the queue and for the map.
  copies: { upload: { launch: 20, byteNs: 0.2 }, readBack: { launch: 250, byteNs: 0.4 } },
  kernels: [...floatRows("f32"), ...floatRows("f16"), ...movement, ...weights, ...integers],
} as const satisfies Manifest;
