/**
 * @file Codec `rans`: static order-0 range asymmetric numeral systems (Duda 2013), four interleaved 32-bit states with byte renormalization in the manner of Giesen ("Interleaved entropy coders", 2014).
 * Within a fraction of a percent of the order-0 entropy and fast, for the price of a table; sections of a few kilobytes do better with the adaptive coders.
 *
 * Stored: a byte `bits` (log2 of the sum of frequencies, 1..12); the frequencies in the order of the numbers, each as an Elias-gamma difference to the one before; four states of four
 * bytes, lowest first; the bytes that the states take in. Parameters: none.
 */
import { RuntimeError } from "../errors.ts";
import { BitReader } from "./bit-reader.ts";
import { symbolBytes, symbolForm } from "./code-symbols.ts";
import type { DecodeContext, WeightDecoder } from "./codec.ts";

export const rans: WeightDecoder = { id: "rans", decode };

/** A state lies in [lowest, 256 * lowest) between symbols. */
export const lowestState = 1 << 23;
export const maxFrequencyBits = 12;
export const stateCount = 4;

/** @throws RuntimeError R0110 on streams that no encoder writes. */
function decode({ stored, params, dtype, shape }: DecodeContext): Uint8Array {
  const form = symbolForm(dtype, shape);
  const bits = stored[0] ?? 0;
  if (params.length > 0 || bits < 1 || bits > maxFrequencyBits) throw refused(`${params.length} parameters, frequencies of ${bits} bits`);
  const reader = new BitReader(stored, 1);
  const slots = slotTable(reader, bits, form.width, form.flip);
  const states = stored.subarray(reader.nextByte, reader.nextByte + 4 * stateCount);
  if (states.length < 4 * stateCount) throw refused("the stream ends before its states");
  const symbols = new Uint8Array(form.count);
  decodeSymbols(symbols, slots, bits, states, stored.subarray(reader.nextByte + 4 * stateCount));
  return symbolBytes(symbols, form);
}

/** Per slot of 2^bits: symbol in bits 0..7, its frequency - 1 in 8..19, the slot's place among the symbol's in 20..31. */
function slotTable(reader: BitReader, bits: number, width: number, flip: number): Int32Array {
  const slots = new Int32Array(1 << bits);
  let filled = 0;
  let frequency = 0;
  for (let place = 0; place < 1 << width && filled < slots.length; place++) {
    frequency += reader.signed();
    if (frequency < 0 || filled + frequency > slots.length) throw refused("its frequencies do not fit");
    const symbol = place ^ flip;
    for (let k = 0; k < frequency; k++) slots[filled + k] = symbol | ((frequency - 1) << 8) | (k << 20);
    filled += frequency;
  }
  if (filled !== slots.length) throw refused("its frequencies do not fit");
  return slots;
}

function decodeSymbols(symbols: Uint8Array, slots: Int32Array, bits: number, heads: Uint8Array, input: Uint8Array): void {
  const state = (i: number): number => new DataView(heads.buffer, heads.byteOffset).getUint32(4 * i, true) | 0;
  const mask = slots.length - 1;
  const x = Int32Array.of(state(0), state(1), state(2), state(3));
  if (x.some((s) => s < lowestState)) throw refused("a state is out of range");
  let [a, b, c, d] = [x[0] as number, x[1] as number, x[2] as number, x[3] as number];
  let at = 0;
  const whole = symbols.length & ~3;
  for (let i = 0; i < whole; i += 4) {
    const ea = slots[a & mask] as number;
    const eb = slots[b & mask] as number;
    const ec = slots[c & mask] as number;
    const ed = slots[d & mask] as number;
    symbols[i] = ea;
    symbols[i + 1] = eb;
    symbols[i + 2] = ec;
    symbols[i + 3] = ed;
    a = (Math.imul(((ea >>> 8) & 4095) + 1, a >>> bits) + (ea >>> 20)) | 0;
    b = (Math.imul(((eb >>> 8) & 4095) + 1, b >>> bits) + (eb >>> 20)) | 0;
    c = (Math.imul(((ec >>> 8) & 4095) + 1, c >>> bits) + (ec >>> 20)) | 0;
    d = (Math.imul(((ed >>> 8) & 4095) + 1, d >>> bits) + (ed >>> 20)) | 0;
    // Beyond the end zeros are read: the check behind the loop finds it.
    while (a < lowestState && at < input.length) a = (a << 8) | (input[at++] as number);
    while (b < lowestState && at < input.length) b = (b << 8) | (input[at++] as number);
    while (c < lowestState && at < input.length) c = (c << 8) | (input[at++] as number);
    while (d < lowestState && at < input.length) d = (d << 8) | (input[at++] as number);
  }
  x.set([a, b, c, d]);
  for (let i = whole; i < symbols.length; i++) {
    const slot = slots[(x[i & 3] as number) & mask] as number;
    let s = Math.imul(((slot >>> 8) & 4095) + 1, (x[i & 3] as number) >>> bits) + (slot >>> 20);
    while (s < lowestState && at < input.length) s = (s << 8) | (input[at++] as number);
    symbols[i] = slot;
    x[i & 3] = s;
  }
  if (at < input.length || x.some((s) => s !== lowestState)) throw refused("the stream does not end where its symbols do");
}

function refused(why: string): RuntimeError {
  return new RuntimeError("R0110", why, "codec rans");
}
