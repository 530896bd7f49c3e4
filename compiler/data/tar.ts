/** @file Regular files of a tar archive (POSIX.1-1988 ustar, with GNU long names and pax paths), in their order, as views of the bytes. */
import { DataError } from "./errors.ts";

export interface TarEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
}

const BLOCK = 512;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes).replace(/\0[\s\S]*$/, "");

/** @throws DataError D0101 where it ends inside an entry, D0102 where it is no tar, D0103 on a header whose checksum differs. */
export function untarred(bytes: Uint8Array, where: string): readonly TarEntry[] {
  const entries: TarEntry[] = [];
  let longName: string | null = null;
  for (let at = 0; at + BLOCK <= bytes.length; ) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) return entries;
    checkHeader(header, at, where);
    const size = octal(header.subarray(124, 136), at, where);
    const start = at + BLOCK;
    if (start + size > bytes.length)
      throw new DataError("D0101", where, `the entry at byte ${at} announces ${size} bytes, ${bytes.length - start} are left`);
    const body = bytes.subarray(start, start + size);
    const kind = String.fromCharCode(header[156] ?? 0);
    if (kind === "L") longName = text(body);
    else if (kind === "x") longName = paxPath(body) ?? longName;
    else if (kind !== "g") {
      if (kind === "0" || kind === "\0") entries.push({ name: longName ?? ustarName(header), bytes: body });
      longName = null;
    }
    at = start + BLOCK * Math.ceil(size / BLOCK);
  }
  if (bytes.length === 0 || entries.length === 0) throw new DataError("D0102", where, `${bytes.length} bytes that hold no tar entries`);
  return entries;
}

/** The sum of all header bytes with the checksum's own eight taken as blanks. */
function checkHeader(header: Uint8Array, at: number, where: string): void {
  const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  const stored = octal(header.subarray(148, 156), at, where);
  if (sum !== stored)
    throw new DataError(at === 0 ? "D0102" : "D0103", where, `no tar header at byte ${at}: its sum is ${sum}, stored is ${stored}`);
}

function octal(field: Uint8Array, at: number, where: string): number {
  const digits = text(field).trim();
  if (!/^[0-7]*$/.test(digits)) throw new DataError("D0102", where, `no tar header at byte ${at}`);
  return Number.parseInt(digits === "" ? "0" : digits, 8);
}

function ustarName(header: Uint8Array): string {
  const name = text(header.subarray(0, 100));
  const prefix = text(header.subarray(257, 262)) === "ustar" ? text(header.subarray(345, 500)) : "";
  return prefix === "" ? name : `${prefix}/${name}`;
}

/** `path` of a pax header: lines of `LENGTH KEY=VALUE`. */
function paxPath(body: Uint8Array): string | null {
  return /(?:^|\n)\d+ path=([^\n]*)\n/.exec(new TextDecoder().decode(body))?.[1] ?? null;
}
