/**
 * @file The seeded random source of the whole compiler.
 *
 * xoshiro128** 1.1 (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2021): 32-bit operations only, so it is fast
 * in JavaScript, and 128 bits of state. The state is filled by ChaCha quarter rounds over (seed, stream, index): a quarter round
 * is a bijection, so two different keys can never start from the same state. Not for secrets.
 */
import { ln } from "./elementary.ts";

const UINT32 = 0x1_0000_0000;

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

function checkWord(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 0 || value >= UINT32) {
    throw new RangeError(`Random: ${name} must be an integer in [0, 2^32), not ${value}`);
  }
}

/** A deterministic random source: the same (seed, stream, index) gives the same numbers on every machine. */
export class Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  /**
   * @param seed what the user chose.
   * @param stream separates independent uses of one seed (weights, shuffling, ...).
   * @param index separates the items of one stream, so that item i can be drawn without drawing those before it.
   * @throws RangeError where one of them is not an integer in [0, 2^32).
   */
  constructor(seed: number, stream = 0, index = 0) {
    checkWord("seed", seed);
    checkWord("stream", stream);
    checkWord("index", index);
    this.#key(seed, stream, index, 0x7e4507); // any non-zero word keeps the all-zero key away from the all-zero state
  }

  #key(a: number, b: number, c: number, d: number): void {
    this.#a = a | 0;
    this.#b = b | 0;
    this.#c = c | 0;
    this.#d = d | 0;
    for (let round = 0; round < 8; round++) this.#quarterRound();
    // The one state that xoshiro cannot leave. It is the image of one key in 2^128.
    if ((this.#a | this.#b | this.#c | this.#d) === 0) this.#a = 1;
  }

  #quarterRound(): void {
    this.#a = (this.#a + this.#b) | 0;
    this.#d = rotateLeft(this.#d ^ this.#a, 16);
    this.#c = (this.#c + this.#d) | 0;
    this.#b = rotateLeft(this.#b ^ this.#c, 12);
    this.#a = (this.#a + this.#b) | 0;
    this.#d = rotateLeft(this.#d ^ this.#a, 8);
    this.#c = (this.#c + this.#d) | 0;
    this.#b = rotateLeft(this.#b ^ this.#c, 7);
  }

  /** A uniform integer in [0, 2^32). */
  uint32(): number {
    const result = Math.imul(rotateLeft(Math.imul(this.#b, 5), 7), 9) >>> 0;
    const shifted = this.#b << 9;
    this.#c ^= this.#a;
    this.#d ^= this.#b;
    this.#b ^= this.#c;
    this.#a ^= this.#d;
    this.#c ^= shifted;
    this.#d = rotateLeft(this.#d, 11);
    return result;
  }

  /** A uniform number in [0, 1), a multiple of 2^-32. */
  float(): number {
    return this.uint32() / UINT32;
  }

  /** A uniform number in [low, high). */
  range(low: number, high: number): number {
    return low + (high - low) * this.float();
  }

  /** A uniform integer in [0, n), without modulo bias. Throws RangeError unless n is an integer in [1, 2^32]. */
  int(n: number): number {
    if (!Number.isInteger(n) || n < 1 || n > UINT32) {
      throw new RangeError(`Random.int: n must be an integer in [1, 2^32], not ${n}`);
    }
    const limit = UINT32 - (UINT32 % n);
    let drawn = this.uint32();
    while (drawn >= limit) drawn = this.uint32();
    return drawn % n;
  }

  /** A standard normal number: Marsaglia's polar method, with our own logarithm so that engines agree. */
  normal(): number {
    for (;;) {
      const u = 2 * this.float() - 1;
      const v = 2 * this.float() - 1;
      const s = u * u + v * v;
      if (s > 0 && s < 1) return u * Math.sqrt((-2 * ln(s)) / s);
    }
  }

  /** Shuffles `items` in place (Fisher and Yates) and returns it. */
  shuffle<T extends { [index: number]: unknown; readonly length: number }>(items: T): T {
    const list: { [index: number]: unknown } = items;
    for (let last = items.length - 1; last > 0; last--) {
      const pick = this.int(last + 1);
      const kept = list[last];
      list[last] = list[pick];
      list[pick] = kept;
    }
    return items;
  }

  /** The integers 0 .. n-1 in random order. */
  permutation(n: number): Uint32Array {
    const order = new Uint32Array(n);
    for (let i = 0; i < n; i++) order[i] = i;
    return this.shuffle(order);
  }

  /** A new source keyed by the next number of this one. */
  fork(stream = 0): Random {
    return new Random(this.uint32(), stream, this.uint32());
  }
}
