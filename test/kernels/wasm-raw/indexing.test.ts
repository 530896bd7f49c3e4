/** @file Places, gathers, scatters and the best k, against plain loops; indices out of range are told by position and nothing is read. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bench, bytesOf, random } from "./harness.ts";

const i64 = (values: readonly number[]) => BigInt64Array.from(values, BigInt);

test("element_places: an axis in the middle, indices shorter than the tensor elsewhere, both widths", () => {
  const [sizes, strides] = [
    [2, 3, 2],
    [20, 4, 1],
  ] as const; // indices in a tensor [2, 5, 4]
  const next = random(5);
  const indices = Array.from({ length: 12 }, () => Math.floor(next() * 10) - 5);
  const wanted = indices.map((index, i) => {
    const [a, c] = [Math.floor(i / 6), i % 2];
    return a * strides[0] + c + (index < 0 ? index + 5 : index) * strides[1];
  });
  for (const wide of [0, 1]) {
    const b = bench(1);
    const places = b.room(48);
    const table = b.put(Int32Array.from([...sizes, strides[0], 0, strides[2]]));
    const wrong = b.k.element_places(wide, b.put(wide ? i64(indices) : Int32Array.from(indices)), places, 3, table, 5, strides[1]);
    assert.is(wrong, -1);
    assert.equal([...b.u32(places, 12)], wanted);
    b.done();
  }
});

test("element_places and slice_places tell the first index out of range, from either end", () => {
  for (const bad of [5, -6]) {
    const b = bench(1);
    const table = b.put(Int32Array.from([4, 0]));
    assert.is(b.k.element_places(1, b.put(i64([0, -5, bad, 9])), b.room(16), 1, table, 5, 1), 2);
    assert.is(
      b.k.slice_places(0, b.put(Int32Array.from([0, 1, 4, 2, 4, bad])), b.room(12), 3, 2, 3, 0, b.put(Int32Array.from([5, 5, 5, 1]))),
      2,
    );
    b.done();
  }
});

test("slice_places: rows of two indices, a step every two rows", () => {
  const b = bench(1);
  const places = b.room(16);
  const table = b.put(Int32Array.from([3, 4, 8, 2]));
  assert.is(b.k.slice_places(1, b.put(i64([0, 0, 2, -1, 1, 1, -1, 3])), places, 4, 2, 2, 24, table), -1);
  assert.equal([...b.u32(places, 4)], [0, 22, 24 + 10, 24 + 22]);
  b.done();
});

test("gather_at and scatter_at without a reduction: every element size, single elements and runs", () => {
  for (const size of [1, 2, 4, 8]) {
    for (const run of [1, 3]) {
      const b = bench(1);
      const [x, at] = [bytesOf(30 * size, size), [27, 0, 13, 0]];
      const [places, y] = [b.put(Int32Array.from(at)), b.room(4 * run * size)];
      b.k.gather_at(size, b.put(x), places, y, 4, run);
      const picked = at.flatMap((place) => [...x.subarray(place * size, (place + run) * size)]);
      assert.equal([...b.u8(y, picked.length)], picked);
      const into = b.put(x);
      const updates = bytesOf(4 * run * size, 77);
      b.k.scatter_at(-1, -1, size, b.put(updates), places, into, 4, run);
      const wanted = x.slice();
      at.forEach((place, i) => {
        wanted.set(updates.subarray(i * run * size, (i + 1) * run * size), place * size);
      });
      assert.equal(b.u8(into, wanted.length), wanted);
      b.done();
    }
  }
});

test("scatter_at combines floats and integers; integers wrap, NaN wins", () => {
  const codes = [0, 2, 4, 5] as const;
  const byCode = { 0: (a: number, c: number) => a + c, 2: (a: number, c: number) => a * c, 4: Math.min, 5: Math.max };
  for (const op of codes) {
    const b = bench(1);
    const places = b.put(Int32Array.of(1, 1, 0));
    const floats = b.put(Float32Array.of(2, 3, 4));
    b.k.scatter_at(op, 9, 4, b.put(Float32Array.of(5, -2, Number.NaN)), places, floats, 3, 1);
    assert.equal([...b.f32(floats, 3)], [Number.NaN, byCode[op](byCode[op](3, 5), -2), 4]);
    const bytes = b.put(Uint8Array.of(200, 100));
    b.k.scatter_at(op, 1, 1, b.put(Uint8Array.of(100, 3)), b.put(Int32Array.of(0)), bytes, 1, 2);
    assert.equal([...b.u8(bytes, 2)], [byCode[op](200, 100) & 255, byCode[op](100, 3) & 255]);
    b.done();
  }
});

test("top_k: rows and columns, both directions, equals in order, k of all sizes", () => {
  const next = random(9);
  const [outer, axis, inner] = [2, 23, 3];
  const x = Float32Array.from({ length: outer * axis * inner }, () => Math.floor(next() * 6) - 3);
  for (const largest of [1, 0]) {
    for (const k of [0, 1, 4, 23]) {
      const b = bench(1);
      const [values, indices] = [b.room(outer * k * inner * 4), b.room(outer * k * inner * 8)];
      b.k.top_k(9, largest, b.put(x), values, indices, b.room(4 * k), outer, axis, inner, k);
      const [v, n] = [b.f32(values, outer * k * inner), b.u32(indices, 2 * outer * k * inner)];
      for (let row = 0; row < outer * inner; row++) {
        const [o, i] = [Math.floor(row / inner), row % inner];
        const element = (p: number) => x[(o * axis + p) * inner + i] as number;
        const order = Array.from({ length: axis }, (_, p) => p).sort(
          (p, q) => (largest ? element(q) - element(p) : element(p) - element(q)) || p - q,
        );
        for (let r = 0; r < k; r++) {
          const at = (o * k + r) * inner + i;
          assert.is(n[2 * at], order[r]);
          assert.is(v[at], element(order[r] as number));
        }
      }
      b.done();
    }
  }
});

test.run();
