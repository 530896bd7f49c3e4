/** @file Elements narrower than a byte, in JavaScript: low bits first, row-major, no padding inside a tensor. For loading only. */
import { bitsPerElement, type RuntimeDType } from "../../../tensor.ts";

/** Reads element i of integers of at most 32 bits at an address. */
export type CodeReader = (bytes: Uint8Array, at: number, i: number) => number;

export function codeReader(dtype: RuntimeDType): CodeReader {
  const bits = bitsPerElement(dtype);
  const spare = 32 - bits;
  const extended = dtype.startsWith("i") ? (raw: number) => (raw << spare) >> spare : (raw: number) => raw >>> 0;
  if (bits >= 8) return (bytes, at, i) => extended(littleEndian(bytes, at + i * (bits / 8), bits / 8));
  const [perByte, mask] = [8 / bits, (1 << bits) - 1];
  return (bytes, at, i) => extended(((bytes[at + Math.floor(i / perByte)] as number) >> ((i % perByte) * bits)) & mask);
}

function littleEndian(bytes: Uint8Array, at: number, size: number): number {
  let raw = 0;
  for (let byte = size - 1; byte >= 0; byte--) raw = (raw << 8) | (bytes[at + byte] as number);
  return raw;
}

/** Copies element i at `from` to element j at `to`. The target's bits must be zero where elements share a byte. */
export function elementMover(dtype: RuntimeDType): (bytes: Uint8Array, from: number, i: number, to: number, j: number) => void {
  const bits = bitsPerElement(dtype);
  if (bits >= 8) {
    const size = bits / 8;
    return (bytes, from, i, to, j) => {
      for (let byte = 0; byte < size; byte++) bytes[to + j * size + byte] = bytes[from + i * size + byte] as number;
    };
  }
  const [perByte, mask] = [8 / bits, (1 << bits) - 1];
  return (bytes, from, i, to, j) => {
    const code = ((bytes[from + Math.floor(i / perByte)] as number) >> ((i % perByte) * bits)) & mask;
    const at = to + Math.floor(j / perByte);
    bytes[at] = (bytes[at] as number) | (code << ((j % perByte) * bits));
  };
}
