/** @file The arithmetic of uniform affine quantization, as ONNX Runtime does it. */
import { type DType, integerRange } from "../../core/dtype.ts";
import { roundEven } from "../../core/float-bits.ts";
import type { HostTensor } from "../../core/tensor.ts";
import { eachRun, type ScaleAttrs } from "./scales.ts";

/**
 * saturate(round_half_even(x / scale) + zero). The quotient is rounded to f32 first (f64 stays f64), as kernels and ONNX Runtime compute it: a tie of
 * the rounded quotient is a tie. NaN becomes the zero point.
 */
export function quantizedValues(x: HostTensor, scale: HostTensor, zero: HostTensor | null, attrs: ScaleAttrs, to: DType): Float64Array {
  const [least, most] = [Number(integerRange(to).min), Number(integerRange(to).max)];
  const narrow = x.dtype === "f64" ? (v: number) => v : Math.fround;
  const codes = new Float64Array(x.data.length);
  eachRun(x.shape, scale.shape.length, attrs, (start, length, at, step) => {
    for (let i = 0; i < length; i++) {
      const s = at + i * step;
      const z = zero ? (zero.data[s] as number) : 0;
      const quotient = narrow((x.data[start + i] as number) / (scale.data[s] as number));
      const code = Number.isNaN(quotient) ? z : roundEven(quotient) + z;
      codes[start + i] = Math.min(most, Math.max(least, code));
    }
  });
  return codes;
}

/** (q - zero) * scale, in f64. */
export function dequantizedValues(
  codes: ArrayLike<number>,
  shape: readonly number[],
  scale: HostTensor,
  zero: HostTensor | null,
  attrs: ScaleAttrs,
): Float64Array {
  const values = new Float64Array(codes.length);
  eachRun(shape, scale.shape.length, attrs, (start, length, at, step) => {
    for (let i = 0; i < length; i++) {
      const s = at + i * step;
      const z = zero ? (zero.data[s] as number) : 0;
      values[start + i] = ((codes[start + i] as number) - z) * (scale.data[s] as number);
    }
  });
  return values;
}
