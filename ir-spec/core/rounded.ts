/** @file The one rounding at the end of a reference function: f64 values into a float tensor, to nearest even. */
import type { DType } from "./dtype.ts";
import { bf16Bits, bf16FromBits, f16Bits, f16FromBits } from "./float-bits.ts";
import { type HostTensor, hostTensor, type TensorData } from "./tensor.ts";

/** The values rounded once to `dtype`, a float. f16 and bf16 hold representable values only. */
export function roundedTensor(dtype: DType, shape: readonly number[], values: Float64Array): HostTensor {
  return hostTensor(dtype, shape, roundedData(dtype, values));
}

function roundedData(dtype: DType, values: Float64Array): TensorData {
  switch (dtype) {
    case "f64":
      return values;
    case "f32":
      return new Float32Array(values);
    case "f16":
      return Float32Array.from(values, (v) => f16FromBits(f16Bits(v)));
    case "bf16":
      return Float32Array.from(values, (v) => bf16FromBits(bf16Bits(v)));
    default:
      throw new RangeError(`${dtype} is not a float`);
  }
}

/** Elements as f64, without a copy where they are. Not for 64-bit integers. */
export function asFloat64(data: TensorData): Float64Array {
  if (data instanceof Float64Array) return data;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) throw new RangeError("64-bit integers do not fit f64");
  return new Float64Array(data);
}
