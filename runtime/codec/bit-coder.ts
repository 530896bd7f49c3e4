/**
 * @file Adaptive binary range coding, the decoder's half (`range-decoder.ts`; probabilities adapt as the Krichevsky-Trofimov estimator until
 * a limit, then exponentially, as in DeepCABAC). No tables travel in the file, which decides below 10 KB. The model code (`symbols.ts`) is written
 * once against `BitCoder` and runs in both directions.
 */
import { RangeDecoder } from "./range-decoder.ts";

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
  private readonly decoder: RangeDecoder;
  private readonly model: BitModel;

  constructor(bytes: Uint8Array, model: BitModel) {
    this.decoder = new RangeDecoder(bytes);
    this.model = model;
  }

  code(context: number, _bit: number): number {
    const bit = this.decoder.decode(this.model.of(context), probabilityBits);
    this.model.update(context, bit);
    return bit;
  }

  /** @throws RuntimeError R0110 when bytes are left over. */
  finish(): void {
    this.decoder.finish();
  }
}
