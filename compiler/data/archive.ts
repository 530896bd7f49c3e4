/** @file gzip and zip, through fflate, with coded errors. */
import { gunzipSync, unzipSync } from "fflate";
import { DataError } from "./errors.ts";

/** The bytes themselves, or what they unpack to when they are gzip. @throws DataError D0104. */
export function gunzipped(bytes: Uint8Array, where: string): Uint8Array {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  try {
    return gunzipSync(bytes);
  } catch (error) {
    throw new DataError("D0104", where, error instanceof Error ? error.message : String(error));
  }
}

/** Entries of a zip archive by name. @throws DataError D0102, D0104. */
export function unzipped(bytes: Uint8Array, where: string): ReadonlyMap<string, Uint8Array> {
  if (bytes[0] !== 0x50 || bytes[1] !== 0x4b) throw new DataError("D0102", where, "a zip archive begins with PK");
  try {
    return new Map(Object.entries(unzipSync(bytes)));
  } catch (error) {
    throw new DataError("D0104", where, error instanceof Error ? error.message : String(error));
  }
}
