/** @file The binary range decoder under the adaptive codecs (Martin 1979; carry-less decoder as in LZMA): given the probability of a 1, it says which bit was coded. */
import { RuntimeError } from "../errors.ts";

export class RangeDecoder {
  private readonly bytes: Uint8Array;
  private at: number;
  /** Unsigned 32-bit numbers held as signed ones: engines then keep them out of the heap. */
  private range = -1;
  private value = 0;

  /** @param start first byte of the stream */
  constructor(bytes: Uint8Array, start = 0) {
    this.bytes = bytes;
    this.at = start;
    for (let i = 0; i < 4; i++) this.value = (this.value << 8) | this.next();
  }

  /** `decode` with a probability of 65536, as the context model asks for it. */
  code(probability: number, _bit: number): number {
    return this.decode(probability, 16);
  }

  /** @param probability of a 1, of 2^bits; neither 0 nor 2^bits. `bits` at most 16 */
  decode(probability: number, bits: number): number {
    const bound = Math.imul(this.range >>> bits, probability);
    let bit: number;
    if ((this.value ^ signBit) < (bound ^ signBit)) {
      this.range = bound;
      bit = 1;
    } else {
      this.value = (this.value - bound) | 0;
      this.range = (this.range - bound) | 0;
      bit = 0;
    }
    while ((this.range & 0xff000000) === 0) {
      this.range <<= 8;
      this.value = (this.value << 8) | this.next();
    }
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

const signBit = 0x80000000 | 0;
