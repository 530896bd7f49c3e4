/**
 * @file Tensors as the reference functions see them: unpacked elements in typed arrays. f16 and bf16 are widened to Float32Array (every value
 * representable), sub-byte integers to 8 bits. `decodeTensor` and `encodeTensor` convert from and to canonical bytes.
 */
import { byteLengthOf, type DType, dtypeInfo } from "./dtype.ts";
import { bf16Bits, bf16FromBits, f16Bits, f16FromBits } from "./float-bits.ts";

export type TensorData =
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

export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

const constructors = {
  f64: Float64Array,
  f32: Float32Array,
  f16: Float32Array,
  bf16: Float32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  i32: Int32Array,
  u32: Uint32Array,
  i16: Int16Array,
  u16: Uint16Array,
  i8: Int8Array,
  i4: Int8Array,
  i2: Int8Array,
  u8: Uint8Array,
  u4: Uint8Array,
  u2: Uint8Array,
  u1: Uint8Array,
  bool: Uint8Array,
} as const satisfies Record<DType, unknown>;

/** A zero-filled array that holds `count` elements of the dtype, unpacked. */
export function allocateData(dtype: DType, count: number): TensorData {
  return new constructors[dtype](count);
}

export function hostTensor(dtype: DType, shape: readonly number[], data: TensorData = allocateData(dtype, countOf(shape))): HostTensor {
  if (data.length !== countOf(shape))
    throw new RangeError(`${data.length} elements given, shape [${shape.join(", ")}] takes ${countOf(shape)}`);
  return { dtype, shape, data };
}

/** Elements as numbers; 64-bit integers lose exactness beyond 2^53. */
export function toNumbers(tensor: HostTensor): number[] {
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** Canonical little-endian bytes to elements. Copies. @throws RangeError when the length does not fit. */
export function decodeTensor(dtype: DType, shape: readonly number[], bytes: Uint8Array): HostTensor {
  const count = countOf(shape);
  const expected = byteLengthOf(dtype, count);
  if (bytes.length !== expected) throw new RangeError(`${bytes.length} bytes given, ${count} x ${dtype} take ${expected}`);
  if (dtypeInfo(dtype).bits < 8) return { dtype, shape, data: unpackBits(dtype, count, bytes) };
  const aligned = bytes.slice().buffer;
  if (dtype === "f16") return { dtype, shape, data: Float32Array.from(new Uint16Array(aligned), f16FromBits) };
  if (dtype === "bf16") return { dtype, shape, data: Float32Array.from(new Uint16Array(aligned), bf16FromBits) };
  return { dtype, shape, data: new constructors[dtype](aligned) };
}

/** Elements to canonical little-endian bytes. Integers must fit their dtype. */
export function encodeTensor(tensor: HostTensor): Uint8Array {
  const { dtype, data } = tensor;
  if (dtypeInfo(dtype).bits < 8) return packBits(dtype, data as Int8Array | Uint8Array);
  const stored =
    dtype === "f16"
      ? Uint16Array.from(data as Float32Array, f16Bits)
      : dtype === "bf16"
        ? Uint16Array.from(data as Float32Array, bf16Bits)
        : data;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength).slice();
}

function unpackBits(dtype: DType, count: number, bytes: Uint8Array): Int8Array | Uint8Array {
  const { bits, kind } = dtypeInfo(dtype);
  const mask = (1 << bits) - 1;
  const perByte = 8 / bits;
  const data = kind === "int" ? new Int8Array(count) : new Uint8Array(count);
  const extend = kind === "int" ? 32 - bits : 0;
  for (let i = 0; i < count; i++) {
    const raw = ((bytes[Math.floor(i / perByte)] as number) >>> ((i % perByte) * bits)) & mask;
    data[i] = (raw << extend) >> extend;
  }
  return data;
}

function packBits(dtype: DType, data: Int8Array | Uint8Array): Uint8Array {
  const { bits } = dtypeInfo(dtype);
  const mask = (1 << bits) - 1;
  const perByte = 8 / bits;
  const bytes = new Uint8Array(byteLengthOf(dtype, data.length));
  for (let i = 0; i < data.length; i++) {
    const at = Math.floor(i / perByte);
    bytes[at] = (bytes[at] as number) | (((data[i] as number) & mask) << ((i % perByte) * bits));
  }
  return bytes;
}
