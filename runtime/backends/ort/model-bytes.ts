/**
 * @file The whole ONNX model from a skeleton and its weights. Protobuf merges concatenated messages of one type: singular messages field by field, repeated ones by appending. So a
 * second ModelProto, which holds a GraphProto with nothing but initializers, put behind the skeleton's bytes adds them; the skeleton is not parsed, and each weight is copied once.
 */
import { RuntimeError } from "../../errors.ts";
import { demandMemory, type RunLimits } from "../../limits.ts";
import { byteLength, elementCount, type RuntimeDType } from "../../tensor.ts";
import { onnxDataTypes } from "./onnx-types.ts";
import { bytesHead, numberField, textField } from "./protobuf.ts";

export interface Initializer {
  readonly name: string;
  readonly dtype: RuntimeDType;
  readonly shape: readonly number[];
  /** Canonical bytes: row-major, little-endian. Asked for once. */
  bytes(): Uint8Array;
}

/** Protobuf counts a message's bytes in an int32. */
export const modelBytesLimit = 2 ** 31 - 1;

const modelGraph = 7;
const graphInitializer = 5;
const tensorDims = 1;
const tensorDataType = 2;
const tensorName = 8;
const tensorRawData = 9;

interface Planned {
  readonly initializer: Initializer;
  /** Everything of the TensorProto field before its data. */
  readonly head: Uint8Array;
  readonly dataLength: number;
}

/**
 * Bytes for ONNX Runtime: the skeleton, then `ModelProto { graph { initializer* } }`.
 * @throws RuntimeError R0413 above 2 GiB, R0411 above the limits, R0412 for a dtype that ONNX has not, R0404 when a weight is not as long as its type says
 */
export function modelBytes(skeleton: Uint8Array, initializers: readonly Initializer[], limits: RunLimits): Uint8Array {
  const planned = initializers.map(plan);
  const graphLength = planned.reduce((sum, { head, dataLength }) => sum + head.length + dataLength, 0);
  const graphHead = bytesHead(modelGraph, graphLength);
  const total = skeleton.length + graphHead.length + graphLength;
  if (total > modelBytesLimit) {
    throw new RuntimeError("R0413", `the model takes ${total} bytes as ONNX, protobuf's limit is ${modelBytesLimit}`, "ort");
  }
  demandMemory(total, limits, "the model as ONNX", "ort");
  const model = new Uint8Array(total);
  model.set(skeleton);
  model.set(graphHead, skeleton.length);
  let at = skeleton.length + graphHead.length;
  for (const entry of planned) at = write(model, at, entry);
  return model;
}

function plan(initializer: Initializer): Planned {
  const { name, dtype, shape } = initializer;
  const dataType = onnxDataTypes[dtype];
  if (dataType === undefined) throw new RuntimeError("R0412", `weight ${JSON.stringify(name)} is ${dtype}, which ONNX has not`, "ort");
  const dataLength = byteLength(dtype, elementCount(shape));
  const fields = [
    ...shape.flatMap((size) => numberField(tensorDims, size)),
    ...numberField(tensorDataType, dataType),
    ...textField(tensorName, name),
    ...bytesHead(tensorRawData, dataLength),
  ];
  const head = Uint8Array.from([...bytesHead(graphInitializer, fields.length + dataLength), ...fields]);
  return { initializer, head, dataLength };
}

function write(model: Uint8Array, at: number, { initializer, head, dataLength }: Planned): number {
  const data = initializer.bytes();
  if (data.length !== dataLength) {
    throw new RuntimeError("R0404", `weight ${JSON.stringify(initializer.name)} has ${data.length} bytes, its type ${dataLength}`, "ort");
  }
  model.set(head, at);
  model.set(data, at + head.length);
  return at + head.length + dataLength;
}
