/**
 * @file Tensor data in other files (ONNX external data). The importer asks the caller for a file by the name that the model gives, once, after checking that the name stays beside the model; it then reads
 * regions when somebody needs them, and keeps none, so that a model larger than memory can be taken apart tensor by tensor.
 */
import { type ImportCode, ImportFailure } from "./errors.ts";
import type { TensorProto } from "./proto/gen/onnx.js";

/** A file of tensor data, open for reading. */
export interface ExternalFile {
  /** Bytes. */
  readonly size: number;
  /** Exactly `length` bytes; the importer asks for none outside of the file. */
  read(offset: number, length: number): Uint8Array;
  /** The same into memory that is there: for a file's whole contents without a second copy. */
  readInto?(offset: number, target: Uint8Array): void;
}

/** The file of this name (a relative path with forward slashes, without `..`), its bytes, or null when there is none. Symbolic links that leave the model's folder are the caller's to refuse. */
export type ExternalData = (location: string) => ExternalFile | Uint8Array | null;

export function isExternal(tensor: TensorProto): boolean {
  return tensor.dataLocation === 1 || tensor.externalData.length > 0;
}

export interface Region {
  readonly length: number;
  read(): Uint8Array;
  readInto(target: Uint8Array): void;
  readPart(offset: number, length: number): Uint8Array;
}

/** Where a file cannot read into memory that is there, it is copied in such pieces. */
const piece = 1 << 22;

function regionOf(file: ExternalFile, offset: number, length: number, location: string): Region {
  return {
    length,
    read: () => exactly(file.read(offset, length), length, location),
    readPart: (from, count) => exactly(file.read(offset + from, count), count, location),
    readInto(target) {
      if (file.readInto) return file.readInto(offset, target);
      for (let at = 0; at < length; at += piece) target.set(file.read(offset + at, Math.min(piece, length - at)), at);
    },
  };
}

/** The files of one model, each asked for once. */
export class ExternalFiles {
  private readonly open: ExternalData | null;
  private readonly files = new Map<string, ExternalFile | null>();

  constructor(open: ExternalData | null) {
    this.open = open;
  }

  /** Where the tensor's bytes lie. @throws ImportFailure E0603 */
  region(tensor: TensorProto, what: string, expected: number): Region {
    const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
    const location = checkedLocation(entries.get("location") ?? "", what);
    const offset = count(entries, "offset", what) ?? 0;
    const length = count(entries, "length", what);
    const file = this.file(location, what);
    const size = length ?? expected;
    if (size !== expected) fail(`${what} takes ${expected} bytes, its region of ${JSON.stringify(location)} has ${size}`);
    if (offset + size > file.size)
      fail(`${what} lies at bytes ${offset} to ${offset + size} of ${JSON.stringify(location)}, which has ${file.size}`);
    return regionOf(file, offset, size, location);
  }

  private file(location: string, what: string): ExternalFile {
    if (!this.open) {
      const hint = "give the importer the files (option externalData), or save the model with its weights inside the .onnx file";
      fail(`${what} has its data in another file (${JSON.stringify(location)}), which was not given`, hint);
    }
    const known = this.files.get(location);
    const file = known === undefined ? asFile(this.open(location)) : known;
    this.files.set(location, file);
    return file ?? fail(`${what} has its data in ${JSON.stringify(location)}, and there is no such file beside the model`);
  }
}

function asFile(given: ExternalFile | Uint8Array | null): ExternalFile | null {
  if (!(given instanceof Uint8Array)) return given;
  return { size: given.length, read: (offset, length) => given.subarray(offset, offset + length) };
}

/** A path below the model's folder. */
function checkedLocation(location: string, what: string): string {
  if (location === "") fail(`${what} has its data in another file and does not name it`);
  const parts = location.replaceAll("\\", "/").split("/");
  const outside = parts.includes("..") || parts[0] === "" || /^[a-z]:/i.test(location) || location.includes("\0");
  if (outside) fail(`${what} has its data in ${JSON.stringify(location)}, which is not below the model's folder`);
  return parts.filter((part) => part !== "" && part !== ".").join("/");
}

function count(entries: ReadonlyMap<string, string>, key: string, what: string): number | null {
  const text = entries.get(key);
  if (text === undefined) return null;
  const value = Number(text);
  if (!/^[0-9]+$/.test(text) || !Number.isSafeInteger(value)) fail(`${what} has ${key} = ${JSON.stringify(text)} in another file`);
  return value;
}

function exactly(bytes: Uint8Array, length: number, location: string): Uint8Array {
  if (bytes.length !== length) fail(`${bytes.length} bytes were read from ${JSON.stringify(location)}, ${length} were asked for`);
  return bytes;
}

function fail(message: string, hint: string | null = null): never {
  throw new ImportFailure("E0603" satisfies ImportCode, message, hint);
}
