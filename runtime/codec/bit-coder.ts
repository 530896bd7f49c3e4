/**
 * @file Adaptive binary range coding, the decoder's half (Martin 1979; carry-less decoder as in LZMA; probabilities adapt as the Krichevsky-Trofimov estimator until
 * a limit, then exponentially, as in DeepCABAC). No tables travel in the file, which decides below 10 KB. The model code (`symbols.ts`) is written
 * once against `BitCoder` and runs in both directions.
 */
import { RuntimeError } from "../errors.ts";

/** One binary decision: an encoder codes `bit`, a decoder ignores it and returns the decoded one. */
export interface BitCoder {
  code(context: number, bit: number): number;
}

/** Bits of a probability in a coding step. */
export const probabilityBits = 12;
const one = 1 << 16;

/** Adaptive probabilities that a bit is 1, in 1/65536, one per context. */
export class BitModel {
  private readonly probability: Uint16Array;
  private readonly seen: Uint16Array;
  private readonly limit: number;
  private readonly rates: Uint16Array;

  /** @param limit observations after which adaptation stays exponential, 1..4095 */
  constructor(contexts: number, limit: number) {
    this.probability = new Uint16Array(contexts).fill(one / 2);
    this.seen = new Uint16Array(contexts);
    this.limit = limit;
    this.rates = Uint16Array.from({ length: limit + 1 }, (_, n) => Math.floor(one / (n + 1.5)));
  }

  /** Probability of a 1 in 1/4096, never 0 or 1. */
  of(context: number): number {
    const p = (this.probability[context] as number) >>> (16 - probabilityBits);
    return p < 1 ? 1 : p > 4095 ? 4095 : p;
  }

  update(context: number, bit: number): void {
    const n = this.seen[context] as number;
    const p = this.probability[context] as number;
    const target = bit === 1 ? one - 1 : 0;
    this.probability[context] = p + Math.trunc(((target - p) * (this.rates[n] as number)) / one);
    if (n < this.limit) this.seen[context] = n + 1;
  }
}

export class BitDecoder implements BitCoder {
  private readonly bytes: Uint8Array;
  private readonly model: BitModel;
  private at = 0;
  private range = 0xffffffff;
  private value = 0;

  constructor(bytes: Uint8Array, model: BitModel) {
    this.bytes = bytes;
    this.model = model;
    for (let i = 0; i < 4; i++) this.value = ((this.value << 8) | this.next()) >>> 0;
  }

  code(context: number, _bit: number): number {
    const bound = (this.range >>> probabilityBits) * this.model.of(context);
    let bit: number;
    if (this.value < bound) {
      this.range = bound;
      bit = 1;
    } else {
      this.value = (this.value - bound) >>> 0;
      this.range = (this.range - bound) >>> 0;
      bit = 0;
    }
    while (this.range < 0x1000000) {
      this.range = (this.range << 8) >>> 0;
      this.value = ((this.value << 8) | this.next()) >>> 0;
    }
    this.model.update(context, bit);
    return bit;
  }

  /** @throws RuntimeError R0110 when bytes are left over: the stream is not the one that was written. */
  finish(): void {
    if (this.at < this.bytes.length) throw new RuntimeError("R0110", `${this.bytes.length - this.at} bytes are left over`, "range coder");
  }

  /** The encoder drops trailing zero bytes; a few beyond the end read as zero. */
  private next(): number {
    const byte = this.bytes[this.at];
    this.at++;
    if (byte === undefined && this.at > this.bytes.length + 8) throw new RuntimeError("R0110", "the stream ends too early", "range coder");
    return byte ?? 0;
  }
}
