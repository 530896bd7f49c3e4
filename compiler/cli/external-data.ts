/**
 * @file Files of tensor data beside an `.onnx` file. A name may only lead to a regular file below the model's folder: symbolic links are followed and must stay there. Files stay open until the process ends, so
 * that tensors can be read when they are needed, and what is read is what was checked.
 */
import { createHash, type Hash } from "node:crypto";
import { fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import { TersorError } from "../../ir-spec/index.ts";
import type { ExternalData, ExternalFile } from "../import/index.ts";

/** The files beside one model. */
export class FilesBeside {
  private readonly folder: string;
  private readonly opened = new Map<string, ExternalFile>();

  /** @param model path of the `.onnx` file */
  constructor(model: string) {
    this.folder = realpathSync(dirname(resolve(model)));
  }

  readonly open: ExternalData = (location) => {
    const path = this.inside(location);
    if (path === null) return null;
    const file = openFile(path, location);
    this.opened.set(location, file);
    return file;
  };

  /** Of all files that were opened. */
  get bytes(): number {
    return [...this.opened.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Adds names and contents to the hash, in the order of the names; nothing when no file was opened. */
  addTo(hash: Hash): void {
    for (const [name, file] of [...this.opened].sort(([a], [b]) => (a < b ? -1 : 1))) {
      hash.update(`\n${name}\n${file.size}\n`);
      for (let at = 0; at < file.size; at += piece) hash.update(file.read(at, Math.min(piece, file.size - at)));
    }
  }

  /** null when there is no such file. @throws TersorError E0603 when a link leads out of the folder */
  private inside(location: string): string | null {
    let path: string;
    try {
      path = realpathSync(resolve(this.folder, location));
    } catch {
      return null;
    }
    if (path.startsWith(this.folder + sep)) return path;
    throw new TersorError({ code: "E0603", message: `${JSON.stringify(location)} is a link that leads out of the model's folder` });
  }
}

/** SHA-256 of the model's bytes and, where it has any, of the files beside it; hexadecimal. */
export function hashOfModel(bytes: Uint8Array, beside: FilesBeside): string {
  const hash = createHash("sha256").update(bytes);
  beside.addTo(hash);
  return hash.digest("hex");
}

const piece = 1 << 22;

function openFile(path: string, location: string): ExternalFile {
  const descriptor = openSync(path, "r");
  const status = fstatSync(descriptor);
  if (!status.isFile()) throw new TersorError({ code: "E0603", message: `${JSON.stringify(location)} is no regular file` });
  const readInto = (offset: number, target: Uint8Array): void => {
    let done = 0;
    while (done < target.length) {
      const count = readSync(descriptor, target, done, target.length - done, offset + done);
      if (count === 0)
        throw new TersorError({ code: "E0603", message: `${JSON.stringify(location)} ends before byte ${offset + target.length}` });
      done += count;
    }
  };
  const read = (offset: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length);
    readInto(offset, bytes);
    return bytes;
  };
  return { size: status.size, read, readInto };
}
