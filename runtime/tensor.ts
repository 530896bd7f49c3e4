/** @file Tensors that go in and out of a session. */
import { RuntimeError } from "./errors.ts";

export const runtimeDTypes = [
  "f64",
  "f32",
  "f16",
  "bf16",
  "i64",
  "i32",
  "i16",
  "i8",
  "i4",
  "i2",
  "u64",
  "u32",
  "u16",
  "u8",
  "u4",
  "u2",
  "u1",
  "bool",
] as const;
export type RuntimeDType = (typeof runtimeDTypes)[number];

const bitsOf: { readonly [D in RuntimeDType]: number } = {
  f64: 64,
  f32: 32,
  f16: 16,
  bf16: 16,
  i64: 64,
  i32: 32,
  i16: 16,
  i8: 8,
  i4: 4,
  i2: 2,
  u64: 64,
  u32: 32,
  u16: 16,
  u8: 8,
  u4: 4,
  u2: 2,
  u1: 1,
  bool: 8,
};

export type TensorArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | BigUint64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array;

/** f16 and bf16 travel as their bits in a Uint16Array, sub-byte dtypes as packed bytes. */
const arrayOf = {
  f64: Float64Array,
  f32: Float32Array,
  f16: Uint16Array,
  bf16: Uint16Array,
  i64: BigInt64Array,
  i32: Int32Array,
  i16: Int16Array,
  i8: Int8Array,
  i4: Uint8Array,
  i2: Uint8Array,
  u64: BigUint64Array,
  u32: Uint32Array,
  u16: Uint16Array,
  u8: Uint8Array,
  u4: Uint8Array,
  u2: Uint8Array,
  u1: Uint8Array,
  bool: Uint8Array,
} as const satisfies Record<RuntimeDType, unknown>;

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

export function byteLength(dtype: RuntimeDType, count: number): number {
  return Math.ceil((bitsOf[dtype] * count) / 8);
}

export function bitsPerElement(dtype: RuntimeDType): number {
  return bitsOf[dtype];
}

export class Tensor {
  readonly dtype: RuntimeDType;
  readonly data: TensorArray;
  readonly shape: readonly number[];

  /** @throws RuntimeError R0301 when the array's kind or length does not fit dtype and shape. */
  constructor(dtype: RuntimeDType, data: TensorArray, shape: readonly number[]) {
    const TypedArray = arrayOf[dtype];
    if (!(data instanceof TypedArray)) throw new RuntimeError("R0301", `${dtype} data must be a ${TypedArray.name}`, "Tensor");
    const expected = byteLength(dtype, elementCount(shape));
    if (data.byteLength !== expected) {
      throw new RuntimeError("R0301", `shape [${shape.join(", ")}] of ${dtype} takes ${expected} bytes, got ${data.byteLength}`, "Tensor");
    }
    this.dtype = dtype;
    this.data = data;
    this.shape = shape;
  }

  /** A tensor over bytes (copied when they are not aligned for the dtype). */
  static fromBytes(dtype: RuntimeDType, bytes: Uint8Array, shape: readonly number[]): Tensor {
    const TypedArray = arrayOf[dtype];
    const size = TypedArray.BYTES_PER_ELEMENT;
    const aligned = bytes.byteOffset % size === 0 ? bytes : bytes.slice();
    return new Tensor(dtype, new TypedArray(aligned.buffer as ArrayBuffer, aligned.byteOffset, aligned.byteLength / size), shape);
  }

  bytes(): Uint8Array {
    return new Uint8Array(this.data.buffer, this.data.byteOffset, this.data.byteLength);
  }
}
