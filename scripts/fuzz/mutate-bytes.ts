/** @file Damage to bytes whose meaning is not looked at: what disks and networks do, and what people do with hex editors. */
import type { FuzzRandom } from "./random.ts";

export type ByteMutation = (bytes: Uint8Array, random: FuzzRandom, others: readonly Uint8Array[]) => Uint8Array;

const inPlace =
  (damage: (bytes: Uint8Array, random: FuzzRandom) => void): ByteMutation =>
  (bytes, random) => {
    const copy = bytes.slice();
    if (copy.length > 0) damage(copy, random);
    return copy;
  };

export const byteMutations: Readonly<Record<string, ByteMutation>> = {
  "flip a bit": inPlace((bytes, random) => {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
  }),
  "set a byte": inPlace((bytes, random) => {
    bytes[random.below(bytes.length)] = random.below(256);
  }),
  "set a word": inPlace((bytes, random) => setInteger(bytes, random, 4)),
  "set a long word": inPlace((bytes, random) => setInteger(bytes, random, 8)),
  "copy a word": inPlace((bytes, random) => {
    const size = random.pick([2, 4, 8]);
    if (bytes.length < size) return;
    const from = random.below(bytes.length - size + 1);
    bytes.copyWithin(random.below(bytes.length - size + 1), from, from + size);
  }),
  "zero a span": inPlace((bytes, random) => {
    const [start, length] = random.span(bytes.length);
    bytes.fill(0, start, start + length);
  }),
  "noise in a span": inPlace((bytes, random) => {
    const [start, length] = random.span(Math.min(bytes.length, 4096));
    for (let i = 0; i < length; i++) bytes[start + i] = random.below(256);
  }),
  "reverse a span": inPlace((bytes, random) => {
    const [start, length] = random.span(bytes.length);
    bytes.subarray(start, start + length).reverse();
  }),
  "swap two spans": inPlace((bytes, random) => {
    const [a, length] = random.span(bytes.length >> 1);
    const b = (bytes.length >> 1) + random.below((bytes.length >> 1) - length + 1);
    const saved = bytes.slice(a, a + length);
    bytes.copyWithin(a, b, b + length);
    bytes.set(saved.subarray(0, Math.min(length, bytes.length - b)), b);
  }),
  "cut short": (bytes, random) => bytes.slice(0, random.below(bytes.length)),
  "cut the start": (bytes, random) => bytes.slice(random.below(bytes.length)),
  "remove a span": (bytes, random) => {
    const [start, length] = random.span(bytes.length);
    return joined(bytes.subarray(0, start), bytes.subarray(start + length));
  },
  "repeat a span": (bytes, random) => {
    const [start, length] = random.span(bytes.length);
    return joined(bytes.subarray(0, start + length), bytes.subarray(start));
  },
  "insert noise": (bytes, random) => {
    const at = random.below(bytes.length + 1);
    return joined(
      bytes.subarray(0, at),
      Uint8Array.from({ length: 1 + random.below(16) }, () => random.below(256)),
      bytes.subarray(at),
    );
  },
  append: (bytes, random) => joined(bytes, new Uint8Array(1 + random.below(64)).fill(random.pick([0, 0, random.below(256)]))),
  "splice with another file": (bytes, random, others) => {
    const other = random.pick(others);
    return joined(bytes.subarray(0, random.below(bytes.length + 1)), other.subarray(random.below(other.length + 1)));
  },
  "paste from another file": (bytes, random, others) => {
    const copy = bytes.slice();
    const other = random.pick(others);
    const [from, length] = random.span(other.length);
    const at = random.below(copy.length);
    copy.set(other.subarray(from, Math.min(from + length, from + copy.length - at)), at);
    return copy;
  },
};

function setInteger(bytes: Uint8Array, random: FuzzRandom, size: 4 | 8): void {
  if (bytes.length < size) return;
  const aligned = random.chance(70);
  const at = aligned ? size * random.below(Math.floor(bytes.length / size)) : random.below(bytes.length - size + 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const value = BigInt.asUintN(64, random.integer());
  if (size === 8) view.setBigUint64(at, value, true);
  else view.setUint32(at, Number(value & 0xffffffffn), true);
}

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** One to three of them. */
export function mutateBytes(bytes: Uint8Array, random: FuzzRandom, others: readonly Uint8Array[]): { bytes: Uint8Array; how: string } {
  const names = Array.from({ length: random.pick([1, 1, 1, 2, 3]) }, () => random.pick(Object.keys(byteMutations)));
  const damaged = names.reduce((current, name) => (byteMutations[name] as ByteMutation)(current, random, others), bytes);
  return { bytes: damaged, how: names.join(", ") };
}
