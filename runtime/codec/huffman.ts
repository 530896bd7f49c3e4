/**
 * @file Codec `huffman`: canonical Huffman coding (Huffman 1952; Schwartz and Kallick 1964), codes of at most 15 bits, decoded by one look into a table. No better than rANS in size but for its smaller table
 * (lengths instead of frequencies), which wins on sections of some kilobytes with few symbols.
 *
 * Stored: the code lengths in the order of the numbers, each as an Elias-gamma difference to the one before, 0 for a symbol that does not occur; from the next byte on the codes, highest bit first. Codes are given in
 * order of length, then of number. Parameters: none.
 */
import { RuntimeError } from "../errors.ts";
import { BitReader } from "./bit-reader.ts";
import { type SymbolForm, symbolBytes, symbolForm } from "./code-symbols.ts";
import type { DecodeContext, WeightDecoder } from "./codec.ts";

export const huffman: WeightDecoder = { id: "huffman", decode };

export const maxCodeLength = 15;

/** @throws RuntimeError R0110 on streams that no encoder writes. */
function decode({ stored, params, dtype, shape }: DecodeContext): Uint8Array {
  const form = symbolForm(dtype, shape);
  if (params.length > 0) throw refused(`${params.length} parameters`);
  const reader = new BitReader(stored);
  const lengths = readLengths(reader, form);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  const table = codeTable(lengths, longest, form);
  const symbols = new Uint8Array(form.count);
  const used = decodeSymbols(symbols, table, longest, stored.subarray(reader.nextByte));
  if (reader.nextByte + used !== stored.length) throw refused("the stream does not end where its symbols do");
  return symbolBytes(symbols, form);
}

function readLengths(reader: BitReader, { width }: SymbolForm): Uint8Array {
  let length = 0;
  return Uint8Array.from({ length: 1 << width }, () => {
    length += reader.signed();
    if (length < 0 || length > maxCodeLength) throw refused(`a code of ${length} bits`);
    return length;
  });
}

/** By the next `longest` bits: the symbol in bits 0..7, the length of its code above. A code of one symbol leaves half of the table empty. */
function codeTable(lengths: Uint8Array, longest: number, { flip }: SymbolForm): Uint16Array {
  const table = new Uint16Array(1 << longest);
  let filled = 0;
  for (let length = 1; length <= longest; length++) {
    const span = 1 << (longest - length);
    lengths.forEach((own, place) => {
      if (own !== length) return;
      table.fill((place ^ flip) | (length << 8), filled, filled + span);
      filled += span;
    });
  }
  const single = longest === 1 && filled === 1;
  if (longest === 0 || (filled !== table.length && !single)) throw refused("its code lengths make no code");
  return table;
}

/** @returns bytes read */
function decodeSymbols(symbols: Uint8Array, table: Uint16Array, longest: number, input: Uint8Array): number {
  const mask = table.length - 1;
  let window = 0;
  let held = 0;
  let at = 0;
  for (let i = 0; i < symbols.length; i++) {
    while (held < longest) {
      window = (window << 8) | (input[at++] ?? 0);
      held += 8;
    }
    const entry = table[(window >>> (held - longest)) & mask] as number;
    if (entry === 0) throw refused("bits that are no code");
    symbols[i] = entry;
    held -= entry >>> 8;
  }
  return at - (held >>> 3);
}

function refused(why: string): RuntimeError {
  return new RuntimeError("R0110", why, "codec huffman");
}
