/** @file Encoder of the codec `rans`: normalizes the frequencies, codes the symbols from the last to the first, and keeps the precision whose stream is shortest. The decoder is `runtime/codec/rans.ts`. */
import type { EncodeContext, Encoded, WeightEncoder } from "../../compiler/index.ts";
import { lowestState, maxFrequencyBits, stateCount } from "../../runtime/index.ts";
import { BitWriter } from "./bit-writer.ts";
import { type Symbols, symbolsOf } from "./symbol-counts.ts";

export const ransEncoder: WeightEncoder = { id: "rans", encode };

const precisions = [8, 10, 12];

/** null where there is nothing to code. */
function encode(ctx: EncodeContext): Encoded | null {
  const found = symbolsOf(ctx);
  if (!found) return null;
  const distinct = found.counts.reduce((n, count) => n + (count > 0 ? 1 : 0), 0);
  const streams = precisions.filter((bits) => 1 << bits >= distinct && bits <= maxFrequencyBits).map((bits) => encodeWith(found, bits));
  const shortest = streams.reduce((best, stream) => (stream.length < best.length ? stream : best));
  return { bytes: shortest, params: new Uint8Array(0) };
}

function encodeWith({ form, symbols, counts }: Symbols, bits: number): Uint8Array {
  const frequencies = normalized(counts, 1 << bits);
  const table = tableBytes(frequencies, form.flip);
  const body = codeSymbols(symbols, frequencies, startsOf(frequencies, form.flip), bits);
  return Uint8Array.from([bits, ...table, ...body.heads, ...body.bytes]);
}

/** Stops where the frequencies are full, as the reader does. */
function tableBytes(frequencies: Uint32Array, flip: number): Uint8Array {
  const writer = new BitWriter();
  const total = frequencies.reduce((n, f) => n + f, 0);
  let before = 0;
  let filled = 0;
  for (let place = 0; filled < total; place++) {
    const frequency = frequencies[place ^ flip] as number;
    writer.signed(frequency - before);
    before = frequency;
    filled += frequency;
  }
  return writer.finish();
}

/**
 * Frequencies of sum `total`, at least 1 for a symbol that occurs: rounded down, then what is left given (or taken) where it changes the length of the stream most (least).
 */
export function normalized(counts: Uint32Array, total: number): Uint32Array {
  const all = counts.reduce((n, count) => n + count, 0);
  const frequencies = counts.map((count) => (count === 0 ? 0 : Math.max(1, Math.floor((count * total) / all))));
  for (let left = total - frequencies.reduce((n, f) => n + f, 0); left !== 0; left -= Math.sign(left)) {
    const step = Math.sign(left);
    let best = -1;
    let most = Number.NEGATIVE_INFINITY;
    frequencies.forEach((f, symbol) => {
      if (f === 0 || f + step < 1) return;
      const gain = (counts[symbol] as number) * Math.log2((f + step) / f);
      if (gain > most) [best, most] = [symbol, gain];
    });
    frequencies[best] = (frequencies[best] as number) + step;
  }
  return frequencies;
}

/** The symbols lie in the slots in the order of their numbers. */
function startsOf(frequencies: Uint32Array, flip: number): Uint32Array {
  const starts = new Uint32Array(frequencies.length);
  let next = 0;
  frequencies.forEach((_, place) => {
    starts[place ^ flip] = next;
    next += frequencies[place ^ flip] as number;
  });
  return starts;
}

function codeSymbols(
  symbols: Uint8Array,
  frequencies: Uint32Array,
  starts: Uint32Array,
  bits: number,
): { readonly heads: Uint8Array; readonly bytes: Uint8Array } {
  const states = new Uint32Array(stateCount).fill(lowestState);
  const out = new Uint8Array(2 * symbols.length + 16);
  let at = out.length;
  for (let i = symbols.length - 1; i >= 0; i--) {
    const symbol = symbols[i] as number;
    const frequency = frequencies[symbol] as number;
    const limit = (lowestState >>> bits) * 256 * frequency;
    let x = states[i % stateCount] as number;
    for (; x >= limit; x >>>= 8) out[--at] = x & 255;
    states[i % stateCount] = Math.floor(x / frequency) * (1 << bits) + (x % frequency) + (starts[symbol] as number);
  }
  const heads = new Uint8Array(4 * stateCount);
  const view = new DataView(heads.buffer);
  states.forEach((x, i) => {
    view.setUint32(4 * i, x, true);
  });
  return { heads, bytes: out.subarray(at) };
}
