/** @file Linear and matmul kernels against three plain loops. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AWKWARD, bench, close, floats, integers, same } from "./harness.ts";

const at = (values: Float32Array, i: number): number => values[i] ?? Number.NaN;

/** x `[m, k]` times w `[n, k]` transposed, in f64. */
function linear(x: Float32Array, w: Float32Array, bias: Float32Array | undefined, m: number, n: number, k: number): number[] {
  const y: number[] = [];
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = bias === undefined ? 0 : at(bias, j);
      for (let p = 0; p < k; p++) sum += at(x, i * k + p) * at(w, j * k + p);
      y.push(sum);
    }
  }
  return y;
}

const activations = [(v: number) => v, (v: number) => Math.max(v, 0), (v: number) => Math.min(Math.max(v, 0), 6)];

test("f32_linear equals the plain loop at awkward sizes, with and without bias, for every activation", () => {
  for (const m of [1, 2, 3, 8]) {
    for (const n of AWKWARD) {
      for (const k of [1, 2, 3, 4, 5, 6, 7, 8, 64, 129]) {
        const [x, w, bias] = [integers(m * k, m + n), integers(n * k, n + k), integers(n, k)];
        const act = (m + n + k) % 3;
        const withBias = (n + k) % 2 === 0;
        const b = bench(16);
        const packed = b.room(b.k.f32_pack_linear_size(n, k));
        b.k.f32_pack_linear(b.put(w), packed, n, k);
        const y = b.room(m * n * 4);
        b.k.f32_linear(b.put(x), packed, withBias ? b.put(bias) : 0, y, m, n, k, act);
        const expected = linear(x, w, withBias ? bias : undefined, m, n, k).map(activations[act] ?? Number);
        same(b.f32(y, m * n), expected, `m ${m} n ${n} k ${k} act ${act}`);
        b.done();
      }
    }
  }
});

test("f32_linear on real numbers, more rows than one row block", () => {
  const [m, n, k] = [131, 37, 70];
  const [x, w, bias] = [floats(m * k, 1), floats(n * k, 2), floats(n, 3)];
  const b = bench();
  const packed = b.room(b.k.f32_pack_linear_size(n, k));
  b.k.f32_pack_linear(b.put(w), packed, n, k);
  const y = b.room(m * n * 4);
  b.k.f32_linear(b.put(x), packed, b.put(bias), y, m, n, k, 0);
  close(b.f32(y, m * n), linear(x, w, bias, m, n, k), "linear", 1e-5, 1);
  b.done();
});

test("a row's bits do not depend on the batch it comes in", () => {
  const [m, n, k] = [7, 19, 101];
  const x = floats(m * k, 4);
  const b = bench();
  const packed = b.room(b.k.f32_pack_linear_size(n, k));
  b.k.f32_pack_linear(b.put(floats(n * k, 5)), packed, n, k);
  const [all, one] = [b.room(m * n * 4), b.room(n * 4)];
  b.k.f32_linear(b.put(x), packed, 0, all, m, n, k, 0);
  for (let i = 0; i < m; i++) {
    b.k.f32_linear(b.put(x.slice(i * k, (i + 1) * k)), packed, 0, one, 1, n, k, 0);
    assert.equal(b.u32(one, n), b.u32(all + i * n * 4, n));
  }
});

test("f32_linear keeps NaN through relu and relu6", () => {
  const b = bench();
  const packed = b.room(b.k.f32_pack_linear_size(1, 1));
  b.k.f32_pack_linear(b.put(Float32Array.of(1)), packed, 1, 1);
  const y = b.room(12);
  const x = b.put(Float32Array.of(Number.NaN, -2, 9));
  b.k.f32_linear(x, packed, 0, y, 3, 1, 1, 1);
  same(b.f32(y, 3), [Number.NaN, 0, 9], "relu");
  b.k.f32_linear(x, packed, 0, y, 3, 1, 1, 2);
  same(b.f32(y, 3), [Number.NaN, 0, 6], "relu6");
});

test("f32_matmul, and f32_linear on a right side packed by f32_pack_matmul, equal the plain loop", () => {
  for (const [m, n, k] of [
    [1, 1, 1],
    [2, 16, 4],
    [3, 17, 5],
    [5, 33, 31],
    [67, 7, 9],
    [66, 50, 13],
  ] as const) {
    const [a, right] = [integers(m * k, 6), integers(k * n, 7)];
    const transposed = Float32Array.from({ length: n * k }, (_, i) => at(right, (i % k) * n + Math.floor(i / k)));
    const expected = linear(a, transposed, undefined, m, n, k);
    const b = bench();
    const [pa, pb, y, y2] = [b.put(a), b.put(right), b.room(m * n * 4), b.room(m * n * 4)];
    b.k.f32_matmul(pa, pb, y, b.room(b.k.f32_matmul_scratch(n, k)), m, n, k);
    same(b.f32(y, m * n), expected, `matmul ${m} ${n} ${k}`);
    const packed = b.room(b.k.f32_pack_linear_size(n, k));
    b.k.f32_pack_matmul(pb, packed, k, n);
    b.k.f32_linear(pa, packed, 0, y2, m, n, k, 0);
    same(b.f32(y2, m * n), expected, `packed ${m} ${n} ${k}`);
    b.done();
  }
});

test("f32_matmul reads nothing behind its right side", () => {
  const b = bench();
  const y = b.room(3 * 5 * 4);
  const scratch = b.room(b.k.f32_matmul_scratch(5, 2));
  b.k.f32_matmul(b.put(integers(6, 1)), b.putLast(integers(10, 2)), y, scratch, 3, 5, 2);
  b.done();
});

test.run();
