/** @file Small tensors for the ops' cases. */
import { type DType, type HostTensor, hostTensor, type TensorData } from "../../ir-spec/index.ts";

const make =
  (dtype: DType, from: { from(values: readonly number[]): TensorData }) =>
  (shape: readonly number[], values: readonly number[]): HostTensor =>
    hostTensor(dtype, shape, from.from(values));

export const f64 = make("f64", Float64Array);
export const f32 = make("f32", Float32Array);
export const f16 = make("f16", Float32Array);
export const bf16 = make("bf16", Float32Array);
export const i32 = make("i32", Int32Array);
export const u32 = make("u32", Uint32Array);
export const i16 = make("i16", Int16Array);
export const i8 = make("i8", Int8Array);
export const u8 = make("u8", Uint8Array);
export const i4 = make("i4", Int8Array);
export const u4 = make("u4", Uint8Array);
export const u2 = make("u2", Uint8Array);
export const bool = make("bool", Uint8Array);
export const i64 = (shape: readonly number[], values: readonly (number | bigint)[]): HostTensor =>
  hostTensor("i64", shape, BigInt64Array.from(values, BigInt));
export const u64 = (shape: readonly number[], values: readonly (number | bigint)[]): HostTensor =>
  hostTensor("u64", shape, BigUint64Array.from(values, BigInt));

/** Values of both signs, none near another or near 0, so that no kink lies within a difference: 0.13, -0.66, 1.19 ... in mixed order. */
export function spread(...shape: readonly number[]): HostTensor {
  const count = shape.reduce((n, size) => n * size, 1);
  const at = (k: number) => 0.13 + 0.53 * ((k * 7) % (count % 7 === 0 ? count + 1 : count));
  return f64(
    shape,
    Array.from({ length: count }, (_, k) => (k % 2 === 0 ? at(k) : -at(k))),
  );
}

/** The same, all positive. */
export function positive(...shape: readonly number[]): HostTensor {
  const { data } = spread(...shape);
  return f64(shape, Array.from(data as Float64Array, Math.abs));
}
