/**
 * @file The context models of the entropy coding, written once for both directions. Symbols of `width` bits are coded from the highest bit down a binary tree; the context of a
 * bit is its place in the tree and the last `history` symbols. Elements wider than a byte are split into byte planes (all first bytes, all second bytes ...), since the
 * sign and exponent bytes of floats carry the structure.
 */
import type { BitCoder } from "./bit-coder.ts";

export interface SymbolModel {
  /** Bits of a symbol, 1..8. */
  readonly width: number;
  /** Symbols that the context remembers; width * history <= 10. */
  readonly history: number;
}

export function contextCount({ width, history }: SymbolModel): number {
  return 1 << (width * (history + 1));
}

/** Codes `symbols` in place: an encoder reads them, a decoder writes them. */
export function codeSymbols(coder: BitCoder, symbols: Uint8Array, { width, history }: SymbolModel): void {
  const past = (1 << (width * history)) - 1;
  let remembered = 0;
  for (let i = 0; i < symbols.length; i++) {
    const symbol = symbols[i] as number;
    const base = remembered << width;
    let node = 1;
    for (let level = width - 1; level >= 0; level--) node = (node << 1) | coder.code(base | node, (symbol >>> level) & 1);
    const coded = node & ((1 << width) - 1);
    symbols[i] = coded;
    remembered = ((remembered << width) | coded) & past;
  }
}

/** Codes `parts` equal parts one after the other, each with contexts of its own. */
export function codePlanes(coder: BitCoder, symbols: Uint8Array, model: SymbolModel, parts: number): void {
  const contexts = contextCount(model);
  const length = symbols.length / parts;
  for (let part = 0; part < parts; part++) {
    const shifted: BitCoder = { code: (context, bit) => coder.code(part * contexts + context, bit) };
    codeSymbols(shifted, symbols.subarray(part * length, (part + 1) * length), model);
  }
}

/** Packed sub-byte elements, low bits first, to one symbol a byte. */
export function unpackSymbols(bytes: Uint8Array, width: number, count: number): Uint8Array {
  if (width === 8) return bytes.slice(0, count);
  const perByte = 8 / width;
  const mask = (1 << width) - 1;
  const symbols = new Uint8Array(count);
  for (let i = 0; i < count; i++) symbols[i] = ((bytes[Math.floor(i / perByte)] as number) >>> ((i % perByte) * width)) & mask;
  return symbols;
}

export function packSymbols(symbols: Uint8Array, width: number): Uint8Array {
  if (width === 8) return symbols;
  const perByte = 8 / width;
  const bytes = new Uint8Array(Math.ceil(symbols.length / perByte));
  for (let i = 0, at = 0; i < symbols.length; at++) {
    let byte = 0;
    for (let shift = 0; shift < 8 && i < symbols.length; shift += width) byte |= (symbols[i++] as number) << shift;
    bytes[at] = byte;
  }
  return bytes;
}

/** Byte j of element i moves to j * count + i. */
export function splitPlanes(bytes: Uint8Array, size: number): Uint8Array {
  const count = bytes.length / size;
  const planes = new Uint8Array(bytes.length);
  for (let i = 0; i < count; i++) for (let j = 0; j < size; j++) planes[j * count + i] = bytes[i * size + j] as number;
  return planes;
}

export function joinPlanes(planes: Uint8Array, size: number): Uint8Array {
  const count = planes.length / size;
  const bytes = new Uint8Array(planes.length);
  for (let i = 0; i < count; i++) for (let j = 0; j < size; j++) bytes[i * size + j] = planes[j * count + i] as number;
  return bytes;
}
