/** @file Protobuf messages as trees of fields, read by wire type and by which fields of ONNX hold messages; written again byte for byte when nothing was changed. */

export interface Message {
  /** Name in onnx.proto. */
  readonly type: string;
  readonly fields: Field[];
}

export interface Field {
  number: number;
  /** 0 varint, 1 eight bytes, 2 length-delimited, 5 four bytes. */
  wire: number;
  value: bigint | Uint8Array | Message;
}

/** Which fields of which message are messages. */
const nested: Readonly<Record<string, Readonly<Record<number, string>>>> = {
  Model: { 7: "Graph", 8: "OpsetId", 14: "Entry" },
  Graph: { 1: "Node", 5: "Tensor", 11: "ValueInfo", 12: "ValueInfo", 13: "ValueInfo" },
  Node: { 5: "Attribute" },
  Attribute: { 5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph" },
  ValueInfo: { 2: "Type" },
  Type: { 1: "TensorType" },
  TensorType: { 2: "Shape" },
  Shape: { 1: "Dim" },
};

export const isMessage = (value: Field["value"]): value is Message => typeof value === "object" && "fields" in value;

export function readMessage(bytes: Uint8Array, type = "Model"): Message {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; at < bytes.length; shift += 7n) {
      const byte = bytes[at++] as number;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) break;
    }
    return value;
  };
  const take = (length: number): Uint8Array => {
    const part = bytes.subarray(at, at + length);
    at += length;
    return part;
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const [number, wire] = [tag >>> 3, tag & 7];
    if (wire === 0) fields.push({ number, wire, value: varint() });
    else if (wire === 1 || wire === 5) fields.push({ number, wire, value: take(wire === 1 ? 8 : 4) });
    else if (wire === 2) {
      const content = take(Number(varint()));
      const inner = nested[type]?.[number];
      fields.push({ number, wire, value: inner ? readMessage(content, inner) : content });
    } else throw new RangeError(`wire type ${wire}`);
  }
  return { type, fields };
}

export function writeMessage({ fields }: Message): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { number, wire, value } of fields) {
    parts.push(varintBytes(BigInt(number) * 8n + BigInt(wire)));
    if (typeof value === "bigint") parts.push(varintBytes(value));
    else {
      const content = isMessage(value) ? writeMessage(value) : value;
      if (wire === 2) parts.push(varintBytes(BigInt(content.length)));
      parts.push(content);
    }
  }
  return concatenated(parts);
}

/** Two's complement over 64 bits. */
export function varintBytes(value: bigint): Uint8Array {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Uint8Array.from([...bytes, Number(rest)]);
}

export function concatenated(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The message and all inside it, with their depth. */
export function* messagesOf(message: Message): Generator<Message> {
  yield message;
  for (const { value } of message.fields) if (isMessage(value)) yield* messagesOf(value);
}

export function copyMessage({ type, fields }: Message): Message {
  return { type, fields: fields.map((field) => ({ ...field, value: isMessage(field.value) ? copyMessage(field.value) : field.value })) };
}
