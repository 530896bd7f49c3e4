/** @file The adaptive range coder: exact round trip for every dtype and shape of data, and sizes against the entropy bound. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../compiler/random/random.ts";
import { byteLengthOf, type DType, dtypes, encodeTensor, hostTensor } from "../../ir-spec/index.ts";
import { rangeEncoder } from "../../plugins/entropy/range-encoder.ts";
import { range } from "../../runtime/codec/range.ts";

function roundTrip(bytes: Uint8Array, dtype: DType, shape: readonly number[]): number {
  const coded = rangeEncoder.encode({ bytes, dtype, shape });
  if (!coded) throw new Error("not coded");
  const decoded = range.decode({ stored: coded.bytes, params: coded.params, rawLength: bytes.length, dtype, shape });
  assert.equal(Buffer.compare(Buffer.from(decoded), Buffer.from(bytes)), 0, `${dtype} [${shape}]`);
  return coded.bytes.length;
}

test("any bytes of any dtype come back", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...dtypes),
      fc.integer({ min: 1, max: 300 }),
      fc.integer({ min: 0, max: 1e9 }),
      fc.integer({ min: 1, max: 255 }),
      (dtype, count, seed, spread) => {
        const random = new Random(seed);
        const bytes = Uint8Array.from({ length: byteLengthOf(dtype, count) }, () => random.int(spread + 1));
        const spare = bytes.length * 8 - count * (dtype === "bool" ? 8 : Number(/\d+/.exec(dtype)?.[0]));
        if (spare > 0) bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) & (255 >> spare);
        roundTrip(bytes, dtype, [count]);
      },
    ),
    { numRuns: 400, seed: 1 },
  );
});

test("long runs and carries come back", () => {
  for (const fill of [0, 255, 127, 128]) roundTrip(new Uint8Array(20000).fill(fill), "u8", [20000]);
  const random = new Random(5);
  for (const share of [0.001, 0.01, 0.5, 0.99, 0.999]) {
    const bits = Uint8Array.from({ length: 30000 }, () => (random.float() < share ? 1 : 0));
    roundTrip(encodeTensor(hostTensor("u1", [bits.length], bits)), "u1", [bits.length]);
  }
});

test("within 2 % and 16 bytes of the order-0 entropy on independent symbols", () => {
  const random = new Random(7);
  for (const share of [0.05, 0.2, 0.5]) {
    const bits = Uint8Array.from({ length: 40000 }, () => (random.float() < share ? 1 : 0));
    const ones = bits.reduce((n, b) => n + b, 0) / bits.length;
    const entropy = (bits.length * -(ones * Math.log2(ones) + (1 - ones) * Math.log2(1 - ones))) / 8;
    const size = roundTrip(encodeTensor(hostTensor("u1", [bits.length], bits)), "u1", [bits.length]);
    assert.ok(size <= entropy * 1.02 + 16, `${size} bytes, entropy ${entropy.toFixed(0)}`);
    assert.ok(size >= entropy * 0.95, `${size} bytes is below the entropy ${entropy.toFixed(0)}`);
  }
});

test("a stream that ends early or late is refused", () => {
  const random = new Random(9);
  const bytes = Uint8Array.from({ length: 500 }, () => random.int(256));
  const coded = rangeEncoder.encode({ bytes, dtype: "u8", shape: [500] });
  if (!coded) throw new Error("not coded");
  const decode = (stored: Uint8Array, params = coded.params) => range.decode({ stored, params, rawLength: 500, dtype: "u8", shape: [500] });
  assert.throws(() => decode(coded.bytes.subarray(0, 100)), /R0110/);
  assert.throws(() => decode(Uint8Array.from([...coded.bytes, 1, 2, 3, 4, 5, 6, 7, 8, 9])), /R0110/);
  assert.throws(() => decode(coded.bytes, Uint8Array.of(4, 0, 5)), /R0110/);
  assert.throws(() => decode(coded.bytes, Uint8Array.of(8, 2, 5)), /R0110/);
});

test.run();
