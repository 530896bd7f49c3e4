/** @file The codec `planes` and the pass `lossless`: every bit pattern of every float type comes back, real weights shrink as published, and `convert` gives the original's exact initializers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bundledPlugins } from "../../compiler/cli/plugins.ts";
import { compile } from "../../compiler/compile.ts";
import { readSource } from "../../compiler/emit/read-source.ts";
import { exportOnnx } from "../../compiler/export/index.ts";
import { importOnnx } from "../../compiler/import/index.ts";
import { onnx } from "../../compiler/import/onnx/proto/gen/onnx.js";
import { Random } from "../../compiler/random/random.ts";
import {
  bytesEqual,
  type Constant,
  constantBytes,
  createCoreRegistry,
  type DType,
  dataConstant,
  type Module,
} from "../../ir-spec/index.ts";
import { entropy } from "../../plugins/entropy/index.ts";
import { planesEncoder } from "../../plugins/entropy/planes-encoder.ts";
import { decoderTable } from "../../runtime/codec/index.ts";
import { RuntimeError } from "../../runtime/errors.ts";
import { DATA, hasData } from "../support/data.ts";
import { needing } from "../support/skip.ts";

const dataTest = needing(test, "data", hasData);
const planes = decoderTable().get("planes");
const registry = createCoreRegistry();

function decode(stored: Uint8Array, dtype: DType, count: number): Uint8Array {
  if (!planes) throw new Error("no decoder");
  const rawLength = count * (dtype === "f32" ? 4 : 2);
  return planes.decode({ stored, params: new Uint8Array(0), rawLength, dtype, shape: [count] });
}

function encode(bytes: Uint8Array, dtype: DType): Uint8Array {
  const coded = planesEncoder.encode({ bytes, dtype, shape: [bytes.length / (dtype === "f32" ? 4 : 2)] });
  if (!coded) throw new Error("not coded");
  return coded.bytes;
}

function roundTrip(bytes: Uint8Array, dtype: DType): number {
  const stored = encode(bytes, dtype);
  const back = decode(stored, dtype, bytes.length / (dtype === "f32" ? 4 : 2));
  assert.is(Buffer.compare(Buffer.from(back), Buffer.from(bytes)), 0, dtype);
  return stored.length;
}

test("all 65536 patterns of f16 and bf16, NaNs and denormals among them, come back", () => {
  const all = new Uint8Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer);
  for (const dtype of ["f16", "bf16"] as const) roundTrip(all, dtype);
});

test("any bytes of any float type come back", () => {
  fc.assert(
    fc.property(fc.constantFrom("f32", "f16", "bf16"), fc.integer({ min: 1, max: 300 }), fc.integer(), (dtype, count, seed) => {
      const random = new Random(seed >>> 0);
      roundTrip(
        Uint8Array.from({ length: count * (dtype === "f32" ? 4 : 2) }, () => random.int(256)),
        dtype as DType,
      );
    }),
    { numRuns: 300, seed: 1 },
  );
  assert.is(planesEncoder.encode({ bytes: new Uint8Array(8), dtype: "f64", shape: [1] }), null);
  assert.is(planesEncoder.encode({ bytes: new Uint8Array(0), dtype: "f32", shape: [0] }), null);
});

test("streams that no encoder writes are refused or end", () => {
  const random = new Random(2);
  const stored = encode(new Uint8Array(Float32Array.from({ length: 900 }, () => random.normal()).buffer), "f32");
  for (let length = 0; length < stored.length; length += 1 + (length >> 5))
    assert.throws(() => decode(stored.subarray(0, length), "f32", 900), isRefusal);
  assert.throws(() => decode(Uint8Array.from([...stored, 0]), "f32", 900), isRefusal);
  assert.throws(() => decode(stored, "f32", 901), isRefusal);
  assert.throws(() => decode(Uint8Array.of(77, 0, 0), "f16", 4), isRefusal);
  for (let i = 0; i < 500; i++) {
    const damaged = stored.slice();
    damaged[random.int(30)] = random.int(256);
    try {
      decode(damaged, "f32", 900);
    } catch (error) {
      assert.ok(isRefusal(error), String(error));
    }
  }
});

function isRefusal(error: unknown): boolean {
  return error instanceof RuntimeError && error.code === "R0110";
}

/** Upper halves of the floats' bits, rounded to nearest even. */
function toBf16(bytes: Uint8Array): Uint8Array {
  const bits = new Uint32Array(bytes.slice().buffer);
  return new Uint8Array(Uint16Array.from(bits, (b) => (b + 0x7fff + ((b >>> 16) & 1)) >>> 16).buffer);
}

const model = (name: string): Uint8Array => new Uint8Array(readFileSync(join(DATA, "models", name)));

dataTest("real weights: at least 15 % off f32 and 30 % off bf16", () => {
  const sums = { f32: [0, 0], bf16: [0, 0] };
  for (const name of ["cifar10-resnet4b.onnx", "fastestdet-coco-352.onnx"]) {
    const module = importOnnx(model(name), { registry });
    for (const constant of module.constants.values()) {
      if (constant.kind !== "data" || constant.type.dtype !== "f32" || constant.type.shape.length < 2) continue;
      const bytes = constantBytes(module, constant);
      const half = toBf16(bytes);
      sums.f32 = [(sums.f32[0] ?? 0) + roundTrip(bytes, "f32"), (sums.f32[1] ?? 0) + bytes.length];
      sums.bf16 = [(sums.bf16[0] ?? 0) + roundTrip(half, "bf16"), (sums.bf16[1] ?? 0) + half.length];
    }
  }
  const share = ([coded = 0, raw = 1]: readonly number[]) => coded / raw;
  assert.ok(share(sums.f32) <= 0.85, `f32 ${share(sums.f32)}`);
  assert.ok(share(sums.bf16) <= 0.7, `bf16 ${share(sums.bf16)}`);
});

dataTest("compile with lossless, then convert: the original's initializers, bit for bit", async () => {
  const source = model("cifar10-resnet4b.onnx");
  const { bytes } = await compile(importOnnx(source, { registry }), {
    plugins: bundledPlugins(),
    targets: ["reference"],
    pipeline: "lossless",
  });
  const plain = await compile(importOnnx(source, { registry }), { plugins: bundledPlugins(), targets: ["reference"] });
  assert.ok(bytes.length < 0.86 * plain.bytes.length, `${bytes.length} of ${plain.bytes.length}`);
  const back = onnx.ModelProto.decode(exportOnnx(readSource(bytes), { registry }));
  const restored = new Map((back.graph?.initializer ?? []).map((t) => [t.name, t]));
  const weights = (onnx.ModelProto.decode(source).graph?.initializer ?? []).filter((t) => t.dims.length >= 2);
  assert.ok(weights.length >= 13);
  for (const { name, rawData } of weights) {
    const found = restored.get(name);
    assert.ok(found, name);
    assert.is(Buffer.compare(Buffer.from(found?.rawData ?? []), Buffer.from(rawData)), 0, name);
  }
});

/** The weights a little changed, as fine-tuning does. */
function tuned(module: Module): Module {
  const random = new Random(8);
  const constants = [...module.constants.values()].map((constant): readonly [string, Constant] => {
    if (constant.kind !== "data" || constant.type.dtype !== "f32") return [constant.name, constant];
    const values = new Float32Array(constantBytes(module, constant).slice().buffer);
    values.forEach((value, i) => {
      values[i] = value * (1 + 1e-5 * random.normal());
    });
    return [constant.name, dataConstant(constant.name, constant.type, new Uint8Array(values.buffer))];
  });
  return { ...module, constants: new Map(constants) };
}

dataTest("differences to a base: far smaller, exact with the base, refused without it and with another", async () => {
  const original = importOnnx(model("cifar10-resnet2b.onnx"), { registry });
  const base = (await compile(original, { plugins: bundledPlugins(), targets: ["reference"], pipeline: "lossless" })).bytes;
  const changed = tuned(original);
  const options = { targets: ["reference"], pipeline: "lossless" };
  const { bytes } = await compile(changed, { ...options, plugins: [entropy({ base })] });
  const alone = (await compile(changed, { ...options, plugins: [entropy()] })).bytes;
  assert.ok(bytes.length < 0.6 * alone.length, `${bytes.length} of ${alone.length}`);
  const back = readSource(bytes, { base });
  for (const constant of changed.constants.values()) {
    const restored = back.constants.get(constant.name);
    if (constant.kind !== "data" || restored?.kind !== "data") continue;
    assert.ok(bytesEqual(constantBytes(back, restored), constantBytes(changed, constant)), constant.name);
  }
  const same = (await compile(original, { ...options, plugins: [entropy({ base })] })).bytes;
  assert.ok(same.length < 0.05 * alone.length, `${same.length} bytes for an unchanged model`);
  assert.throws(() => readSource(bytes), isRefusal);
  assert.throws(() => readSource(bytes, { base: alone }), isRefusal);
});

test.run();
