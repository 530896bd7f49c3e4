/**
 * @file The little of protobuf's wire format that this backend needs: fields of numbers, text and bytes to write, and the fields of a message to read. A library for it
 * would be larger than the whole backend.
 */

/** How a field's payload lies: a varint, 8 bytes, a length and bytes, 4 bytes. */
export type WireType = 0 | 1 | 2 | 5;

export interface Field {
  readonly number: number;
  readonly wire: WireType;
  /** Payload: the bytes of a length-delimited field; of a number, its own encoding. */
  readonly bytes: Uint8Array;
}

/** Base 128, low bits first. `value` is a non-negative integer up to 2^53. */
export function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

export function tag(field: number, wire: WireType): readonly number[] {
  return varint(field * 8 + wire);
}

export function numberField(field: number, value: number): readonly number[] {
  return [...tag(field, 0), ...varint(value)];
}

export function textField(field: number, text: string): readonly number[] {
  const bytes = new TextEncoder().encode(text);
  return [...bytesHead(field, bytes.length), ...bytes];
}

/** What stands before a payload of `length` bytes. */
export function bytesHead(field: number, length: number): readonly number[] {
  return [...tag(field, 2), ...varint(length)];
}

/** The fields of one message, in order; null when the bytes are none. */
export function readFields(message: Uint8Array): readonly Field[] | null {
  const fields: Field[] = [];
  for (let at = 0; at < message.length; ) {
    const key = readVarint(message, at);
    if (!key || key.value < 8) return null;
    const wire = key.value % 8;
    const extent = payload(message, key.end, wire);
    if (!extent || extent.end > message.length) return null;
    fields.push({ number: Math.floor(key.value / 8), wire: wire as WireType, bytes: message.subarray(extent.start, extent.end) });
    at = extent.end;
  }
  return fields;
}

function payload(message: Uint8Array, at: number, wire: number): { readonly start: number; readonly end: number } | null {
  if (wire === 1) return { start: at, end: at + 8 };
  if (wire === 5) return { start: at, end: at + 4 };
  const number = wire === 0 || wire === 2 ? readVarint(message, at) : null;
  if (!number) return null;
  return wire === 0 ? { start: at, end: number.end } : { start: number.end, end: number.end + number.value };
}

/** Ten bytes at most; a value beyond 2^53 (a negative number) is given inexactly, which is of no matter where it is skipped. */
function readVarint(bytes: Uint8Array, at: number): { readonly value: number; readonly end: number } | null {
  let value = 0;
  for (let i = 0; i < 10; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return null;
    value += (byte % 128) * 128 ** i;
    if (byte < 128) return { value, end: at + i + 1 };
  }
  return null;
}
