/**
 * @file How many messages an ONNX file holds, without decoding it: an empty one takes two bytes in the file and hundreds as an object, so a megabyte of them would take hundreds. Walks the
 * wire format by the fields of onnx.proto that hold messages; what is broken is the decoder's to refuse.
 */

/**
 * So many messages any file may hold, and one more for each so many bytes: real graphs take about 9 bytes for each of their nodes, attributes, tensors, types and sizes, weights not counted, and a file of
 * nothing but empty messages 2.
 */
const mostAnyway = 300_000;
const bytesPerMessage = 6;

export function mostMessages(bytes: number): number {
  return mostAnyway + Math.floor(bytes / bytesPerMessage);
}

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

/** Counts up to a little beyond `most`. */
export function countMessages(bytes: Uint8Array, most = mostMessages(bytes.length)): number {
  return new Walk(bytes, most).count(model, 0, bytes.length, 0);
}

class Walk {
  private readonly bytes: Uint8Array;
  private readonly most: number;
  private at = 0;

  constructor(bytes: Uint8Array, most: number) {
    this.bytes = bytes;
    this.most = most;
  }

  count(fields: Nested, start: number, end: number, depth: number): number {
    this.at = start;
    let total = 1;
    while (this.at < end && total <= this.most) {
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
