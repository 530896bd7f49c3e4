/**
 * @file Elements of constant data as text, from and to their canonical bytes: never through a typed array of floats, which would change a
 * signaling NaN. Sub-byte elements are packed low bits first.
 */
import { byteLengthOf, type DType, dtypeInfo, integerRange, isFloat } from "../../ir-spec/core/dtype.ts";
import { type FloatFormat, printFloat, readFloat } from "../../ir-spec/core/float-text.ts";

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bits of element `index`, unsigned. */
function readBits(bytes: Uint8Array, bits: number, index: number): bigint {
  if (bits < 8) {
    const at = index * bits;
    return BigInt(((bytes[at >> 3] ?? 0) >> (at & 7)) & ((1 << bits) - 1));
  }
  const view = viewOf(bytes);
  if (bits === 64) return view.getBigUint64(index * 8, true);
  return BigInt(bits === 32 ? view.getUint32(index * 4, true) : bits === 16 ? view.getUint16(index * 2, true) : view.getUint8(index));
}

function writeBits(bytes: Uint8Array, bits: number, index: number, value: bigint): void {
  const view = viewOf(bytes);
  if (bits === 64) view.setBigUint64(index * 8, value, true);
  else if (bits === 32) view.setUint32(index * 4, Number(value), true);
  else if (bits === 16) view.setUint16(index * 2, Number(value), true);
  else if (bits === 8) bytes[index] = Number(value);
  else {
    const at = index * bits;
    bytes[at >> 3] = (bytes[at >> 3] ?? 0) | (Number(value) << (at & 7));
  }
}

/** Text of element `index`. */
export function elementText(dtype: DType, bytes: Uint8Array, index: number, hexFloats = false): string {
  const { bits, kind } = dtypeInfo(dtype);
  const raw = readBits(bytes, bits, index);
  if (kind === "float") return printFloat(dtype as FloatFormat, raw, hexFloats);
  if (kind === "bool") return raw === 0n ? "false" : "true";
  return String(kind === "int" ? BigInt.asIntN(bits, raw) : raw);
}

/** Writes the element; false when the text is no value of the dtype. `bytes` is zero where a sub-byte element goes. */
export function writeElement(dtype: DType, text: string, bytes: Uint8Array, index: number): boolean {
  const raw = elementBits(dtype, text);
  if (raw === null) return false;
  writeBits(bytes, dtypeInfo(dtype).bits, index, raw);
  return true;
}

function elementBits(dtype: DType, text: string): bigint | null {
  const { bits, kind } = dtypeInfo(dtype);
  if (kind === "float") return readFloat(dtype as FloatFormat, text);
  if (kind === "bool") return text === "true" ? 1n : text === "false" ? 0n : null;
  if (!/^-?[0-9]+$/.test(text)) return null;
  const value = BigInt(text);
  const { min, max } = integerRange(dtype);
  return value < min || value > max ? null : BigInt.asUintN(bits, value);
}

/** What the text of one element may be, for messages. */
export function elementRange(dtype: DType): string {
  if (isFloat(dtype)) return "a float";
  const { min, max } = integerRange(dtype);
  return dtype === "bool" ? "true or false" : `an integer from ${min} to ${max}`;
}

/** Why a list cannot show these bytes: bits that no element owns, or a bool that is neither 0 nor 1. null when it can. */
export function strayBits(dtype: DType, count: number, bytes: Uint8Array): string | null {
  if (dtype === "bool" && bytes.some((byte) => byte > 1)) return "a bool byte is neither 0 nor 1";
  const spare = byteLengthOf(dtype, count) * 8 - count * dtypeInfo(dtype).bits;
  if (spare > 0 && (bytes[bytes.length - 1] ?? 0) >> (8 - spare) !== 0) return "the unused bits of the last byte are not zero";
  return null;
}
