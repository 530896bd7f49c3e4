/** @file The context coder: exact round trips, sizes against the order-0 entropy where codes have structure and where they have none, streams that no encoder writes, and tables that every engine computes alike. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../compiler/random/random.ts";
import { byteLengthOf, type DType, dtypeInfo, encodeTensor, hostTensor } from "../../ir-spec/index.ts";
import { contextEncoder } from "../../plugins/entropy/context-encoder.ts";
import { entropyBits, symbolsOf } from "../../plugins/entropy/symbol-counts.ts";
import { context } from "../../runtime/codec/context.ts";
import { exactExp, exactLog } from "../../runtime/codec/exact-math.ts";
import { magnitudeBin } from "../../runtime/codec/magnitude-prior.ts";
import { RuntimeError } from "../../runtime/errors.ts";

const coded = ["i8", "u8", "i4", "u4", "i2", "u2", "u1", "bool"] as const;

function encode(bytes: Uint8Array, dtype: DType, shape: readonly number[]): Uint8Array {
  const answer = contextEncoder.encode({ bytes, dtype, shape });
  if (!answer) throw new Error("not coded");
  assert.is(answer.params.length, 0);
  return answer.bytes;
}

function decode(stored: Uint8Array, dtype: DType, shape: readonly number[], params = new Uint8Array(0)): Uint8Array {
  const count = shape.reduce((n, d) => n * d, 1);
  return context.decode({ stored, params, rawLength: byteLengthOf(dtype, count), dtype, shape });
}

function roundTrip(bytes: Uint8Array, dtype: DType, shape: readonly number[]): number {
  const stored = encode(bytes, dtype, shape);
  assert.is(Buffer.compare(Buffer.from(decode(stored, dtype, shape)), Buffer.from(bytes)), 0, `${dtype} [${shape}]`);
  return stored.length;
}

function entropyOf(bytes: Uint8Array, dtype: DType, shape: readonly number[]): number {
  return entropyBits(symbolsOf({ bytes, dtype, shape })?.counts ?? []) / 8;
}

function tensor(dtype: DType, shape: readonly number[], value: (i: number) => number): Uint8Array {
  const host = hostTensor(dtype, shape);
  for (let i = 0; i < host.data.length; i++) host.data[i] = value(i);
  return encodeTensor(host);
}

test("any codes of any shape come back", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...coded),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 0, maxLength: 4 }),
      fc.integer({ min: 0, max: 1e9 }),
      fc.constantFrom(1, 2, 3, 16, 256),
      (dtype, shape, seed, kinds) => {
        const count = shape.reduce((n, d) => n * d, 1);
        const random = new Random(seed);
        const bytes = Uint8Array.from(
          { length: byteLengthOf(dtype, count) },
          () => (random.int(kinds) * 85) & (dtype === "bool" ? 1 : 255),
        );
        const spare = bytes.length * 8 - count * dtypeInfo(dtype).bits;
        if (spare > 0) bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) & (255 >> spare);
        roundTrip(bytes, dtype, shape);
      },
    ),
    { numRuns: 500, seed: 1 },
  );
});

test("extremes, runs, and codes that every predictor follows come back", () => {
  for (const fill of [0, 127, 128, 255]) roundTrip(new Uint8Array(5000).fill(fill), "i8", [10, 500]);
  for (const fill of [0, 0x77, 0x88, 0xff]) roundTrip(new Uint8Array(500).fill(fill), "i4", [10, 10, 10]);
  const wave = tensor("i8", [16, 128], (i) => Math.round(127 * Math.sin(((i % 128) * (1 + Math.floor(i / 128))) / 9)));
  assert.ok(roundTrip(wave, "i8", [16, 128]) < 0.6 * entropyOf(wave, "i8", [16, 128]), "a sine is predicted");
  const steps = tensor("i8", [8, 64], (i) => (i % 2 ? 127 : -128));
  roundTrip(steps, "i8", [8, 64]);
});

test("what is no code, and nothing, is not coded", () => {
  assert.is(contextEncoder.encode({ bytes: new Uint8Array(8), dtype: "f32", shape: [2] }), null);
  assert.is(contextEncoder.encode({ bytes: new Uint8Array(0), dtype: "i8", shape: [0, 3] }), null);
});

test("independent codes cost their order-0 entropy, structured ones clearly less", () => {
  const random = new Random(3);
  const shape = [64, 64, 3, 3];
  const count = 64 * 64 * 9;
  for (const [dtype, spread] of [
    ["i8", 30],
    ["i4", 2.5],
  ] as const) {
    const limit = dtype === "i8" ? 127 : 7;
    const clip = (v: number) => Math.max(-limit, Math.min(limit, Math.round(v)));
    const plain = tensor(dtype, shape, () => clip(random.normal() * spread));
    const plainEntropy = entropyOf(plain, dtype, shape);
    assert.ok(roundTrip(plain, dtype, shape) < 1.01 * plainEntropy, dtype);
    const scales = Float32Array.from({ length: 64 * 9 }, () => 2 ** (random.float() * 4 - 3));
    const columns = tensor(dtype, shape, (i) => clip(random.normal() * spread * (scales[i % 576] as number)));
    const size = roundTrip(columns, dtype, shape);
    assert.ok(size < 0.95 * entropyOf(columns, dtype, shape), `${dtype}: ${size} of ${entropyOf(columns, dtype, shape).toFixed(0)}`);
  }
  const mask = tensor("u1", [200, 200], (i) => (Math.floor(i / 4) % 200 < 30 + 20 * (Math.floor(i / 3000) % 3) ? 1 : 0));
  assert.ok(roundTrip(mask, "u1", [200, 200]) < 0.2 * entropyOf(mask, "u1", [200, 200]));
  assert.ok(count > 0);
});

test("a stream that is cut, extended, damaged or declared wrongly is refused or ends", () => {
  const random = new Random(9);
  const bytes = tensor("i8", [20, 25], () => Math.round(random.normal() * 20));
  const stored = encode(bytes, "i8", [20, 25]);
  assert.throws(() => decode(stored.subarray(0, stored.length >> 1), "i8", [20, 25]), isRefusal);
  assert.throws(() => decode(new Uint8Array(0), "i8", [4000]), isRefusal);
  assert.throws(() => decode(Uint8Array.from([...stored, 1, 2, 3, 4, 5, 6, 7, 8, 9]), "i8", [20, 25]), isRefusal);
  assert.throws(() => decode(Uint8Array.from([9, ...stored.subarray(1)]), "i8", [20, 25]), isRefusal);
  assert.throws(() => decode(stored, "i8", [20, 25], Uint8Array.of(0)), isRefusal);
  assert.throws(() => decode(stored, "f32", [20, 25]), isRefusal);
  assert.throws(() => decode(Uint8Array.of(3, 0, 0, 0), "u1", [5]), isRefusal);
  let refused = 0;
  for (let i = 0; i < 1000; i++) {
    const damaged = stored.slice();
    damaged[random.int(damaged.length)] = random.int(256);
    try {
      assert.is(decode(damaged, "i8", [20, 25]).length, 500);
    } catch (error) {
      assert.ok(isRefusal(error), String(error));
      refused++;
    }
  }
  assert.ok(refused > 100, `${refused}`);
});

function isRefusal(error: unknown): boolean {
  return error instanceof RuntimeError && error.code === "R0110";
}

test("exact functions agree with Math to twelve digits, bins cover every average", () => {
  for (let x = -20; x <= 20; x += 0.37) assert.ok(Math.abs(exactExp(x) / Math.exp(x) - 1) < 1e-12, `exp ${x}`);
  for (let x = 1 / 8192; x < 8192; x *= 1.7) assert.ok(Math.abs(exactLog(x) - Math.log(x)) < 1e-12, `log ${x}`);
  let before = 0;
  for (let average = 0; average <= 128; average += 1 / 32) {
    const bin = magnitudeBin(average);
    assert.ok(bin >= before && bin < 37, `${average}: ${bin}`);
    before = bin;
  }
});

test.run();
