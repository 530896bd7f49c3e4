/**
 * @file The fixed 48 bytes that open a `.tsr` file (FORMAT.md, "Header"). Writes and reads them; what their values must be is checked by the reader's owner.
 */

/** Not text (0x89), its name, and both line ends, so that a transfer in text mode shows at once. */
export const magic: readonly number[] = [0x89, 0x54, 0x53, 0x52, 0x0d, 0x0a, 0x1a, 0x0a];
export const formatMajor = 1;
export const formatMinor = 0;
export const headerLength = 48;
/** Where the header's own checksum stands: over all bytes before it. */
export const headerChecksumAt = 44;
/** Raw sections begin at multiples of this, counted from the start of the file. */
export const sectionAlignment = 16;

export const MetadataCoding = {
  /** The FlatBuffer itself. */
  plain: 0,
  /** Coded by `pack.ts`. */
  packed: 1,
} as const;

export interface Header {
  readonly major: number;
  readonly minor: number;
  readonly coding: number;
  /** Bytes of the metadata in the file, right after the header. */
  readonly stored: number;
  /** Bytes of the metadata FlatBuffer. */
  readonly raw: number;
  /** CRC-32 of the stored metadata. */
  readonly crc: number;
  readonly fileLength: number;
}

/** The header with its checksum field still zero. */
export function encodeHeader(header: Header): Uint8Array {
  const bytes = new Uint8Array(headerLength);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint16(8, header.major, true);
  view.setUint16(10, header.minor, true);
  view.setUint32(12, header.coding, true);
  view.setUint32(16, header.stored, true);
  view.setUint32(20, header.raw, true);
  view.setUint32(24, header.crc, true);
  view.setBigUint64(32, BigInt(header.fileLength), true);
  return bytes;
}

/** `bytes` holds at least the header. The 8 reserved bytes are covered by the checksum and must be zero. */
export function decodeHeader(bytes: Uint8Array): Header & { readonly checksum: number; readonly reserved: boolean } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, headerLength);
  return {
    major: view.getUint16(8, true),
    minor: view.getUint16(10, true),
    coding: view.getUint32(12, true),
    stored: view.getUint32(16, true),
    raw: view.getUint32(20, true),
    crc: view.getUint32(24, true),
    fileLength: Number(view.getBigUint64(32, true)),
    checksum: view.getUint32(headerChecksumAt, true),
    reserved: view.getUint32(28, true) === 0 && view.getUint32(40, true) === 0,
  };
}

export function hasMagic(bytes: Uint8Array): boolean {
  return bytes.length >= magic.length && magic.every((byte, i) => bytes[i] === byte);
}

/** The next multiple of `sectionAlignment`. */
export function alignSection(offset: number): number {
  return Math.ceil(offset / sectionAlignment) * sectionAlignment;
}
