/**
 * @file gzip and zip with coded errors. fflate inflates; sizes and CRC-32 are checked here, because fflate believes the sizes that a file
 * announces (and allocates them) and ignores its checksums. Layouts: RFC 1952; PKWARE's APPNOTE.TXT, 4.3.
 */
import { gunzipSync, inflateSync } from "fflate";
import { crc32 } from "../../ir-spec/format/crc32.ts";
import { DataError } from "./errors.ts";

/** Deflate cannot do better than 258 bytes from 2 bits, so what announces more lies. */
const MOST_PER_BYTE = 1032;

/** What is to come out of a compressed piece. */
interface Announced {
  readonly packed: number;
  readonly size: number;
  readonly crc: number;
}

/** Runs an inflater of fflate into a buffer of the announced size and compares size and checksum. */
function inflated(where: string, { packed, size, crc }: Announced, inflate: (out: Uint8Array) => Uint8Array): Uint8Array {
  if (size > MOST_PER_BYTE * packed) throw new DataError("D0104", where, `${packed} bytes cannot unpack to ${size}`);
  let data: Uint8Array;
  try {
    data = inflate(new Uint8Array(size));
  } catch (error) {
    throw new DataError("D0104", where, error instanceof Error ? error.message : String(error));
  }
  if (data.length !== size) throw new DataError("D0104", where, `${size} bytes announced, ${data.length} came out`);
  if (crc32(data) !== crc) throw new DataError("D0104", where, "the checksum differs");
  return data;
}

/** The bytes themselves, or what they unpack to when they are gzip (one member). @throws DataError D0101, D0104. */
export function gunzipped(bytes: Uint8Array, where: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  if (bytes.length < 18) throw new DataError("D0101", where, `${bytes.length} bytes, a gzip file has at least 18`);
  const end = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8, 8);
  const announced = { packed: bytes.length, size: end.getUint32(4, true), crc: end.getUint32(0, true) };
  return inflated(where, announced, (out) => gunzipSync(bytes, { out }));
}

const END = 0x06054b50;
const END_LENGTH = 22;
const ENTRY = 0x02014b50;
const ENTRY_LENGTH = 46;
const LOCAL = 0x04034b50;
const LOCAL_LENGTH = 30;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Where the end-of-directory record begins: within the last 64 KiB, before the archive's comment. */
function findEnd(view: DataView, where: string): number {
  const first = Math.max(0, view.byteLength - END_LENGTH - 0xffff);
  for (let at = view.byteLength - END_LENGTH; at >= first; at--) {
    if (view.getUint32(at, true) === END) return at;
  }
  throw new DataError("D0101", where, "a zip archive ends with its directory, there is none");
}

/** Refuses a piece that does not lie inside the file. */
function inside(view: DataView, start: number, length: number, where: string): void {
  if (start + length > view.byteLength) {
    throw new DataError("D0101", where, `bytes ${start} to ${start + length} of a file of ${view.byteLength}`);
  }
}

/** The data of the entry whose directory record is at `at`. */
function readEntry(bytes: Uint8Array, at: number, where: string): Uint8Array {
  const view = viewOf(bytes);
  const flags = view.getUint16(at + 8, true);
  const method = view.getUint16(at + 10, true);
  const [crc, packed, size] = [view.getUint32(at + 16, true), view.getUint32(at + 20, true), view.getUint32(at + 24, true)];
  const local = view.getUint32(at + 42, true);
  if (flags & 1) throw new DataError("D0109", where, "the entry is encrypted");
  if ([packed, size, local].includes(0xffffffff)) throw new DataError("D0109", where, "zip64");
  inside(view, local, LOCAL_LENGTH, where);
  if (view.getUint32(local, true) !== LOCAL) throw new DataError("D0103", where, `no entry at byte ${local}`);
  const start = local + LOCAL_LENGTH + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  inside(view, start, packed, where);
  const body = bytes.subarray(start, start + packed);
  if (method === 0) return inflated(where, { packed, size, crc }, () => body);
  if (method === 8) return inflated(where, { packed, size, crc }, (out) => inflateSync(body, { out }));
  throw new DataError("D0109", where, `compression method ${method}; read are 0 (stored) and 8 (deflate)`);
}

/** Entries of a zip archive by name, in the order of its directory. @throws DataError D0101, D0102, D0103, D0104, D0109. */
export function unzipped(bytes: Uint8Array, where: string): ReadonlyMap<string, Uint8Array> {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) throw new DataError("D0102", where, "a zip archive begins with PK");
  const view = viewOf(bytes);
  const end = findEnd(view, where);
  const count = view.getUint16(end + 10, true);
  const entries = new Map<string, Uint8Array>();
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    inside(view, at, ENTRY_LENGTH, where);
    if (view.getUint32(at, true) !== ENTRY) throw new DataError("D0103", where, `no directory record at byte ${at}`);
    const nameLength = view.getUint16(at + 28, true);
    inside(view, at + ENTRY_LENGTH, nameLength, where);
    const name = new TextDecoder().decode(bytes.subarray(at + ENTRY_LENGTH, at + ENTRY_LENGTH + nameLength));
    if (entries.has(name)) throw new DataError("D0103", where, `two entries are called ${name}`);
    entries.set(name, readEntry(bytes, at, `${where}:${name}`));
    at += ENTRY_LENGTH + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}
