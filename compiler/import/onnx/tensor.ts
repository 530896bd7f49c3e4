/**
 * @file TensorProto to our canonical bytes. `raw_data` is already canonical (little-endian, row-major, sub-byte integers low bits first) and becomes a
 * view of the file's bytes, never a copy; the typed fields are packed here.
 */

import { limits } from "../../../ir-spec/format/codes.ts";
import { byteLengthOf, countOf, type DType, encodeTensor, hostTensor, type TensorType, tensorType } from "../../../ir-spec/index.ts";
import { ImportFailure } from "./errors.ts";
import { ExternalFiles, isExternal, type Region } from "./external-data.ts";
import { toBigInt, toNumber } from "./int64.ts";
import type { TensorProto } from "./proto/gen/onnx.js";

/** Dtypes by TensorProto.DataType, and the names of all types, for messages. */
const dtypeByCode: ReadonlyMap<number, DType> = new Map([
  [1, "f32"],
  [2, "u8"],
  [3, "i8"],
  [4, "u16"],
  [5, "i16"],
  [6, "i32"],
  [7, "i64"],
  [9, "bool"],
  [10, "f16"],
  [11, "f64"],
  [12, "u32"],
  [13, "u64"],
  [16, "bf16"],
  [21, "u4"],
  [22, "i4"],
  [25, "u2"],
  [26, "i2"],
]);

const typeNames: readonly string[] = [
  "undefined",
  "float",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  "string",
  "bool",
  "float16",
  "double",
  "uint32",
  "uint64",
  "complex64",
  "complex128",
  "bfloat16",
  "float8e4m3fn",
  "float8e4m3fnuz",
  "float8e5m2",
  "float8e5m2fnuz",
  "uint4",
  "int4",
  "float4e2m1",
  "float8e8m0",
  "uint2",
  "int2",
];

/** @throws ImportFailure E0609 for strings, complex numbers and 4- and 8-bit floats. */
export function dtypeOf(code: number, what: string): DType {
  const dtype = dtypeByCode.get(code);
  if (dtype === undefined)
    throw new ImportFailure("E0609", `${what} has element type ${typeNames[code] ?? code}, which has no counterpart here`);
  return dtype;
}

export interface TensorValue {
  readonly type: TensorType;
  readonly bytes: Uint8Array;
  /** Where large data in another file lies. */
  readonly elsewhere?: Region | undefined;
}

/** Fields that hold the elements of one tensor; protobuf does not say which is meant, so the first that is not empty does. */
type DataField = "rawData" | "floatData" | "int32Data" | "int64Data" | "doubleData" | "uint64Data";

const dataFields: readonly DataField[] = ["rawData", "floatData", "int32Data", "int64Data", "doubleData", "uint64Data"];

const fieldByDtype: Readonly<Record<DType, DataField>> = {
  f32: "floatData",
  f64: "doubleData",
  i64: "int64Data",
  u64: "uint64Data",
  u32: "uint64Data",
  i32: "int32Data",
  i16: "int32Data",
  u16: "int32Data",
  i8: "int32Data",
  u8: "int32Data",
  bool: "int32Data",
  f16: "int32Data",
  bf16: "int32Data",
  i4: "int32Data",
  u4: "int32Data",
  i2: "int32Data",
  u2: "int32Data",
  u1: "int32Data",
};

/** The tensor and, of one whose data is in another file, where that lies: its `bytes` are read each time they are asked for. @throws ImportFailure E0602 (size), E0603 (external), E0609 (element type). */
export function readTensor(tensor: TensorProto, what: string, files: ExternalFiles = noFiles): TensorValue {
  if (tensor.segment !== null) throw new ImportFailure("E0602", `${what} is one segment of a larger tensor: not supported`);
  const dtype = dtypeOf(tensor.dataType, what);
  const shape = tensor.dims.map(toNumber);
  if (shape.length > limits.rank)
    throw new ImportFailure("E0602", `${what} has ${shape.length} axes, at most ${limits.rank} are supported`);
  const bad = shape.find((size) => size < 0);
  if (bad !== undefined) throw new ImportFailure("E0602", `${what} has a negative size ${bad} in its shape [${shape.join(", ")}]`);
  if (!Number.isSafeInteger(countOf(shape))) throw new ImportFailure("E0602", `${what} has an impossible shape [${shape.join(", ")}]`);
  const type = tensorType(dtype, shape);
  if (!isExternal(tensor)) return { type, bytes: readBytes(tensor, dtype, shape, what) };
  const region = files.region(tensor, what, byteLengthOf(dtype, countOf(shape)));
  return region.length <= readAtOnce ? { type, bytes: region.read() } : new TensorElsewhere(type, region);
}

/** The tensor with its data inside, wherever that was. */
export function withData(tensor: TensorProto, what: string, files: ExternalFiles): TensorProto {
  if (!isExternal(tensor)) return tensor;
  const rawData = readTensor(tensor, what, files).bytes;
  return Object.create(tensor, { rawData: { value: rawData }, externalData: { value: [] }, dataLocation: { value: 0 } });
}

const noFiles = new ExternalFiles(null);

/** Smaller tensors are asked for their elements while importing. */
const readAtOnce = 1 << 16;

class TensorElsewhere implements TensorValue {
  readonly type: TensorType;
  readonly elsewhere: Region;

  constructor(type: TensorType, region: Region) {
    this.type = type;
    this.elsewhere = region;
  }

  get bytes(): Uint8Array {
    return this.elsewhere.read();
  }
}

function readBytes(tensor: TensorProto, dtype: DType, shape: readonly number[], what: string): Uint8Array {
  const count = countOf(shape);
  const expected = byteLengthOf(dtype, count);
  const field = dataFields.find((name) => tensor[name].length > 0) ?? "rawData";
  const data = tensor[field];
  const takes = `shape [${shape.join(", ")}] of ${dtype} takes`;
  if (data instanceof Uint8Array) {
    if (data.length !== expected) throw new ImportFailure("E0602", `${what} holds ${data.length} bytes, its ${takes} ${expected}`);
    return data;
  }
  if (field !== fieldByDtype[dtype]) throw new ImportFailure("E0602", `${what}: elements of ${dtype} cannot be in ${snake(field)}`);
  const entries = byteLengthOf(dtype, 8) < 8 ? expected : count;
  if (data.length !== entries)
    throw new ImportFailure("E0602", `${what} holds ${data.length} values in ${snake(field)}, its ${takes} ${entries}`);
  return packValues(dtype, data, what);
}

const snake = (field: DataField): string => field.replace("Data", "_data");

/** Values of a typed field as bytes. Half floats are bit patterns there, sub-byte integers packed bytes. */
function packValues(dtype: DType, data: TensorProto[Exclude<DataField, "rawData">], what: string): Uint8Array {
  const count = data.length;
  if (dtype === "f32") return bytesOf(Float32Array.from(data as readonly number[]));
  if (dtype === "f64") return bytesOf(Float64Array.from(data as readonly number[]));
  if (dtype === "i64") return bytesOf(BigInt64Array.from(data, toBigInt));
  if (dtype === "u64") return bytesOf(BigUint64Array.from(data, (v) => BigInt.asUintN(64, toBigInt(v))));
  const stored = ({ f16: "u16", bf16: "u16", i4: "u8", u4: "u8", i2: "u8", u2: "u8" } as Partial<Record<DType, DType>>)[dtype] ?? dtype;
  const tensor = hostTensor(stored, [count]);
  data.forEach((value, i) => {
    const number = toNumber(value);
    tensor.data[i] = number;
    if (tensor.data[i] !== number) throw new ImportFailure("E0602", `${what}: value ${number} at index ${i} is outside ${stored}`);
  });
  return encodeTensor(tensor);
}

/** Typed arrays have the machine's byte order; every engine this runs on is little-endian, and the canonical form is too. */
const bytesOf = (data: Float32Array | Float64Array | BigInt64Array | BigUint64Array): Uint8Array => new Uint8Array(data.buffer);
