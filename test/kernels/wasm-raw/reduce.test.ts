/** @file Reductions and softmax over (outer, axis, inner) against plain loops in f64. */
import { test } from "uvu";
import { AWKWARD, bench, close, floats, integers, same } from "./harness.ts";

const SHAPES = [1, 3].flatMap((outer) => AWKWARD.flatMap((axis) => [1, 2, 4, 7, 19].map((inner) => [outer, axis, inner] as const)));

/** For every (outer, inner): the values along the axis, and where they are. */
function lines(x: Float32Array, [outer, axis, inner]: readonly [number, number, number]): { values: number[]; at: number[] }[] {
  return Array.from({ length: outer * inner }, (_, line) => {
    const at = Array.from({ length: axis }, (_unused, a) => (Math.floor(line / inner) * axis + a) * inner + (line % inner));
    return { values: at.map((i) => x[i] ?? 0), at };
  });
}

test("f32_reduce_sum, f32_reduce_mean, f32_reduce_max, f32_reduce_min and f32_reduce_prod equal the plain loop", () => {
  for (const shape of SHAPES) {
    const [outer, axis, inner] = shape;
    const x = integers(outer * axis * inner, axis, 50);
    const b = bench(2);
    const [at, y, n] = [b.putLast(x), b.room(outer * inner * 4), outer * inner];
    const sums = lines(x, shape).map(({ values }) => values.reduce((s, v) => s + v, 0));
    b.k.f32_reduce_sum(at, y, outer, axis, inner);
    same(b.f32(y, n), sums, `sum ${shape}`);
    b.k.f32_reduce_mean(at, y, outer, axis, inner);
    same(
      b.f32(y, n),
      sums.map((s) => Math.fround(s / axis)),
      `mean ${shape}`,
    );
    b.k.f32_reduce_max(at, y, outer, axis, inner);
    same(
      b.f32(y, n),
      lines(x, shape).map(({ values }) => Math.max(...values)),
      `max ${shape}`,
    );
    b.k.f32_reduce_min(at, y, outer, axis, inner);
    same(
      b.f32(y, n),
      lines(x, shape).map(({ values }) => Math.min(...values)),
      `min ${shape}`,
    );
    b.k.f32_reduce_prod(at, y, outer, axis, inner);
    same(
      b.f32(y, n),
      lines(x, shape).map(({ values }) => Math.fround(values.reduce((p, v) => p * v, 1))),
      `prod ${shape}`,
    );
    b.done();
  }
});

test("a long sum keeps five digits, an empty axis gives 0, NaN and -inf, a NaN makes the maximum NaN", () => {
  const x = floats(100_000, 1, 0, 1);
  const b = bench();
  const [at, y] = [b.put(x), b.room(4)];
  b.k.f32_reduce_sum(at, y, 1, x.length, 1);
  close(b.f32(y, 1), [x.reduce((s, v) => s + v, 0)], "sum", 1e-6);
  b.k.f32_reduce_sum(at, y, 1, 0, 1);
  same(b.f32(y, 1), [0], "empty sum");
  b.k.f32_reduce_mean(at, y, 1, 0, 1);
  same(b.f32(y, 1), [Number.NaN], "empty mean");
  b.k.f32_reduce_max(at, y, 1, 0, 1);
  same(b.f32(y, 1), [Number.NEGATIVE_INFINITY], "empty max");
  b.k.f32_reduce_min(at, y, 1, 0, 1);
  same(b.f32(y, 1), [Number.POSITIVE_INFINITY], "empty min");
  b.k.f32_reduce_prod(at, y, 1, 0, 1);
  same(b.f32(y, 1), [1], "empty product");
  for (const place of [0, 5, 6]) {
    const row = Float32Array.from({ length: 7 }, (_, i) => (i === place ? Number.NaN : i));
    b.k.f32_reduce_max(b.put(row), y, 1, 7, 1);
    same(b.f32(y, 1), [Number.NaN], `NaN at ${place}`);
    b.k.f32_reduce_min(b.put(row), y, 1, 7, 1);
    same(b.f32(y, 1), [Number.NaN], `min with NaN at ${place}`);
  }
});

function softmax(values: readonly number[], log: boolean): number[] {
  const top = Math.max(...values);
  const total = values.reduce((s, v) => s + Math.exp(v - top), 0);
  return values.map((v) => (log ? v - top - Math.log(total) : Math.exp(v - top) / total));
}

test("f32_softmax and f32_log_softmax equal the plain loop, in place too", () => {
  for (const shape of SHAPES) {
    const [outer, axis, inner] = shape;
    const n = outer * axis * inner;
    const x = floats(n, axis + inner, -9, 9);
    for (const log of [false, true]) {
      const expected = new Array<number>(n);
      for (const { values, at } of lines(x, shape)) {
        for (const [i, v] of softmax(values, log).entries()) expected[at[i] ?? 0] = v;
      }
      const b = bench(2);
      const [from, y] = [b.put(x), b.room(n * 4)];
      const kernel = log ? b.k.f32_log_softmax : b.k.f32_softmax;
      kernel(from, y, outer, axis, inner);
      close(b.f32(y, n), expected, `softmax ${shape} log ${log}`, 2e-6, log ? 1 : 0);
      kernel(from, from, outer, axis, inner);
      same(b.f32(from, n), b.f32(y, n), "in place");
      b.done();
    }
  }
});

test("softmax of huge, equal and infinite values", () => {
  const b = bench();
  const y = b.room(16);
  const run = (...x: number[]) => {
    b.k.f32_softmax(b.put(Float32Array.from(x)), y, 1, x.length, 1);
    return b.f32(y, x.length);
  };
  same(run(3e38, 3e38, -3e38), [0.5, 0.5, 0], "huge");
  same(run(Number.NEGATIVE_INFINITY, 0), [0, 1], "one -inf");
  same(run(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY), [Number.NaN, Number.NaN], "all -inf");
});

test.run();
