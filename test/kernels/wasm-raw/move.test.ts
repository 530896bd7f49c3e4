/** @file Data movement kernels, bit for bit, for every element size. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bench, bytesOf, random } from "./harness.ts";

const SIZES = [1, 2, 4, 8] as const;
const product = (dims: readonly number[]): number => dims.reduce((p, d) => p * d, 1);

function rowMajor(dims: readonly number[]): number[] {
  return dims.map((_, d) => product(dims.slice(d + 1)));
}

/** Position of flat index i in `dims`. */
function unravel(i: number, dims: readonly number[]): number[] {
  return rowMajor(dims).map((step, d) => Math.floor(i / step) % (dims[d] ?? 1));
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((s, v, i) => s + v * (b[i] ?? 0), 0);

/** Element by element: `source(position)` is the element's index in x, or undefined for the fill value. */
function picked(size: number, x: Uint8Array, dims: readonly number[], source: (p: number[]) => number | undefined, fill?: Uint8Array) {
  const y = new Uint8Array(product(dims) * size);
  for (let i = 0; i < product(dims); i++) {
    const from = source(unravel(i, dims));
    y.set(from === undefined ? (fill ?? new Uint8Array(size)) : x.subarray(from * size, (from + 1) * size), i * size);
  }
  return y;
}

test("copy_strided transposes: every permutation of rank 1 to 4, a few of 5 and 6, every element size", () => {
  const permutations = (n: number): number[][] =>
    n === 0 ? [[]] : permutations(n - 1).flatMap((p) => Array.from({ length: n }, (_, i) => [...p.slice(0, i), n - 1, ...p.slice(i)]));
  const dims = [3, 2, 5, 4, 2, 3];
  for (let rank = 1; rank <= 6; rank++) {
    const all = permutations(rank);
    for (const perm of all.filter((_, i) => rank <= 4 || i % 41 === 0)) {
      const from = dims.slice(0, rank);
      const steps = perm.map((p) => rowMajor(from)[p] ?? 0);
      const to = perm.map((p) => from[p] ?? 0);
      for (const size of SIZES) {
        const x = bytesOf(product(from) * size, rank);
        const b = bench(1);
        const y = b.room(x.length);
        b.k.copy_strided(size, b.put(x), y, rank, b.put(Int32Array.from([...to, ...steps])));
        assert.equal(
          b.u8(y, x.length),
          picked(size, x, to, (p) => dot(p, steps)),
        );
        b.done();
      }
    }
  }
});

test("copy_strided slices with steps, backwards, and expands with stride 0", () => {
  for (const size of SIZES) {
    const x = bytesOf(6 * 10 * size, 3);
    const b = bench(1);
    const [at, y] = [b.put(x), b.room(2 * 3 * 4 * size)];
    // x[1:6:3, 8:1:-2], repeated twice in front
    const [dims, steps, first] = [[2, 2, 4], [0, 30, -2], 18];
    b.k.copy_strided(size, at + first * size, y, 3, b.put(Int32Array.from([...dims, ...steps])));
    assert.equal(
      b.u8(y, 16 * size),
      picked(size, x, dims, (p) => first + dot(p, steps)),
    );
    b.done();
  }
});

test("copy_blocks concatenates and splits", () => {
  const b = bench(1);
  const [left, right] = [bytesOf(3 * 5, 1), bytesOf(3 * 2, 2)];
  const [pl, pr, y, back] = [b.put(left), b.put(right), b.room(21), b.room(6)];
  b.k.copy_blocks(pl, y, 3, 5, 5, 7);
  b.k.copy_blocks(pr, y + 5, 3, 2, 2, 7);
  const expected = [0, 1, 2].flatMap((r) => [...left.slice(r * 5, r * 5 + 5), ...right.slice(r * 2, r * 2 + 2)]);
  assert.equal(b.u8(y, 21), Uint8Array.from(expected));
  b.k.copy_blocks(y + 5, back, 3, 2, 7, 2);
  assert.equal(b.u8(back, 6), right);
  b.done();
});

test("pad_constant pads and crops any axis, rank 1 to 6", () => {
  for (let seed = 0; seed < 200; seed++) {
    const next = random(seed);
    const rank = 1 + (seed % 6);
    const size = SIZES[seed % 4] ?? 1;
    const from = Array.from({ length: rank }, () => 1 + Math.floor(next() * 3));
    const before = from.map(() => Math.floor(next() * 4) - 1);
    const to = from.map((d, i) => Math.max(0, d + (before[i] ?? 0) + Math.floor(next() * 4) - 1));
    const [x, fill] = [bytesOf(product(from) * size, seed), bytesOf(size, seed + 1)];
    const expected = picked(
      size,
      x,
      to,
      (p) => {
        const q = p.map((v, d) => v - (before[d] ?? 0));
        return q.every((v, d) => v >= 0 && v < (from[d] ?? 0)) ? dot(q, rowMajor(from)) : undefined;
      },
      fill,
    );
    const b = bench(1);
    const y = b.room(expected.length);
    b.k.pad_constant(size, b.put(x), y, rank, b.put(Int32Array.from([...to, ...from, ...before])), b.put(fill));
    assert.equal(b.u8(y, expected.length), expected, `seed ${seed}: ${from} to ${to}, before ${before}`);
    b.done();
  }
});

test("gather_i32 and gather_i64 take rows, negative indices from the end", () => {
  const [outer, axis, indices] = [2, 5, [4, -1, 0, 2, -5]];
  for (const inner of [1, 2, 3, 8, 20]) {
    const x = bytesOf(outer * axis * inner, inner);
    const expected: number[] = [];
    for (let o = 0; o < outer; o++) {
      for (const i of indices) {
        const row = (o * axis + (i < 0 ? i + axis : i)) * inner;
        expected.push(...x.slice(row, row + inner));
      }
    }
    const b = bench(1);
    const [at, y32, y64] = [b.put(x), b.room(expected.length), b.room(expected.length)];
    assert.is(b.k.gather_i32(at, b.put(Int32Array.from(indices)), y32, outer, axis, inner, 5), -1);
    assert.is(b.k.gather_i64(at, b.put(BigInt64Array.from(indices.map(BigInt))), y64, outer, axis, inner, 5), -1);
    assert.equal(b.u8(y32, expected.length), Uint8Array.from(expected));
    assert.equal(b.u8(y64, expected.length), Uint8Array.from(expected));
    b.done();
  }
});

test("gather reports the first index out of range and reads nothing there", () => {
  const b = bench(1);
  const [x, y] = [b.put(bytesOf(15, 1)), b.room(12)];
  assert.is(b.k.gather_i32(x, b.put(Int32Array.of(0, 5, 9)), y, 1, 5, 3, 3), 1);
  assert.is(b.k.gather_i32(x, b.put(Int32Array.of(0, 4, -6)), y, 1, 5, 3, 3), 2);
  assert.is(b.k.gather_i64(x, b.put(BigInt64Array.of(1n << 40n)), y, 1, 5, 3, 1), 0);
  b.done();
});

test.run();
