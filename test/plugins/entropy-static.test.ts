/** @file The codecs with tables, rANS and Huffman: exact round trips, sizes against the order-0 entropy and an independent bound, and streams that no encoder writes. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../../compiler/random/random.ts";
import { byteLengthOf, type DType, dtypeInfo, dtypes } from "../../ir-spec/index.ts";
import { codeLengths } from "../../plugins/entropy/code-lengths.ts";
import { huffmanEncoder } from "../../plugins/entropy/huffman-encoder.ts";
import { ransEncoder } from "../../plugins/entropy/rans-encoder.ts";
import { entropyBits, symbolsOf } from "../../plugins/entropy/symbol-counts.ts";
import { huffman } from "../../runtime/codec/huffman.ts";
import { rans } from "../../runtime/codec/rans.ts";
import { RuntimeError } from "../../runtime/errors.ts";

const codecs = [
  { encoder: ransEncoder, decoder: rans },
  { encoder: huffmanEncoder, decoder: huffman },
] as const;
type Codec = (typeof codecs)[number];

function encode({ encoder }: Codec, bytes: Uint8Array, dtype: DType, shape: readonly number[]): Uint8Array {
  const coded = encoder.encode({ bytes, dtype, shape });
  if (!coded) throw new Error("not coded");
  assert.is(coded.params.length, 0);
  return coded.bytes;
}

function decode({ decoder }: Codec, stored: Uint8Array, dtype: DType, shape: readonly number[]): Uint8Array {
  const count = shape.reduce((n, d) => n * d, 1);
  return decoder.decode({ stored, params: new Uint8Array(0), rawLength: byteLengthOf(dtype, count), dtype, shape });
}

function roundTrip(codec: Codec, bytes: Uint8Array, dtype: DType, shape: readonly number[]): number {
  const stored = encode(codec, bytes, dtype, shape);
  assert.is(
    Buffer.compare(Buffer.from(decode(codec, stored, dtype, shape)), Buffer.from(bytes)),
    0,
    `${codec.encoder.id} ${dtype} [${shape}]`,
  );
  return stored.length;
}

const bell = (count: number, spread: number, seed: number): Uint8Array => {
  const random = new Random(seed);
  return Uint8Array.from({ length: count }, () => Math.max(-128, Math.min(127, Math.round(random.normal() * spread))) & 255);
};

for (const codec of codecs) {
  const { id } = codec.encoder;

  test(`${id}: any bytes of any dtype come back`, () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...dtypes),
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 0, max: 1e9 }),
        fc.constantFrom(1, 2, 3, 17, 256),
        (dtype, count, seed, kinds) => {
          const random = new Random(seed);
          const bytes = Uint8Array.from({ length: byteLengthOf(dtype, count) }, () => (random.int(kinds) * 37) & 255);
          const spare = bytes.length * 8 - count * dtypeInfo(dtype).bits;
          if (spare > 0) bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) & (255 >> spare);
          roundTrip(codec, bytes, dtype, [count]);
        },
      ),
      { numRuns: 400, seed: 1 },
    );
  });

  test(`${id}: one symbol, two, all 256, one of each, and one that hides among many`, () => {
    for (const length of [1, 2, 3, 4, 5, 1000]) roundTrip(codec, new Uint8Array(length).fill(200), "i8", [length]);
    roundTrip(codec, Uint8Array.of(1, 2), "u8", [2]);
    for (const times of [1, 7])
      roundTrip(
        codec,
        Uint8Array.from({ length: 256 * times }, (_, i) => (i * 77) & 255),
        "u8",
        [256 * times],
      );
    const rare = new Uint8Array(70_001).fill(3);
    rare[70_000] = 255;
    roundTrip(codec, rare, "u8", [rare.length]);
    const fibonacci = [1, 1];
    while (fibonacci.length < 22) fibonacci.push((fibonacci.at(-1) ?? 0) + (fibonacci.at(-2) ?? 0));
    const deep = Uint8Array.from(fibonacci.flatMap((n, symbol) => new Array<number>(n).fill(symbol)));
    roundTrip(codec, deep, "u8", [deep.length]);
  });

  test(`${id}: nothing to code is not coded, and an empty tensor needs no bytes to come back`, () => {
    assert.is(codec.encoder.encode({ bytes: new Uint8Array(0), dtype: "i8", shape: [0] }), null);
  });

  test(`${id}: every shorter, longer or changed stream is an error or as many bytes, soon`, () => {
    const bytes = bell(3000, 9, 3);
    const stored = encode(codec, bytes, "i8", [3000]);
    for (let length = 0; length < stored.length; length += 1 + (length >> 4)) {
      assert.throws(() => decode(codec, stored.subarray(0, length), "i8", [3000]), isRefusal, `the first ${length} bytes`);
    }
    assert.throws(() => decode(codec, Uint8Array.from([...stored, 0]), "i8", [3000]), isRefusal);
    assert.throws(() => decode(codec, stored, "i8", [30_000_000]), isRefusal);
    const random = new Random(4);
    let refused = 0;
    for (let i = 0; i < 2000; i++) {
      const damaged = stored.slice();
      for (let k = 1 + random.int(3); k > 0; k--) damaged[random.int(k > 1 ? 60 : damaged.length)] = random.int(256);
      refused += outcome(() => decode(codec, damaged, "i8", [3000])) === "refused" ? 1 : 0;
    }
    assert.ok(refused > 500, `${refused} refused`);
    for (let i = 0; i < 500; i++)
      outcome(() =>
        decode(
          codec,
          Uint8Array.from({ length: 40 }, () => random.int(256)),
          "u4",
          [77],
        ),
      );
    assert.throws(() => codec.decoder.decode({ stored, params: Uint8Array.of(1), rawLength: 3000, dtype: "i8", shape: [3000] }), isRefusal);
  });
}

function isRefusal(error: unknown): boolean {
  return error instanceof RuntimeError && error.code === "R0110";
}

function outcome(attempt: () => Uint8Array): "refused" | "decoded" {
  try {
    attempt();
    return "decoded";
  } catch (error) {
    assert.ok(isRefusal(error), String(error));
    return "refused";
  }
}

test("rANS stays within 1 % of the order-0 entropy from 64 KiB on, table and states included", () => {
  for (const spread of [1, 4, 12, 35]) {
    const bytes = bell(65_536, spread, spread);
    const found = symbolsOf({ bytes, dtype: "i8", shape: [65_536] });
    const entropy = entropyBits(found?.counts ?? []) / 8;
    const size = roundTrip(codecs[0], bytes, "i8", [65_536]);
    assert.ok(size <= entropy * 1.01, `spread ${spread}: ${size} bytes, entropy ${entropy.toFixed(0)}`);
    assert.ok(size >= entropy, `spread ${spread}: ${size} bytes is below the entropy ${entropy.toFixed(0)}`);
  }
});

test("Huffman's code is optimal: the sum of a plain merge of the two rarest, where no code is too long", () => {
  const random = new Random(8);
  for (let trial = 0; trial < 50; trial++) {
    const counts = Uint32Array.from({ length: 40 }, () => random.int(1000));
    const lengths = codeLengths(counts, 15);
    const bits = counts.reduce((sum, count, symbol) => sum + count * (lengths[symbol] as number), 0);
    assert.is(bits, mergedBits(counts));
  }
  const fibonacci = Uint32Array.from({ length: 30 }, (_, i) => Math.round(1.618034 ** i));
  const limited = codeLengths(fibonacci, 15);
  assert.is(Math.max(...limited), 15);
  assert.is(
    limited.reduce((kraft, length) => kraft + 2 ** -length, 0),
    1,
  );
});

/** Huffman's algorithm, without the codes: each merge costs its weight. */
function mergedBits(counts: Uint32Array): number {
  const weights = [...counts].filter((count) => count > 0);
  let bits = 0;
  while (weights.length > 1) {
    weights.sort((a, b) => b - a);
    const sum = (weights.pop() ?? 0) + (weights.pop() ?? 0);
    bits += sum;
    weights.push(sum);
  }
  return bits;
}

test.run();
