/** @file Files written whole or not at all: a temporary file beside the target, flushed, then renamed over it. */
import type { Stats } from "node:fs";
import { lstat, mkdir, open, readdir, readFile, readlink, realpath, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, dirname, join, resolve, sep } from "node:path";
import { TersorError } from "../../ir-spec/core/problem.ts";
import { crc32 } from "../../ir-spec/format/crc32.ts";

let written = 0;
/** Of this process, while it writes them. */
const own = new Set<string>();

/**
 * Whoever reads `path` sees the old file or the new one, whole, at whatever moment this process is killed. Folders are made; a link is followed, so that what it points at changes; permissions
 * stay. Temporary files that killed processes left are removed.
 * @throws TersorError E0010 for a folder; the system's error, which names the path, for what cannot be written
 */
export async function writeWhole(path: string, bytes: Uint8Array | string): Promise<void> {
  const target = await destination(path);
  const folder = dirname(target);
  await mkdir(folder, { recursive: true });
  const old = await statOf(target);
  if (old?.isDirectory()) throw new TersorError({ code: "E0010", message: "it is a folder: give the name of a file", where: path });
  await removeLeftovers(target);
  const name = `${prefixOf(target)}${host}.${process.pid}.${written++}.tmp`;
  const temporary = join(folder, name);
  own.add(name);
  try {
    await writeFlushed(temporary, bytes, old?.mode);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    own.delete(name);
  }
}

async function writeFlushed(path: string, bytes: Uint8Array | string, mode: number | undefined): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(bytes);
    if (mode !== undefined) await file.chmod(mode & 0o777);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** What a link points at, also when that is not there yet. */
async function destination(path: string): Promise<string> {
  const isLink = await lstat(path).then(
    (entry) => entry.isSymbolicLink(),
    () => false,
  );
  if (!isLink) return path;
  return realpath(path).catch(async () => resolve(dirname(path), await readlink(path)));
}

async function statOf(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return null;
    throw error;
  }
}

/** The machine's name as a number: a process number means something on its own machine only, and folders may be shared. */
const host = crc32(new TextEncoder().encode(hostname())).toString(16).padStart(8, "0");

const prefixOf = (path: string): string => `.${basename(path)}.`;

/** Temporary files for this target of processes that are no more. */
async function removeLeftovers(path: string): Promise<void> {
  const prefix = prefixOf(path);
  for (const name of await readdir(dirname(path))) {
    const [, machine, pid] = name.startsWith(prefix) ? (/^([0-9a-f]{8})\.(\d+)\.\d+\.tmp$/.exec(name.slice(prefix.length)) ?? []) : [];
    if (machine !== host || pid === undefined || own.has(name)) continue;
    if (Number(pid) === process.pid || !isAlive(Number(pid))) await rm(join(dirname(path), name), { force: true });
  }
}

/** A process that may not be asked is alive too. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

export async function readBytes(path: string): Promise<Uint8Array> {
  const buffer = await readFile(path);
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength).slice();
}

export async function listFolder(path: string): Promise<readonly string[]> {
  return (await readdir(path)).sort();
}

/** Everything below a folder, as sorted paths relative to it with `/` between. */
export async function listTree(path: string): Promise<readonly string[]> {
  const paths = await readdir(path, { recursive: true });
  return paths.map((name) => name.split(sep).join("/")).sort();
}
