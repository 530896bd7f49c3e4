/**
 * @file Cases in which ONNX Runtime 1.30 does not do what the interpreter does, and why that is no fault of the export; and what does not come back in its own form. The tests fail when an
 * entry is no longer true.
 */
import type { OpCase } from "../ops/op-case.ts";

interface Excuse {
  readonly why: string;
  /** Notes of the op's cases. */
  readonly cases: Readonly<Record<string, readonly string[]>>;
}

const excuses: readonly Excuse[] = [
  {
    why: "ONNX leaves open what an integer divided by zero is: ONNX Runtime stops, here it is 0",
    cases: {
      "math.div": ["an integer by zero gives 0"],
      "math.mod": ["sign of the divisor", "i64"],
      "math.fmod": ["sign of the dividend", "i64"],
    },
  },
  {
    why: "ONNX leaves open what integers beyond their range are: here they wrap, ONNX Runtime computes some in floats",
    cases: {
      "math.pow": ["i32: wraps, negative exponents truncate", "i64 wraps"],
      "reduce.sum": ["i64 wraps"],
      "reduce.prod": ["i32 wraps", "i64 wraps"],
    },
  },
  {
    why: "ONNX leaves open what a float beyond an integer's range becomes: here it saturates",
    cases: {
      "type.cast": ["float to i8 truncates and saturates", "float to u8", "float to i64", "float to u64", "float to i4 keeps the low bits"],
    },
  },
  { why: "ONNX leaves open the mean of nothing", cases: { "reduce.mean": ["no elements"] } },
  {
    why: "ONNX leaves open what NaN is quantized to",
    cases: { "quant.quantize": ["half to even, saturation, infinities; NaN is the zero point"] },
  },
  {
    why: "ONNX Runtime loses NaN where it compares",
    cases: {
      "shape.scatter_elements": ["maximum; a NaN wins and stays"],
      "reduce.top_k": ["NaN is the largest"],
      "reduce.max": ["NaN wins"],
      "reduce.min": ["NaN wins"],
      "reduce.argmax": ["last NaN"],
      "nn.max_pool": ["negative values beat padding; NaN beats all"],
      "nn.max_pool_index": ["padding never wins; NaN does"],
      "dynamic.unique": ["ascending"],
    },
  },
  {
    why: "ONNX Runtime has no kernel of the dtype",
    cases: { "reduce.max": ["u64"], "reduce.min": ["u64", "no elements of u64"], "type.bitcast": ["i4 to u4"] },
  },
  { why: "ONNX Runtime takes no padding that is as large as the window", cases: { "nn.max_pool_index": ["a window of padding alone"] } },
  { why: "ONNX Runtime rounds twice, first to f32", cases: { "type.cast": ["f64 to f16 rounds once"] } },
];

/** Why ONNX Runtime's result is another, or null. */
export function excuseOf({ op, note = "" }: OpCase): string | null {
  return excuses.find(({ cases }) => cases[op]?.includes(note))?.why ?? null;
}

/** All that is particular about an op in ONNX Runtime. */
export const excusesOf = (op: string): readonly string[] => excuses.filter(({ cases }) => cases[op]).map(({ why }) => why);

export const excusedNotes: readonly (readonly [op: string, note: string])[] = excuses.flatMap(({ cases }) =>
  Object.entries(cases).flatMap(([op, notes]) => notes.map((note) => [op, note] as const)),
);

/** ONNX has these in f64, ONNX Runtime has not: their f64 cases are run in f32. */
export const noDoubles: ReadonlySet<string> = new Set([
  ...["acos", "acosh", "asin", "asinh", "atan", "atanh", "cosh", "erf", "leaky_relu", "sinh", "softplus", "tan"].map((f) => `math.${f}`),
  ...["avg_pool", "avg_pool_grad", "conv", "conv_input_grad", "conv_weight_grad", "gru", "lstm", "rnn"].map((f) => `nn.${f}`),
]);

const several = "comes back as the ops that these are";
const otherDtype = "some dtypes are computed in a wider one, between casts";

/** Ops of which some cases, imported again, are other ops that compute the same. */
export const otherForm: Readonly<Record<string, string>> = {
  "nn.conv_weight_grad": several,
  "nn.max_pool_grad": several,
  "nn.avg_pool_grad": several,
  "int.add": several,
  "int.avg_pool": several,
  "int.conv": several,
  "int.linear": several,
  "int.lookup": several,
  "int.mean": several,
  "int.requantize": several,
  "loss.softmax_cross_entropy": several,
  "math.step": several,
  "tensor.one_hot": several,
  "shape.scatter_add": several,
  "sparse.expand": several,
  "sparse.compress": several,
  "quant.fake": "comes back as a pair of `quant.quantize` and `quant.dequantize`",
  "math.mod": "`Mod` is of integers: for floats it is several operators",
  "math.clip": "`Clip` of integers comes back as `math.min` and `math.max`",
  "math.neg": "`Neg` is of signed numbers: an unsigned one is subtracted from 0",
  "codebook.lookup": "`Gather`, which has indices of 32 or 64 bits",
  "nn.linear": "`MatMul` where x has another rank than 2: a linear layer again when its weight is a constant",
  "int.conv_sums": "signed integers go as unsigned ones, which ONNX Runtime has kernels for",
  "int.matmul": "signed integers go as unsigned ones, which ONNX Runtime has kernels for",
  "quant.dequantize": "`DequantizeLinear` has no scales of f64: a product",
  "shape.pad": "the value of integers is told truncated",
  "shape.concat": "of one operand it is that",
  "dynamic.range": "`Range` takes scalars: operands of one element are reshaped",
  "dynamic.unique": otherDtype,
  "reduce.cumsum": otherDtype,
  "reduce.max": otherDtype,
  "reduce.min": otherDtype,
  "reduce.sum": otherDtype,
  "reduce.mean": "over no axes it is its operand",
  "reduce.prod": "over no axes it is its operand",
  "shape.gather_nd": "indices are cast to i64",
  "shape.scatter_nd": "indices are cast to i64",
  "nn.roi_align": "indices are cast to i64",
  "shape.scatter_elements": otherDtype,
  "shape.reshape": "integers of 1 and 2 bits go as bytes",
  "type.unpack": "4-bit integers come back with a `type.cast`, others as bytes",
  "type.cast": "to its own dtype it is its operand",
};
