/**
 * @file Element types as ONNX numbers them (TensorProto.DataType). ONNX packs 4-bit integers as we do, low bits first, and has them since opset 21; narrower ones, and all of
 * them before, travel as bytes that hold the same values.
 */
import { type DType, decodeTensor, dtypeInfo, encodeTensor } from "../../../ir-spec/index.ts";
import { ExportFailure } from "./errors.ts";

const codes: { readonly [D in DType]?: number } = {
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
  bf16: 16,
  u4: 21,
  i4: 22,
};

/** @throws ExportFailure E1008 */
export function dataType(dtype: DType): number {
  const code = codes[dtype];
  if (code === undefined) throw new ExportFailure("E1008", `ONNX models have no ${dtype} here`);
  return code;
}

/** First operator set with 4-bit integers. */
export const fourBitSince = 21;

/** The dtype that stands for it in a model: itself, or bytes that hold the same values. */
export function carrierOf(dtype: DType, opset: number): DType {
  const { bits, kind } = dtypeInfo(dtype);
  if (bits >= 8 || (bits === 4 && opset >= fourBitSince)) return dtype;
  return kind === "int" ? "i8" : "u8";
}

/** The narrowest dtype of ONNX for quantized weights: 1- and 2-bit ones fit 4 bits. */
export function storedCodes(dtype: DType, opset: number): DType {
  const { bits, kind } = dtypeInfo(dtype);
  if (bits >= 8) return dtype;
  const four = kind === "int" ? "i4" : "u4";
  return carrierOf(four, opset);
}

/** Canonical bytes of the same values in another integer dtype that holds them. */
export function widen(bytes: Uint8Array, from: DType, to: DType, count: number): Uint8Array {
  return from === to ? bytes : encodeTensor({ ...decodeTensor(from, [count], bytes), dtype: to });
}
