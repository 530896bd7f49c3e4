/** @file Kernels of integers with codes for dtype and operation: single strided runs, and nothing written beside them. The dtypes are gone through in the manifest test. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bench, bytesOf, floats, same } from "./harness.ts";

/** Codes of `assembly/integer.ts`. */
const kinds = { i8: 0, u8: 1, i32: 4, i64: 6, bool: 8, f32: 9 } as const;
const ops = { add: 0, mul: 2, div: 3, max: 5, xor: 11, less: 13 } as const;

const int32s = (n: number, seed: number): Int32Array => Int32Array.from(bytesOf(n, seed), (byte) => (byte - 128) * 30_000_001);

test("int_binary walks its operands in steps and stores comparisons as bytes", () => {
  const b = bench();
  const [x, z] = [int32s(12, 1), int32s(4, 2)];
  const [at, zAt, y, truth] = [b.putLast(x), b.put(z), b.room(16), b.room(4)];
  b.k.int_binary(ops.mul, kinds.i32, at, 3, zAt, 1, y, 4);
  same(
    b.u32(y, 4),
    Array.from(z, (value, i) => Math.imul(x[3 * i] as number, value) >>> 0),
    "product",
  );
  b.k.int_binary(ops.less, kinds.i32, at, 0, zAt, 1, truth, 4);
  same(
    b.u8(truth, 4),
    Array.from(z, (value) => Number((x[0] as number) < value)),
    "less",
  );
  b.done();
});

test("int_binary takes bits in vectors and one by one", () => {
  const b = bench();
  for (const n of [1, 15, 16, 17, 40]) {
    const [x, z] = [bytesOf(n, n), bytesOf(n, n + 1)];
    const y = b.room(n);
    b.k.int_binary(ops.xor, kinds.u8, b.put(x), 1, b.putLast(z), 1, y, n);
    same(
      b.u8(y, n),
      x.map((byte, i) => byte ^ (z[i] as number)),
      `${n} bytes`,
    );
  }
  const [words, wanted] = [int32s(7, 8), int32s(7, 9)];
  const y = b.room(28);
  b.k.int_binary(ops.xor, kinds.i32, b.put(words), 1, b.put(wanted), 1, y, 7);
  same(
    b.u32(y, 7),
    Array.from(words, (word, i) => (word ^ (wanted[i] as number)) >>> 0),
    "words",
  );
  b.done();
});

test("int_binary divides by zero and the smallest by -1 without a trap", () => {
  const b = bench();
  const numerators = BigInt64Array.of(-(2n ** 63n), 7n, -7n);
  const y = b.room(24);
  b.k.int_binary(ops.div, kinds.i64, b.put(numerators), 1, b.put(BigInt64Array.of(-1n, 0n, 2n)), 1, y, 3);
  assert.equal([...new BigInt64Array(b.u8(y, 24).buffer)], [-(2n ** 63n), 0n, -3n]);
  b.done();
});

test("int_unary and where_run", () => {
  const b = bench();
  const x = Int8Array.from(bytesOf(13, 3));
  const y = b.room(13);
  b.k.int_unary(1, kinds.i8, b.putLast(x), y, 13);
  same(b.i8(y, 13), Int8Array.from(x, Math.abs), "abs");
  b.k.int_unary(3, kinds.bool, b.put(Uint8Array.of(0, 1, 1)), y, 3);
  same(b.u8(y, 3), [1, 0, 0], "not");
  const [left, right] = [int32s(5, 4), int32s(1, 5)];
  const [condition, chosen] = [Uint8Array.of(1, 0, 1, 1, 0), b.room(20)];
  b.k.where_run(2, b.put(condition), 1, b.putLast(left), 1, b.put(right), 0, chosen, 5);
  same(
    b.u32(chosen, 5),
    Array.from(condition, (c, i) => ((c ? left[i] : right[0]) as number) >>> 0),
    "where",
  );
  b.done();
});

test("int_reduce and int_argmax over [outer, axis, inner]", () => {
  const b = bench();
  const x = Int8Array.from(bytesOf(2 * 5 * 3, 6, 7));
  const at = b.putLast(x);
  const lines = Array.from({ length: 6 }, (_, line) =>
    Array.from({ length: 5 }, (_unused, k) => x[(Math.floor(line / 3) * 5 + k) * 3 + (line % 3)] as number),
  );
  const [y, indices] = [b.room(6), b.room(48)];
  b.k.int_reduce(ops.max, kinds.i8, at, y, 2, 5, 3);
  same(
    b.i8(y, 6),
    lines.map((values) => Math.max(...values)),
    "max",
  );
  b.k.int_reduce(ops.max, kinds.i8, at, y, 2, 0, 3);
  same(b.i8(y, 6), new Array<number>(6).fill(-128), "max of nothing");
  const argmax = (last: number) => {
    b.k.int_argmax(last, kinds.i8, at, indices, 2, 5, 3);
    return Array.from(new BigInt64Array(b.u8(indices, 48).buffer), Number);
  };
  assert.equal(
    argmax(0),
    lines.map((values) => values.indexOf(Math.max(...values))),
  );
  assert.equal(
    argmax(1),
    lines.map((values) => values.lastIndexOf(Math.max(...values))),
  );
  b.done();
});

test("cumulate, both ways and without the element itself", () => {
  const b = bench();
  const x = floats(20, 7);
  const [at, y] = [b.putLast(x), b.room(80)];
  for (const exclusive of [0, 1]) {
    for (const reverse of [0, 1]) {
      b.k.cumulate(ops.add, kinds.f32, exclusive, reverse, at, y, 2, 5, 2);
      const wanted = Array.from(x, (_, i) => {
        const [row, k, lane] = [Math.floor(i / 10), Math.floor(i / 2) % 5, i % 2];
        const before = [0, 1, 2, 3, 4].filter((other) => (reverse ? other > k : other < k) || (exclusive === 0 && other === k));
        const ordered = reverse ? before.reverse() : before;
        return Math.fround(ordered.reduce((sum, other) => sum + (x[row * 10 + other * 2 + lane] as number), 0));
      });
      same(b.f32(y, 20), wanted, `exclusive ${exclusive}, reverse ${reverse}`);
    }
  }
  b.done();
});

test.run();
