/** @file Builds data files for the tests, and asserts coded errors. */
import * as assert from "uvu/assert";
import { DataError, type DataErrorCode } from "../../compiler/data/errors.ts";

/** `action` throws a DataError with this code, whose text names the place. */
export function throwsCode(action: () => unknown, code: DataErrorCode, where: string): void {
  let thrown: unknown;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  isCoded(thrown, code, where);
}

/** As `throwsCode`, for a promise. */
export async function rejectsCode(promise: Promise<unknown>, code: DataErrorCode, where: string): Promise<void> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  isCoded(thrown, code, where);
}

function isCoded(thrown: unknown, code: DataErrorCode, where: string): void {
  if (!(thrown instanceof DataError)) throw new Error(`expected a DataError ${code}, got ${String(thrown)}`);
  assert.is(thrown.code, code, thrown.message);
  assert.ok(thrown.where.includes(where), `${thrown.where} does not name ${where}`);
  assert.ok(thrown.message.includes(`error[${code}]`), thrown.message);
}

/** An IDX file of unsigned bytes. */
export function idx(shape: readonly number[], data: ArrayLike<number>): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + data.length);
  const view = new DataView(bytes.buffer);
  bytes.set([0, 0, 8, shape.length]);
  shape.forEach((size, i) => {
    view.setUint32(4 + 4 * i, size);
  });
  bytes.set(data, 4 + 4 * shape.length);
  return bytes;
}

/** `count` bytes 0, 1, 2, ... modulo 251. */
export function ramp(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, i) => i % 251);
}

/** A CIFAR-10 file with these labels; pixel j of record i is (i + j) mod 256. */
export function records(labels: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(labels.length * 3073);
  labels.forEach((label, i) => {
    bytes[i * 3073] = label;
    for (let j = 0; j < 3072; j++) bytes[i * 3073 + 1 + j] = (i + j) % 256;
  });
  return bytes;
}

/** Readers over files in memory, by path. */
export function memory(files: Readonly<Record<string, Uint8Array>>) {
  return {
    readFile: async (path: string): Promise<Uint8Array> => {
      const bytes = files[path];
      if (bytes === undefined) throw new Error(`no file ${path}`);
      return bytes;
    },
    listDir: async (folder: string): Promise<readonly string[]> =>
      Object.keys(files)
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1))
        .reverse(),
  };
}
