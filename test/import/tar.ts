/** @file Reads the regular files of a gzipped tar archive. */
import { gunzipSync } from "node:zlib";

export function readTarGz(archive: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const bytes = new Uint8Array(gunzipSync(archive));
  const files = new Map<string, Uint8Array>();
  const text = (at: number, length: number) => new TextDecoder().decode(bytes.subarray(at, at + length)).replace(/\0.*$/s, "");
  let longName: string | null = null;
  for (let at = 0; at + 512 <= bytes.length && bytes[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12).trim(), 8);
    const kind = String.fromCharCode(bytes[at + 156] ?? 0);
    const prefix = text(at + 345, 155);
    const name: string = longName ?? (prefix === "" ? text(at, 100) : `${prefix}/${text(at, 100)}`);
    const data = bytes.subarray(at + 512, at + 512 + size);
    longName = kind === "L" ? new TextDecoder().decode(data).replace(/\0.*$/s, "") : null;
    if (kind === "0" || kind === "\0") files.set(name.replace(/^\.\//, ""), data);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
