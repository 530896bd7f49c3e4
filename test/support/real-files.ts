/** @file Labelled files of many types, as Magika's model takes them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { untarred } from "../../compiler/data/tar.ts";
import { type HostTensor, hostTensor } from "../../ir-spec/index.ts";
import { DATA } from "./data.ts";

const BLOCK = 4096;
const SIDE = 1024;
const PADDING = 256;
const blanks: ReadonlySet<number> = new Set([9, 10, 11, 12, 13, 32]);

export interface LabelledFile {
  readonly name: string;
  readonly label: string;
  readonly bytes: Uint8Array;
}

/** The files whose label the model knows, with the model's labels in order. */
export function labelledFiles(): { readonly files: readonly LabelledFile[]; readonly labels: readonly string[] } {
  const config = JSON.parse(readFileSync(join(DATA, "file-types/magika-v3_3-config.json"), "utf8")) as { target_labels_space: string[] };
  const archive = join(DATA, "file-types/magika-tests-basic.tar.gz");
  const entries = untarred(gunzipSync(readFileSync(archive)), archive);
  const files = entries.map(({ name, bytes }) => ({ name, bytes, label: name.split("/").at(-2) ?? "" }));
  const labels = config.target_labels_space;
  return { files: files.filter(({ label }) => labels.includes(label)), labels };
}

/** The first 1024 and the last 1024 bytes without blanks at either end of their blocks, filled up with 256. */
function features(bytes: Uint8Array): Int32Array {
  const [head, tail] = [bytes.subarray(0, BLOCK), bytes.subarray(Math.max(0, bytes.length - BLOCK))];
  const start = head.findIndex((byte) => !blanks.has(byte));
  const stop = tail.findLastIndex((byte) => !blanks.has(byte));
  const first = start < 0 ? head.subarray(0, 0) : head.subarray(start, start + SIDE);
  const last = tail.subarray(Math.max(0, stop + 1 - SIDE), stop + 1);
  const out = new Int32Array(2 * SIDE).fill(PADDING);
  out.set(first, 0);
  out.set(last, 2 * SIDE - last.length);
  return out;
}

/** `[n, 2048]` */
export function fileFeatures(files: readonly LabelledFile[]): HostTensor {
  const data = new Int32Array(files.length * 2 * SIDE);
  files.forEach(({ bytes }, i) => void data.set(features(bytes), i * 2 * SIDE));
  return hostTensor("i32", [files.length, 2 * SIDE], data);
}
