/** @file Constant data as text. A storage keeps its form; bytes print as a scalar, a flat list up to 64 elements, else as hex. */
import { sha256 } from "@noble/hashes/sha2";
import { bytesToHex } from "@noble/hashes/utils";
import type { DataStorage } from "../../../ir-spec/core/constant.ts";
import { elementCount, type TensorType } from "../../../ir-spec/core/type.ts";
import { elementText, strayBits } from "../elements.ts";
import { quoteName } from "../names.ts";
import { hexText } from "./hex.ts";

export interface DataOptions {
  /** Bytes longer than this print as `elided(...)`. */
  readonly elide: number;
  readonly hexFloats: boolean;
}

const longestList = 64;

export function printData(type: TensorType, storage: DataStorage, options: DataOptions): string {
  switch (storage.kind) {
    case "bytes":
      return printBytes(type, storage.bytes, options);
    case "splat":
      return `splat ${elementText(type.dtype, storage.element, 0, options.hexFloats)}`;
    case "resource":
      return `@${quoteName(storage.resource)}[${storage.offset}, ${storage.length}]`;
    case "random":
      return `random(${storage.seed})`;
    case "elided":
      return printElided(storage.sha256, storage.length);
  }
}

function printElided(hash: string, length: number): string {
  return `elided(${JSON.stringify(hash)}, ${length})`;
}

function printBytes(type: TensorType, bytes: Uint8Array, options: DataOptions): string {
  if (bytes.length > options.elide) return printElided(bytesToHex(sha256(bytes)), bytes.length);
  const count = elementCount(type);
  if (typeof count !== "number" || count > longestList || strayBits(type.dtype, count, bytes) !== null) return `hex"${hexText(bytes)}"`;
  const texts = Array.from({ length: count }, (_, i) => elementText(type.dtype, bytes, i, options.hexFloats));
  return type.shape.length === 0 ? (texts[0] ?? "") : `[${texts.join(", ")}]`;
}
