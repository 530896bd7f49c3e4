/** @file Encoder of the codec `huffman`. The decoder is `runtime/codec/huffman.ts`. */
import type { EncodeContext, Encoded, WeightEncoder } from "../../compiler/index.ts";
import { maxCodeLength } from "../../runtime/index.ts";
import { BitWriter } from "./bit-writer.ts";
import { codeLengths } from "./code-lengths.ts";
import { symbolsOf } from "./symbol-counts.ts";

export const huffmanEncoder: WeightEncoder = { id: "huffman", encode };

/** null where there is nothing to code. */
function encode(ctx: EncodeContext): Encoded | null {
  const found = symbolsOf(ctx);
  if (!found) return null;
  const lengths = codeLengths(found.counts, maxCodeLength);
  const table = tableBytes(lengths, found.form.flip);
  const codes = canonicalCodes(lengths, found.form.flip);
  const writer = new BitWriter();
  for (const symbol of found.symbols) writer.bits(codes[symbol] as number, lengths[symbol] as number);
  const body = writer.finish();
  const bytes = new Uint8Array(table.length + body.length);
  bytes.set(table);
  bytes.set(body, table.length);
  return { bytes, params: new Uint8Array(0) };
}

function tableBytes(lengths: Uint8Array, flip: number): Uint8Array {
  const writer = new BitWriter();
  let before = 0;
  lengths.forEach((_, place) => {
    const length = lengths[place ^ flip] as number;
    writer.signed(length - before);
    before = length;
  });
  return writer.finish();
}

/** In order of length, then of number. */
function canonicalCodes(lengths: Uint8Array, flip: number): Uint16Array {
  const codes = new Uint16Array(lengths.length);
  let next = 0;
  for (let length = 1; length <= maxCodeLength; length++) {
    lengths.forEach((_, place) => {
      const symbol = place ^ flip;
      if (lengths[symbol] === length) codes[symbol] = next++;
    });
    next <<= 1;
  }
  return codes;
}
