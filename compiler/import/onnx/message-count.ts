/**
 * @file How many messages an ONNX file holds, without decoding it: an empty one takes two bytes in the file and hundreds as an object, so a megabyte of them would take hundreds. Walks the
 * wire format by the fields of onnx.proto that hold messages; what is broken is the decoder's to refuse.
 */

/** A network of 100,000 nodes has some attributes and types too. */
export const mostMessages = 300_000;

/** Deeper ones are counted with what they stand in. */
const deepest = 32;

type Nested = { readonly [field: number]: Nested | undefined };

const tensor: Nested = {};
const dims: Nested = { 1: {} };
const types: Nested = { 1: { 2: dims } };
const valueInfo: Nested = { 2: types };
const attribute: { [field: number]: Nested } = { 5: tensor, 10: tensor };
const graph: Nested = { 1: { 5: attribute }, 5: tensor, 11: valueInfo, 12: valueInfo, 13: valueInfo, 14: {}, 15: {} };
attribute[6] = graph;
attribute[11] = graph;
const model: Nested = { 7: graph, 8: {}, 14: {}, 20: {}, 25: { 7: { 5: attribute } } };

/** Counts up to a little beyond `mostMessages`. */
export function countMessages(bytes: Uint8Array): number {
  return new Walk(bytes).count(model, 0, bytes.length, 0);
}

class Walk {
  private readonly bytes: Uint8Array;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  count(fields: Nested, start: number, end: number, depth: number): number {
    this.at = start;
    let total = 1;
    while (this.at < end && total <= mostMessages) {
      const tag = this.varint();
      const [field, wire] = [Math.floor(tag / 8), tag % 8];
      if (wire === 0) this.varint();
      else if (wire === 1) this.at += 8;
      else if (wire === 5) this.at += 4;
      else if (wire === 2) {
        const stop = this.varint() + this.at;
        const inner = fields[field];
        if (stop > end) return total;
        if (inner) total += depth < deepest ? this.count(inner, this.at, stop, depth + 1) : 1;
        this.at = stop;
      } else return total;
    }
    return total;
  }

  /** Not exact beyond 2^53, which lies outside every file. */
  private varint(): number {
    let value = 0;
    for (let scale = 1; this.at < this.bytes.length; scale *= 128) {
      const byte = this.bytes[this.at++] as number;
      value += (byte & 127) * scale;
      if (byte < 128) break;
    }
    return value;
  }
}
