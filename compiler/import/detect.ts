/** @file Tells the formats of models apart by their first bytes. */
import { hasCompactMagic } from "../../ir-spec/format/compact.ts";
import { magic } from "../../ir-spec/format/header.ts";

export type ModelFormat = "onnx" | "tir" | "tsr";

/** The format of a file, null when it is none of ours. A damaged file is recognised by what is left of it: its reader says what is wrong. */
export function detectFormat(bytes: Uint8Array): ModelFormat | null {
  if (startsWithText(bytes)) return "tir";
  if (isTsr(bytes)) return "tsr";
  return looksLikeOnnx(bytes) ? "onnx" : null;
}

/** `tersor 1.0`, after comments and white space. */
function startsWithText(bytes: Uint8Array): boolean {
  const head = new TextDecoder().decode(bytes.subarray(0, 65536)).replace(/^\uFEFF/, "");
  return /^(?:\s|\/\/[^\n]*\n)*tersor\s+\d/.test(head);
}

/** By the name alone: the line ends after it are there to be damaged by a transfer in text mode, which the reader then says. */
function isTsr(bytes: Uint8Array): boolean {
  return hasCompactMagic(bytes) || magic.slice(0, 4).every((byte, i) => bytes[i] === byte);
}

const GRAPH_FIELD = 7;
const LENGTH_DELIMITED = 2;

/** Wire type of each field of ModelProto. */
const modelFields: ReadonlyMap<number, number> = new Map([
  [1, 0],
  [2, 2],
  [3, 2],
  [4, 2],
  [5, 0],
  [6, 2],
  [7, 2],
  [8, 2],
  [14, 2],
  [20, 2],
  [25, 2],
  [26, 2],
]);

/** Walks the outermost fields of the message up to the graph; contents are skipped, so a large model costs a few steps. */
function looksLikeOnnx(bytes: Uint8Array): boolean {
  let at = 0;
  while (at < bytes.length) {
    const tag = varint(bytes, at);
    if (tag === null) return false;
    const [field, wire] = [tag.value >>> 3, tag.value & 7];
    if (modelFields.get(field) !== wire) return false;
    if (field === GRAPH_FIELD) return true;
    const value = varint(bytes, tag.end);
    if (value === null) return false;
    at = wire === LENGTH_DELIMITED ? value.end + value.value : value.end;
  }
  return false;
}

/** A varint below 2^53 and the offset after it. */
function varint(bytes: Uint8Array, start: number): { readonly value: number; readonly end: number } | null {
  let value = 0;
  for (let i = 0; i < 7; i++) {
    const byte = bytes[start + i];
    if (byte === undefined) return null;
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return { value, end: start + i + 1 };
  }
  return null;
}
