/**
 * @file What a file may hand to the native engine. The skeleton comes from a file that anybody may have written, and ONNX can say more than a plan needs: weights in other files of
 * the machine, nested graphs, functions, ops of other domains. Only the fields below pass, and everything in them is checked to be well-formed before ONNX Runtime sees a byte.
 * The table follows onnx.proto3 (field numbers); it has no cycle, so that nesting is bounded.
 */
import { RuntimeError } from "../../errors.ts";
import { readFields } from "./protobuf.ts";

/** `number`: a number, or several packed; `bytes`: text or raw data; `domain`: text that names the default operator set. */
type Kind = "number" | "bytes" | "domain" | Message;

interface Message {
  readonly name: string;
  readonly fields: Readonly<Record<number, Kind>>;
}

const number = "number";
const bytes = "bytes";
const domain = "domain";

const entry: Message = { name: "StringStringEntry", fields: { 1: bytes, 2: bytes } };
const opset: Message = { name: "OperatorSetId", fields: { 1: domain, 2: number } };
const tensor: Message = {
  name: "TensorProto",
  fields: { 1: number, 2: number, 4: number, 5: number, 7: number, 8: bytes, 9: bytes, 10: number, 11: number },
};
const attribute: Message = {
  name: "AttributeProto",
  fields: { 1: bytes, 2: number, 3: number, 4: bytes, 5: tensor, 7: number, 8: number, 9: bytes, 13: bytes, 20: number },
};
const node: Message = {
  name: "NodeProto",
  fields: { 1: bytes, 2: bytes, 3: bytes, 4: bytes, 5: attribute, 6: bytes, 7: domain, 9: entry },
};
const dim: Message = { name: "Dimension", fields: { 1: number, 2: bytes, 3: bytes } };
const shape: Message = { name: "TensorShapeProto", fields: { 1: dim } };
const tensorType: Message = { name: "TypeProto.Tensor", fields: { 1: number, 2: shape } };
const type: Message = { name: "TypeProto", fields: { 1: tensorType, 6: bytes } };
const value: Message = { name: "ValueInfoProto", fields: { 1: bytes, 2: type, 3: bytes, 4: entry } };
const graph: Message = {
  name: "GraphProto",
  fields: { 1: node, 2: bytes, 5: tensor, 10: bytes, 11: value, 12: value, 13: value, 16: entry },
};
const model: Message = {
  name: "ModelProto",
  fields: { 1: number, 2: bytes, 3: bytes, 4: bytes, 5: number, 6: bytes, 7: graph, 8: opset, 14: entry },
};

/** @throws RuntimeError R0414 naming the message and field */
export function checkSkeleton(skeleton: Uint8Array): void {
  checkMessage(model, skeleton);
}

function checkMessage(message: Message, content: Uint8Array): void {
  const fields = readFields(content);
  if (!fields) throw refusal(`${message.name} is cut short or malformed`);
  for (const field of fields) {
    const kind = message.fields[field.number];
    if (kind === undefined) throw refusal(`${message.name} has field ${field.number}, which a plan may not use`);
    if (kind !== number && field.wire !== 2) throw refusal(`${message.name}: field ${field.number} has wire type ${field.wire}`);
    if (kind === domain) checkDomain(message, field.bytes);
    else if (typeof kind === "object") checkMessage(kind, field.bytes);
  }
}

function checkDomain(message: Message, content: Uint8Array): void {
  const text = new TextDecoder().decode(content);
  if (text !== "" && text !== "ai.onnx") throw refusal(`${message.name} names the operator set ${JSON.stringify(text)}`);
}

function refusal(why: string): RuntimeError {
  return new RuntimeError("R0414", `the file's ONNX graph is refused: ${why}`, "ort");
}
