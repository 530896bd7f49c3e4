/** @file TensorProto to bytes: raw and typed fields agree for every element type, and raw data is not copied. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Input, onnx, type TensorProto } from "../../compiler/import/onnx/proto/gen/onnx.js";
import { readTensor } from "../../compiler/import/onnx/tensor.ts";
import { byteLengthOf, type DType, encodeTensor, hostTensor } from "../../ir-spec/index.ts";

const read = (proto: Input<TensorProto>) => readTensor(onnx.TensorProto.decode(onnx.TensorProto.encode(proto).finish()), "it");

/** Code, our dtype, and bits of one entry of the typed field that holds it. */
const cases: readonly (readonly [code: number, dtype: DType, field: keyof TensorProto])[] = [
  [1, "f32", "floatData"],
  [2, "u8", "int32Data"],
  [3, "i8", "int32Data"],
  [4, "u16", "int32Data"],
  [5, "i16", "int32Data"],
  [6, "i32", "int32Data"],
  [7, "i64", "int64Data"],
  [9, "bool", "int32Data"],
  [10, "f16", "int32Data"],
  [11, "f64", "doubleData"],
  [12, "u32", "uint64Data"],
  [13, "u64", "uint64Data"],
  [16, "bf16", "int32Data"],
  [21, "u4", "int32Data"],
  [22, "i4", "int32Data"],
  [25, "u2", "int32Data"],
  [26, "i2", "int32Data"],
];

/** Canonical bytes as the numbers that the typed field holds: elements, bit patterns of half floats, or packed bytes. */
function fieldEntries(dtype: DType, bytes: Uint8Array): readonly unknown[] {
  const buffer = bytes.slice().buffer;
  const long = (v: bigint, unsigned: boolean) => ({
    low: Number(BigInt.asIntN(32, v)),
    high: Number(BigInt.asIntN(32, v >> 32n)),
    unsigned,
  });
  switch (dtype) {
    case "f32":
      return [...new Float32Array(buffer)];
    case "f64":
      return [...new Float64Array(buffer)];
    case "i64":
      return [...new BigInt64Array(buffer)].map((v) => long(v, false));
    case "u64":
      return [...new BigUint64Array(buffer)].map((v) => long(v, true));
    case "u32":
      return [...new Uint32Array(buffer)];
    case "i32":
      return [...new Int32Array(buffer)];
    case "i16":
      return [...new Int16Array(buffer)];
    case "u16":
    case "f16":
    case "bf16":
      return [...new Uint16Array(buffer)];
    case "i8":
      return [...new Int8Array(buffer)];
    default:
      return [...bytes];
  }
}

for (const [dataType, dtype, field] of cases) {
  test(`${dtype}: raw_data and ${field} give the same bytes`, () => {
    const element = dtype.startsWith("f") || dtype === "bf16" ? fc.constantFrom(0, -0, 1.5, -2.25, 0.125) : fc.constantFrom(0, 1);
    fc.assert(
      fc.property(fc.array(element, { maxLength: 9 }), (values) => {
        const tensor = hostTensor(dtype, [values.length]);
        values.forEach((v, i) => {
          tensor.data[i] = (tensor.data instanceof BigInt64Array || tensor.data instanceof BigUint64Array ? BigInt(v) : v) as never;
        });
        const bytes = encodeTensor(tensor);
        const fromRaw = read({ dataType, dims: [values.length], rawData: bytes });
        const fromField = read({ dataType, dims: [values.length], [field]: fieldEntries(dtype, bytes) });
        assert.equal([...fromRaw.bytes], [...bytes]);
        assert.equal([...fromField.bytes], [...bytes]);
        assert.equal(fromField.type, { dtype, shape: [values.length] });
      }),
      { numRuns: 20 },
    );
  });
}

test("whole ranges survive the typed fields", () => {
  assert.equal([...read({ dataType: 3, dims: [2], int32Data: [-128, 127] }).bytes], [128, 127]);
  assert.equal([...read({ dataType: 22, dims: [3], int32Data: [0x8f, 0x07] }).bytes], [0x8f, 0x07]);
  const [low] = new BigInt64Array(
    read({ dataType: 7, dims: [1], int64Data: [{ low: 0, high: -(2 ** 31), unsigned: false }] }).bytes.slice().buffer,
  );
  assert.is(low, -(2n ** 63n));
  const [high] = new BigUint64Array(
    read({ dataType: 13, dims: [1], uint64Data: [{ low: -1, high: -1, unsigned: true }] }).bytes.slice().buffer,
  );
  assert.is(high, 2n ** 64n - 1n);
});

test("raw data is a view of the file, signaling NaNs included", () => {
  const bits = Uint8Array.from([1, 0, 0xa0, 0x7f]);
  const file = onnx.TensorProto.encode({ dataType: 1, dims: [1], rawData: bits }).finish();
  const { bytes } = readTensor(onnx.TensorProto.decode(new Uint8Array(file.buffer, file.byteOffset, file.length)), "it");
  assert.is(bytes.buffer, file.buffer);
  assert.equal([...bytes], [...bits]);
});

test("an empty tensor has no bytes", () => {
  const { type, bytes } = read({ dataType: 1, dims: [0, 3] });
  assert.equal(type.shape, [0, 3]);
  assert.is(bytes.length, byteLengthOf("f32", 0));
});

test.run();
