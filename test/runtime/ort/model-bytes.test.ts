/** @file The protobuf that the runtime writes, read back by the importer's library and, merged, by ONNX Runtime. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { onnx } from "../../../compiler/import/onnx/proto/gen/onnx.js";
import { type Initializer, modelBytes as limitedModelBytes, modelBytesLimit } from "../../../runtime/backends/ort/model-bytes.ts";
import { onnxDataTypes } from "../../../runtime/backends/ort/onnx-types.ts";
import { bytesHead, numberField, readFields, textField } from "../../../runtime/backends/ort/protobuf.ts";
import { byteLength, defaultLimits, elementCount, type RuntimeDType, RuntimeError } from "../../../runtime/index.ts";
import { onnxModel, onnxTypes } from "../../support/onnx-writer.ts";
import { ort, runOrt } from "../../support/ort.ts";
import { need } from "../../support/skip.ts";
import { scaled } from "./support.ts";

const empty = new Uint8Array(0);

const modelBytes = (skeleton: Uint8Array, initializers: readonly Initializer[]) => limitedModelBytes(skeleton, initializers, defaultLimits);

function initializer(name: string, dtype: RuntimeDType, shape: readonly number[], bytes: Uint8Array): Initializer {
  return { name, dtype, shape, bytes: () => bytes };
}

const isCode = (code: string) => (error: unknown) => error instanceof RuntimeError && error.code === code;

test("weights read back with their names, types, shapes and bytes", () => {
  const dtypes = Object.keys(onnxDataTypes) as RuntimeDType[];
  const weight = fc
    .record({
      name: fc.string({ unit: "grapheme", minLength: 1 }),
      dtype: fc.constantFrom(...dtypes),
      shape: fc.array(fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom(127, 128, 300)), { maxLength: 3 }),
      fill: fc.integer({ min: 0, max: 255 }),
    })
    .filter(({ shape }) => elementCount(shape) < 100_000);
  fc.assert(
    fc.property(fc.array(weight, { maxLength: 4 }), (weights) => {
      const made = weights.map(({ name, dtype, shape, fill }) =>
        initializer(name, dtype, shape, new Uint8Array(byteLength(dtype, elementCount(shape))).fill(fill)),
      );
      const read = onnx.ModelProto.decode(modelBytes(empty, made)).graph?.initializer ?? [];
      assert.is(read.length, made.length);
      made.forEach((one, i) => {
        const tensor = read[i];
        assert.is(tensor?.name, one.name);
        assert.is(tensor?.dataType, onnxTypes[one.dtype]);
        assert.equal((tensor?.dims ?? []).map(Number), one.shape);
        assert.ok(Buffer.from(tensor?.rawData ?? []).equals(one.bytes()));
      });
    }),
    { seed: 11, numRuns: 200 },
  );
});

test("behind a skeleton they add to its graph, and nothing else of it changes", () => {
  const skeleton = onnxModel(scaled);
  const weight = initializer("w", "f32", [3], new Uint8Array(12).fill(7));
  const [before, after] = [skeleton, modelBytes(skeleton, [weight])].map((bytes) => onnx.ModelProto.decode(bytes));
  assert.is(before?.graph?.initializer?.length ?? 0, 0);
  assert.is(after?.graph?.initializer?.length, 1);
  const without = { ...after?.graph, initializer: before?.graph?.initializer };
  assert.equal(JSON.stringify({ ...after, graph: without }), JSON.stringify({ ...before, graph: { ...before?.graph } }));
});

test("ONNX Runtime merges the two messages", async () => {
  if (!need("ort", ort !== null, "ONNX Runtime merges the two messages")) return;
  const weight = initializer("w", "f32", [3], new Uint8Array(Float32Array.of(2, -1, 0.5).buffer));
  const { y } = await runOrt(modelBytes(onnxModel(scaled), [weight]), {
    x: { dtype: "f32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
  });
  assert.equal([...(y?.data ?? [])], [2, -2, 1.5, 8, -5, 3]);
});

test("more than protobuf can count is refused before a byte is asked for", () => {
  const never = (): Uint8Array => assert.unreachable("asked for bytes") as never;
  const huge: Initializer = { name: "w", dtype: "f32", shape: [2 ** 29], bytes: never };
  assert.throws(() => modelBytes(empty, [huge]), isCode("R0413"));
  const two = [2 ** 30, 2 ** 30].map((size, i): Initializer => ({ name: `w${i}`, dtype: "i8", shape: [size], bytes: never }));
  assert.throws(() => modelBytes(empty, two), isCode("R0413"));
  assert.is(modelBytesLimit, 2_147_483_647);
});

test("the caller's limit on memory holds", () => {
  const weight = initializer("w", "f32", [100], new Uint8Array(400));
  assert.throws(() => limitedModelBytes(empty, [weight], { ...defaultLimits, maxMemory: 400 }), isCode("R0411"));
  assert.ok(limitedModelBytes(empty, [weight], { ...defaultLimits, maxMemory: 500 }).length < 500);
});

test("a dtype that ONNX has not, and data of a wrong length, are refused", () => {
  assert.throws(() => modelBytes(empty, [initializer("w", "u2", [4], new Uint8Array(1))]), isCode("R0412"));
  assert.throws(() => modelBytes(empty, [initializer("w", "f32", [2], new Uint8Array(7))]), isCode("R0404"));
});

test("fields are read back as they were written, and bytes that are none are told", () => {
  const message = Uint8Array.from([...numberField(1, 2 ** 40 + 3), ...textField(200, "æ"), ...bytesHead(3, 2), 9, 8]);
  const fields = readFields(message);
  assert.equal(
    fields?.map(({ number, wire, bytes }) => [number, wire, bytes.length]),
    [
      [1, 0, 6],
      [200, 2, 2],
      [3, 2, 2],
    ],
  );
  for (let length = 1; length < message.length; length++) {
    const cut = readFields(message.subarray(0, length));
    assert.ok(cut === null || cut.length < 3, `${length} bytes gave ${cut?.length} fields`);
  }
  for (const bad of [[0], [2, 0], [11], [12], [10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1], [9, 1, 2], [13, 1]]) {
    assert.is(readFields(Uint8Array.from(bad)), null, bad.join());
  }
});

test.run();
