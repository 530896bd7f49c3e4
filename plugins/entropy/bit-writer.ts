/** @file Writes what `runtime/codec/bit-reader.ts` reads. */

export class BitWriter {
  private readonly out: number[] = [];
  private partial = 0;
  private free = 8;

  bits(value: number, count: number): void {
    for (let i = count - 1; i >= 0; i--) {
      this.free--;
      this.partial |= ((value >>> i) & 1) << this.free;
      if (this.free === 0) this.flush();
    }
  }

  /** Elias gamma. @param value 1 .. 2^17 - 1 */
  gamma(value: number): void {
    const length = 31 - Math.clz32(value);
    this.bits(0, length);
    this.bits(value, length + 1);
  }

  signed(value: number): void {
    this.gamma(value < 0 ? -2 * value : 2 * value + 1);
  }

  /** The last byte is filled with zeros. */
  finish(): Uint8Array {
    if (this.free < 8) this.flush();
    return Uint8Array.from(this.out);
  }

  private flush(): void {
    this.out.push(this.partial);
    this.partial = 0;
    this.free = 8;
  }
}
