/** @file Where the tests lie: a folder, or an archive (`.tar`, `.tar.gz`) that is read in memory. */
import { stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { findTests, type TestEntry } from "../../conformance/suite.ts";
import { gunzipped } from "../../data/archive.ts";
import { untarred } from "../../data/tar.ts";
import { UsageError } from "../failure.ts";
import { listTree, readBytes } from "../files.ts";

export interface Suite {
  /** The archive's or folder's name without its ending: `onnx-dev-opset28`. */
  readonly name: string;
  readonly tests: readonly TestEntry[];
}

/** @throws UsageError where there are no tests; DataError D01xx for a broken archive */
export async function openSuite(path: string): Promise<Suite> {
  const tests = (await stat(path)).isDirectory() ? await inFolder(path) : await inArchive(path);
  if (tests.length === 0) throw new UsageError(`${path} holds no operator tests: expected <folder>/<test>/model.onnx`);
  return { name: basename(resolve(path)).replace(/\.(tar|tar\.gz|tgz)$/, ""), tests };
}

/** A folder may be the suite, one of its folders, or one test: its own name counts as part of the tests' names. */
async function inFolder(path: string): Promise<readonly TestEntry[]> {
  const root = resolve(path, "../..");
  const prefix = resolve(path)
    .slice(root.length)
    .replace(/^[/\\]/, "")
    .replaceAll("\\", "/");
  const paths = (await listTree(path)).map((name) => `${prefix}/${name}`);
  return findTests({ paths, read: (name) => readBytes(join(root, name)) });
}

async function inArchive(path: string): Promise<readonly TestEntry[]> {
  const files = new Map(
    untarred(gunzipped(await readBytes(path), path), path).map(({ name, bytes }) => [name.replace(/^\.\//, ""), bytes]),
  );
  const read = async (name: string): Promise<Uint8Array> => (files.get(name) ?? new Uint8Array(0)).slice();
  return findTests({ paths: [...files.keys()], read });
}
