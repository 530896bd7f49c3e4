/** @file Reads the small tables of coded sections: single bits, highest first, and Elias-gamma numbers (Elias 1975). */
import { RuntimeError } from "../errors.ts";

export class BitReader {
  private readonly bytes: Uint8Array;
  private at: number;

  /** @param start first byte to read */
  constructor(bytes: Uint8Array, start = 0) {
    this.bytes = bytes;
    this.at = start * 8;
  }

  /** @throws RuntimeError R0110 beyond the end. */
  bit(): number {
    const byte = this.bytes[this.at >>> 3];
    if (byte === undefined) throw new RuntimeError("R0110", "the table ends too early", "codec");
    return (byte >>> (7 - (this.at++ & 7))) & 1;
  }

  bits(count: number): number {
    let value = 0;
    for (let i = 0; i < count; i++) value = (value << 1) | this.bit();
    return value;
  }

  /** 1 or more; at most 2^17 - 1. @throws RuntimeError R0110 on a longer one. */
  gamma(): number {
    let length = 0;
    while (this.bit() === 0) if (++length > 16) throw new RuntimeError("R0110", "a number of the table is too long", "codec");
    return (1 << length) | this.bits(length);
  }

  /** Numbers of either sign by Elias gamma: 0, -1, 1, -2 ... as 1, 2, 3, 4 ... */
  signed(): number {
    const folded = this.gamma() - 1;
    return folded & 1 ? -((folded + 1) >>> 1) : folded >>> 1;
  }

  /** The first byte not begun. */
  get nextByte(): number {
    return (this.at + 7) >>> 3;
  }
}
