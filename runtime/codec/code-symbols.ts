/**
 * @file Which symbols the codecs of whole symbols (`rans`, `huffman`) see in a tensor: packed elements up to 8 bits one by one, wider ones byte by byte. Tables run through the symbols in
 * the order of the numbers they stand for (-128 first for i8), along which frequencies change smoothly.
 */
import { bitsPerElement, elementCount, type RuntimeDType } from "../tensor.ts";
import { packSymbols } from "./symbols.ts";

export interface SymbolForm {
  /** Bits of a symbol, 1..8. */
  readonly width: number;
  readonly count: number;
  /** The symbol at place k of the table is k xor this. */
  readonly flip: number;
}

export function symbolForm(dtype: RuntimeDType, shape: readonly number[]): SymbolForm {
  const bits = bitsPerElement(dtype);
  const width = Math.min(8, bits);
  const signed = dtype === "i8" || dtype === "i4" || dtype === "i2";
  return { width, count: elementCount(shape) * (bits > 8 ? bits / 8 : 1), flip: signed ? 1 << (width - 1) : 0 };
}

/** The tensor's canonical bytes. */
export function symbolBytes(symbols: Uint8Array, { width }: SymbolForm): Uint8Array {
  return packSymbols(symbols, width);
}
