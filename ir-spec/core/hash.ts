/**
 * @file A fast 128-bit non-cryptographic content hash (four multiply-rotate lanes in MurmurHash3's manner). It only buckets: whoever finds equal
 * hashes compares bytes. Files carry their own checksums and SHA-256 where they promise integrity.
 */

const primes = [0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f] as const;

export function hashBytes(bytes: Uint8Array): string {
  let [a, b, c, d]: [number, number, number, number] = [...primes];
  let i = 0;
  for (; i + 16 <= bytes.length; i += 16) {
    a = mix(a, word(bytes, i));
    b = mix(b, word(bytes, i + 4));
    c = mix(c, word(bytes, i + 8));
    d = mix(d, word(bytes, i + 12));
  }
  for (; i < bytes.length; i++) a = mix(a, (bytes[i] as number) + 1);
  a = mix(a, bytes.length);
  const lanes = [mix(a, b), mix(b, c), mix(c, d), mix(d, a)];
  return lanes.map((lane) => (finish(lane) >>> 0).toString(16).padStart(8, "0")).join("");
}

function word(bytes: Uint8Array, i: number): number {
  return (bytes[i] as number) | ((bytes[i + 1] as number) << 8) | ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24);
}

function mix(lane: number, value: number): number {
  const k = Math.imul(value, 0xcc9e2d51);
  const x = lane ^ Math.imul((k << 15) | (k >>> 17), 0x1b873593);
  return (Math.imul((x << 13) | (x >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(lane: number): number {
  let h = lane;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
