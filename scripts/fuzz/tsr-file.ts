/** @file A `.tsr` taken apart (metadata unpacked, header, data area) and put together again with every checksum right. */
import { crc32 } from "../../ir-spec/format/crc32.ts";
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
import { pack, unpack } from "../../ir-spec/format/pack.ts";

export interface TsrParts {
  readonly metadata: Uint8Array;
  /** From the end of the metadata's padding to the end of the file. */
  readonly data: Uint8Array;
  readonly packed: boolean;
}

export function takeApart(file: Uint8Array): TsrParts {
  const header = decodeHeader(file);
  const stored = file.slice(headerLength, headerLength + header.stored);
  const packed = header.coding === MetadataCoding.packed;
  const dataStart = Math.min(file.length, alignSection(headerLength + header.stored));
  return { metadata: packed ? unpack(stored, header.raw) : stored, data: file.slice(dataStart), packed };
}

export function putTogether({ metadata, data, packed }: TsrParts): Uint8Array {
  const stored = packed ? pack(metadata) : metadata;
  const dataStart = data.length === 0 ? headerLength + stored.length : alignSection(headerLength + stored.length);
  const file = new Uint8Array(dataStart + data.length);
  const coding = packed ? MetadataCoding.packed : MetadataCoding.plain;
  const lengths = { stored: stored.length, raw: metadata.length, fileLength: file.length };
  file.set(encodeHeader({ major: formatMajor, minor: formatMinor, coding, crc: crc32(stored), ...lengths }));
  file.set(stored, headerLength);
  file.set(data, dataStart);
  return sealHeader(file);
}

/** The header's checksum made right again. */
export function sealHeader(file: Uint8Array): Uint8Array {
  if (file.length >= headerLength)
    new DataView(file.buffer, file.byteOffset).setUint32(headerChecksumAt, crc32(file.subarray(0, headerChecksumAt)), true);
  return file;
}
