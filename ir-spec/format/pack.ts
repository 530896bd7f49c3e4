/**
 * @file The coder of packed metadata: a binary arithmetic coder whose probability comes from mixing the predictions of several contexts (Mahoney, "Adaptive
 * weighing of context models for lossless data compression", 2005). A small model's metadata is mostly zeros and names that resemble each other, which contexts see and an LZ
 * coder does not. Slow, so only metadata up to `packLimit` is coded. Integers and IEEE + - * / alone, so that every machine finds the same bits.
 */

/** Metadata above this length stays plain. */
export const packLimit = 1 << 16;
/** A packed block may not claim to grow by more than this: bounds what a hostile header can ask for. */
export const packRatioLimit = 256;

const contextCount = 8;
const tableBits = 16;
const tableMask = (1 << tableBits) - 1;
const learningRate = 14;
const countLimit = 30;

/** squash(x) = 4096 / (1 + e^(-x / 256)) for x = -2047 .. 2047, at index x + 2047. */
const squashTable = makeSquash();
const stretchTable = makeStretch();

function makeSquash(): Int16Array {
  const table = new Int16Array(4095);
  const step = 1.0039138893383475; // e^(1/256)
  let power = 1;
  for (let x = 0; x <= 2047; x++) {
    const p = Math.min(4095, Math.floor((4096 * power) / (1 + power) + 0.5));
    table[2047 + x] = p;
    table[2047 - x] = 4096 - p;
    power *= step;
  }
  return table;
}

/** Inverse of squash: 256 * ln(p / (4096 - p)). */
function makeStretch(): Int16Array {
  const table = new Int16Array(4096);
  let x = 0;
  for (let p = 0; p < 4096; p++) {
    while (x < 4094 && (squashTable[x] as number) < p) x++;
    table[p] = x - 2047;
  }
  return table;
}

/** The model: what it has seen of the buffer, and the probability that the next bit is 1. */
class Model {
  private readonly probabilities = new Uint16Array(contextCount << tableBits).fill(1 << 15);
  private readonly counts = new Uint8Array(contextCount << tableBits);
  private readonly weights = new Int32Array(contextCount * 8).fill(14000);
  private readonly hashes = new Int32Array(contextCount);
  private readonly slots = new Int32Array(contextCount);
  private readonly stretched = new Int32Array(contextCount);
  private readonly bytes: Uint8Array;
  private position = 0;
  /** The bits of the current byte seen so far, after a leading 1. */
  private partial = 1;
  private mixed = 2048;
  private previousIsZero = true;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.hashContexts();
  }

  /** 1 .. 4095, of 4096. */
  predict(): number {
    const base = this.weightBase();
    let sum = 0;
    for (let i = 0; i < contextCount; i++) {
      const hash = Math.imul((this.hashes[i] as number) + Math.imul(this.partial, 0x9e3779b1), 0x85ebca6b);
      const slot = (i << tableBits) | ((hash >>> 15) & tableMask);
      const s = stretchTable[(this.probabilities[slot] as number) >>> 4] as number;
      this.slots[i] = slot;
      this.stretched[i] = s;
      sum += s * (this.weights[base + i] as number);
    }
    const x = Math.max(-2047, Math.min(2047, Math.floor(sum / 65536)));
    this.mixed = squashTable[x + 2047] as number;
    return Math.max(1, Math.min(4095, this.mixed));
  }

  update(bit: number): void {
    const base = this.weightBase();
    const error = ((bit << 12) - this.mixed) * learningRate;
    for (let i = 0; i < contextCount; i++) {
      const at = base + i;
      this.weights[at] = (this.weights[at] as number) + (((this.stretched[i] as number) * error + 0x2000) >> 14);
      this.learn(this.slots[i] as number, bit);
    }
    this.partial = (this.partial << 1) | bit;
    if (this.partial < 256) return;
    this.bytes[this.position++] = this.partial & 255;
    this.previousIsZero = this.partial === 256;
    this.partial = 1;
    this.hashContexts();
  }

  /** Moves a slot's probability by 1 / (times seen + 1.3), so that the first bits count most. */
  private learn(slot: number, bit: number): void {
    const seen = this.counts[slot] as number;
    const p = this.probabilities[slot] as number;
    this.probabilities[slot] = p + Math.trunc((((bit << 16) - bit - p) * 10) / (10 * seen + 13));
    if (seen < countLimit) this.counts[slot] = seen + 1;
  }

  /** One set of weights for each byte of a 32-bit word, after a zero byte and after another. */
  private weightBase(): number {
    return ((this.position & 3) | (this.previousIsZero ? 4 : 0)) * contextCount;
  }

  /** Text looks back by bytes; structs by the same byte of earlier records, 4 to 20 bytes back. */
  private hashContexts(): void {
    const at = (back: number): number => (this.position >= back ? (this.bytes[this.position - back] as number) : 0);
    const lane = this.position & 3;
    const order2 = at(1) | (at(2) << 8);
    const order4 = order2 | (at(3) << 16) | (at(4) << 24);
    this.hash(0, lane);
    this.hash(1, at(1));
    this.hash(2, order2);
    this.hash(3, order4 & 0xffffff);
    this.hash(4, order4);
    this.hash(5, lane | (at(4) << 8) | (at(8) << 16));
    this.hash(6, lane | (at(20) << 8) | (at(1) << 16));
    this.hash(7, lane | (at(12) << 8) | (at(24) << 16));
  }

  private hash(i: number, value: number): void {
    const mixed = Math.imul(value ^ (i << 29), 0xcc9e2d51);
    this.hashes[i] = Math.imul((mixed ^ (mixed >>> 15)) + i, 0x1b873593);
  }
}

/** A model that has seen `primer`, with room for `length` bytes more. */
function primed(primer: Uint8Array, length: number): { readonly model: Model; readonly bytes: Uint8Array } {
  const all = new Uint8Array(primer.length + length);
  const model = new Model(all);
  for (const byte of primer) {
    for (let k = 7; k >= 0; k--) {
      model.predict();
      model.update((byte >>> k) & 1);
    }
  }
  return { model, bytes: all.subarray(primer.length) };
}

const nothing = new Uint8Array(0);

/**
 * Codes the bytes; `unpack` with their number and the same primer gives them back.
 * @param primer bytes like these, which the model learns from first; a multiple of 4 in length
 */
export function pack(bytes: Uint8Array, primer: Uint8Array = nothing): Uint8Array {
  const { model } = primed(primer, bytes.length);
  const out: number[] = [];
  let low = 0;
  let high = 0xffffffff;
  for (const byte of bytes) {
    for (let k = 7; k >= 0; k--) {
      const bit = (byte >>> k) & 1;
      const middle = split(low, high, model.predict());
      if (bit) high = middle;
      else low = middle + 1;
      model.update(bit);
      while (low >>> 24 === high >>> 24) {
        out.push(high >>> 24);
        low = (low << 8) >>> 0;
        high = ((high << 8) | 255) >>> 0;
      }
    }
  }
  return Uint8Array.from([...out, ...lastBytes(low, high)]);
}

/** @param length bytes of the original. Missing input reads as zeros: any input gives some bytes, and the caller's checksum says whether it was right. */
export function unpack(stored: Uint8Array, length: number, primer: Uint8Array = nothing): Uint8Array {
  const { model, bytes } = primed(primer, length);
  let next = 0;
  let low = 0;
  let high = 0xffffffff;
  let code = 0;
  for (let i = 0; i < 4; i++) code = ((code << 8) | (stored[next++] ?? 0)) >>> 0;
  for (let bits = length * 8; bits > 0; bits--) {
    const middle = split(low, high, model.predict());
    const bit = code <= middle ? 1 : 0;
    if (bit) high = middle;
    else low = middle + 1;
    model.update(bit);
    while (low >>> 24 === high >>> 24) {
      low = (low << 8) >>> 0;
      high = ((high << 8) | 255) >>> 0;
      code = ((code << 8) | (stored[next++] ?? 0)) >>> 0;
    }
  }
  return bytes;
}

/** The last code of the range's part that stands for 1. */
function split(low: number, high: number, probability: number): number {
  return low + Math.floor((high - low) / 4096) * probability + ((((high - low) & 4095) * probability) >>> 12);
}

/** The fewest bytes that, with zeros after them, lie within low .. high. */
function lastBytes(low: number, high: number): number[] {
  for (let count = 0; count < 4; count++) {
    const unit = 2 ** (32 - 8 * count);
    const value = Math.ceil(low / unit) * unit;
    if (value <= high) return Array.from({ length: count }, (_, i) => Math.floor(value / 2 ** (24 - 8 * i)) & 255);
  }
  return [low >>> 24, (low >>> 16) & 255, (low >>> 8) & 255, low & 255];
}
