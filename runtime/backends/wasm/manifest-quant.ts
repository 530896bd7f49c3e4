/** @file Rows of quantization, of conversions between dtypes, and of integer products whose sums stay i32. */
import type { CostTerms, KernelRow, OperandRule } from "../../manifest.ts";

const launch = 0.1;
const perElement: CostTerms = { launch, macNs: 0, byteNs: 0.05, opNs: 0.7 };
/** A branch by dtype for every element. */
const anyElement: CostTerms = { launch, macNs: 0, byteNs: 0.1, opNs: 3 };
const nothing: CostTerms = { launch: 0, macNs: 0, byteNs: 0, opNs: 0 };

const f32: OperandRule = { dtypes: ["f32"] };
const bytes: OperandRule = { dtypes: ["i8", "u8"] };
const anyDtype = [
  "f32",
  "i64",
  "i32",
  "i8",
  "u8",
  "bool",
  "f64",
  "f16",
  "bf16",
  "i16",
  "u64",
  "u32",
  "u16",
  "i4",
  "u4",
  "i2",
  "u2",
  "u1",
] as const;
const dequantizable = ["i8", "u8", "i4", "u4", "i2", "u2", "i32", "u1", "i16", "u16"] as const;
const quantizable = ["i8", "u8", "i16", "u16", "i4", "u4", "i2", "u2"] as const;

const isByte = (dtype: string): boolean => dtype === "i8" || dtype === "u8";

export const quantization: readonly KernelRow[] = [
  ...dequantizable.map(
    (dtype): KernelRow => ({
      id: `${dtype}_dequantize_f32`,
      op: "quant.dequantize",
      operands: [{ dtypes: [dtype] }, f32, { dtypes: [dtype] }],
      results: ["f32"],
      cost: isByte(dtype) ? { ...perElement, opNs: 0.05 } : perElement,
    }),
  ),
  ...quantizable.map(
    (dtype): KernelRow => ({
      id: `f32_quantize_${dtype}`,
      op: "quant.quantize",
      operands: [f32, f32, { dtypes: [dtype] }],
      results: [dtype],
      cost: isByte(dtype) ? { ...perElement, opNs: 0.35 } : { ...perElement, opNs: 2 },
    }),
  ),
];

export const casts: readonly KernelRow[] = [
  ...(["f16", "bf16", "i8", "u8", "i32"] as const).map(
    (dtype): KernelRow => ({
      id: `${dtype}_cast_f32`,
      op: "type.cast",
      operands: [{ dtypes: [dtype] }],
      results: ["f32"],
      cost: perElement,
    }),
  ),
  { id: "u8_cast_f32", op: "type.cast", operands: [{ dtypes: ["bool"] }], results: ["f32"], cost: perElement },
  ...anyDtype.map(
    (to): KernelRow => ({
      id: "cast",
      op: "type.cast",
      operands: [{ dtypes: anyDtype.filter((from) => from !== to) }],
      results: [to],
      cost: anyElement,
    }),
  ),
  ...anyDtype.map(
    (dtype): KernelRow => ({ id: "view", op: "type.cast", operands: [{ dtypes: [dtype] }], results: [dtype], view: true, cost: nothing }),
  ),
  { id: "view", op: "type.bitcast", operands: [{ dtypes: anyDtype }], view: true, cost: nothing },
];

export const integerSums: readonly KernelRow[] = [
  {
    id: "i8_matmul",
    op: "int.matmul",
    operands: [bytes, bytes, { ...bytes, ranks: [0] }, { ...bytes, ranks: [0, 1] }],
    results: ["i32"],
    cost: { launch: 1, macNs: 0.03, byteNs: 0.3, opNs: 0 },
  },
  {
    id: "i8_conv_sums",
    op: "int.conv_sums",
    operands: [
      { ...bytes, ranks: [3, 4] },
      { ...bytes, ranks: [3, 4] },
      { ...bytes, ranks: [0] },
      { ...bytes, ranks: [0, 1] },
    ],
    results: ["i32"],
    cost: { launch: 1, macNs: 0.1, byteNs: 0.3, opNs: 0 },
  },
];
