/** @file The binary range encoder under the adaptive codecs: 32-bit range, carries resolved through a pending run of 0xFF bytes (LZMA's scheme). Its decoder is `runtime/codec/range-decoder.ts`. */

export class RangeStream {
  private readonly out: number[] = [];
  private low = 0;
  private range = 0xffffffff;
  private cache = 0;
  private pending = 0;
  private started = false;

  /** @param probability of a 1, of 2^bits */
  encode(bit: number, probability: number, bits: number): void {
    const bound = (this.range >>> bits) * probability;
    if (bit === 1) this.range = bound;
    else {
      this.low += bound;
      this.range = (this.range - bound) >>> 0;
    }
    while (this.range < 0x1000000) {
      this.range = (this.range << 8) >>> 0;
      this.shift();
    }
  }

  /** The shortest stream that decodes: any value in [low, low + range) will do, and up to 8 trailing zero bytes are not stored. */
  finish(): Uint8Array {
    this.low = shortest(this.low, this.range);
    for (let i = 0; i < 5; i++) this.shift();
    let end = this.out.length;
    const least = Math.max(0, end - droppedZeros);
    while (end > least && this.out[end - 1] === 0) end--;
    return Uint8Array.from(this.out.slice(0, end));
  }

  private shift(): void {
    const carry = this.low >= 0x100000000 ? 1 : 0;
    const low = this.low % 0x100000000;
    if (low < 0xff000000 || carry === 1) {
      if (this.started) this.out.push((this.cache + carry) & 255);
      for (; this.pending > 0; this.pending--) this.out.push((255 + carry) & 255);
      this.started = true;
      this.cache = low >>> 24;
    } else this.pending++;
    this.low = (low % 0x1000000) * 256;
  }
}

/** As many as the decoder reads as zero beyond the end. */
const droppedZeros = 8;

/** The value in [low, low + range) with the most trailing zero bits. */
function shortest(low: number, range: number): number {
  for (let bits = 32; bits > 0; bits--) {
    const step = 2 ** bits;
    const candidate = Math.ceil(low / step) * step;
    if (candidate < low + range) return candidate;
  }
  return low;
}
