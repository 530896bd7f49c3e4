/** @file The head of a compact file (FORMAT.md, "Compact files"): what a small model's file begins with instead of the 48 bytes of `header.ts`. */

/** As the other magic, in lower case. */
export const compactMagic: readonly number[] = [0x89, 0x74, 0x73, 0x72];
export const compactVersion = 1;
/** Most bytes of a compact file: it is copied to be read, and a stream of it does not say its length. */
export const compactLimit = 1 << 24;

export function hasCompactMagic(bytes: Uint8Array): boolean {
  return bytes.length >= compactMagic.length && compactMagic.every((byte, i) => bytes[i] === byte);
}

export interface CompactHead {
  readonly version: number;
  /** Bytes of the packed metadata, and of the FlatBuffer that it unpacks to. */
  readonly stored: number;
  readonly raw: number;
  /** CRC-32 of the whole file without these four bytes. */
  readonly crc: number;
  /** Bytes of the head: where the packed metadata begins. */
  readonly length: number;
}

/** @throws RangeError never; a length above 2^21 - 1 cannot be written and reads as too long. */
export function encodeCompactHead({ stored, raw }: Pick<CompactHead, "stored" | "raw">): Uint8Array {
  return Uint8Array.from([...compactMagic, compactVersion, ...varint(stored), ...varint(raw), 0, 0, 0, 0]);
}

/** null where the bytes are no compact file, or end inside the head. */
export function decodeCompactHead(bytes: Uint8Array): CompactHead | null {
  if (!hasCompactMagic(bytes)) return null;
  let at = compactMagic.length + 1;
  const number = (): number => {
    let value = 0;
    for (let shift = 0; shift < 21; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
    return Number.POSITIVE_INFINITY;
  };
  const [stored, raw] = [number(), number()];
  if (at + 4 > bytes.length) return null;
  const crc = new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0, true);
  return { version: bytes[compactMagic.length] ?? 0, stored, raw, crc, length: at + 4 };
}

function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest];
}
