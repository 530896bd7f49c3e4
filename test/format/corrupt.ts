/** @file Ways to damage a file, by a seed, and to make its checksums right again, so that the damage reaches what lies behind them. */
import { ByteBuffer } from "flatbuffers";
import { crc32 } from "../../ir-spec/format/crc32.ts";
import { tersor as fb } from "../../ir-spec/format/gen/module.ts";
import {
  alignSection,
  decodeHeader,
  encodeHeader,
  formatMajor,
  formatMinor,
  headerChecksumAt,
  headerLength,
  MetadataCoding,
} from "../../ir-spec/format/header.ts";

/** splitmix32: the n-th call gives an integer below `limit`. */
export function seeded(seed: number): (limit: number) => number {
  let state = seed | 0;
  return (limit) => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) % limit;
  };
}

type Damage = (bytes: Uint8Array, random: (limit: number) => number) => void;

/** What goes wrong with bytes, and what people do to them: flips, small and extreme numbers, words copied from elsewhere. */
const damages: readonly Damage[] = [
  (bytes, random) => flip(bytes, random(bytes.length), 1 << random(8)),
  (bytes, random) => bytes.set([random(256)], random(bytes.length)),
  (bytes, random) => setWord(bytes, random, random(40)),
  (bytes, random) => setWord(bytes, random, [0x7fffffff, 0x80000000, 0xffffffff, 0x10000000, 0xfffffffe, 65536][random(6)] as number),
  (bytes, random) => setWord(bytes, random, wordAt(bytes, word(bytes, random)) + random(5) - 2),
  (bytes, random) => setWord(bytes, random, wordAt(bytes, word(bytes, random))),
  (bytes, random) => {
    const from = random(bytes.length);
    bytes.copyWithin(random(bytes.length), from, from + 1 + random(24));
  },
];

function flip(bytes: Uint8Array, at: number, mask: number): void {
  bytes[at] = (bytes[at] as number) ^ mask;
}

const word = (bytes: Uint8Array, random: (limit: number) => number): number => 4 * random(Math.max(1, bytes.length >> 2));
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const wordAt = (bytes: Uint8Array, at: number): number => (at + 4 <= bytes.length ? viewOf(bytes).getUint32(at, true) : 0);

function setWord(bytes: Uint8Array, random: (limit: number) => number, value: number): void {
  const at = word(bytes, random);
  if (at + 4 <= bytes.length) viewOf(bytes).setUint32(at, value >>> 0, true);
}

/** One to four damages to the metadata as it is stored; its checksum and the header's are made right. */
export function damageMetadata(file: Uint8Array, seed: number): Uint8Array {
  const bytes = file.slice();
  const random = seeded(seed);
  const metadata = bytes.subarray(headerLength, headerLength + decodeHeader(bytes).stored);
  for (let i = 1 + random(4); i > 0; i--) (damages[random(damages.length)] as Damage)(metadata, random);
  return sealed(bytes);
}

/** Damages the header's fields (not its magic). */
export function damageHeader(file: Uint8Array, seed: number): Uint8Array {
  const bytes = file.slice();
  const random = seeded(seed);
  (damages[random(damages.length)] as Damage)(bytes.subarray(8, headerChecksumAt), random);
  return sealHeader(bytes);
}

/** Damages one section of a file with plain metadata, whose record of the section's checksum is made right. */
export function damageSection(file: Uint8Array, seed: number): Uint8Array {
  const bytes = file.slice();
  const random = seeded(seed);
  const { stored } = decodeHeader(bytes);
  const metadata = bytes.subarray(headerLength, headerLength + stored);
  const program = fb.Program.getRootAsProgram(new ByteBuffer(metadata));
  const section = program.sections(random(program.sectionsLength()));
  if (!section) throw new Error("the file has no sections");
  const start = alignSection(headerLength + stored) + Number(section.offset());
  const content = bytes.subarray(start, start + Number(section.stored()));
  if (content.length > 0) (damages[random(damages.length)] as Damage)(content, random);
  viewOf(metadata).setUint32(section.bb_pos + 24, crc32(content), true);
  return sealed(bytes);
}

/** The file with zeros after its end that the header counts. */
export function extended(file: Uint8Array, count: number): Uint8Array {
  const bytes = new Uint8Array(file.length + count);
  bytes.set(file);
  viewOf(bytes).setBigUint64(32, BigInt(bytes.length), true);
  return sealHeader(bytes);
}

/** Replaces a 32-bit number wherever it stands in plain metadata. */
export function replaceNumber(file: Uint8Array, from: number, to: number): Uint8Array {
  const bytes = file.slice();
  const view = viewOf(bytes);
  for (let at = headerLength; at + 4 <= headerLength + decodeHeader(bytes).stored; at += 4)
    if (view.getUint32(at, true) === from) view.setUint32(at, to, true);
  return sealed(bytes);
}

/** A file of plain metadata and no sections, checksums right. */
export function fileOf(metadata: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(headerLength + metadata.length);
  const length = metadata.length;
  bytes.set(
    encodeHeader({
      major: formatMajor,
      minor: formatMinor,
      coding: MetadataCoding.plain,
      stored: length,
      raw: length,
      crc: 0,
      fileLength: bytes.length,
    }),
  );
  bytes.set(metadata, headerLength);
  return sealed(bytes);
}

function sealed(bytes: Uint8Array): Uint8Array {
  const { stored } = decodeHeader(bytes);
  viewOf(bytes).setUint32(24, crc32(bytes.subarray(headerLength, headerLength + stored)), true);
  return sealHeader(bytes);
}

function sealHeader(bytes: Uint8Array): Uint8Array {
  viewOf(bytes).setUint32(headerChecksumAt, crc32(bytes.subarray(0, headerChecksumAt)), true);
  return bytes;
}
