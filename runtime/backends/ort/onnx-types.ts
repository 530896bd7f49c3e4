/** @file Dtypes of weights as ONNX numbers them (`TensorProto.DataType`). `raw_data` of these is what our canonical bytes are: little-endian, 4-bit values low nibble first. */
import type { RuntimeDType } from "../../tensor.ts";

export const onnxDataTypes: { readonly [D in RuntimeDType]?: number } = {
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
