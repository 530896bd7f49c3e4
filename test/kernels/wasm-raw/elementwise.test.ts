/** @file Unary and binary kernels: against Math in f64, at awkward sizes, at special values, and with every kind of broadcasting. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AWKWARD, bench, close, floats, random, same } from "./harness.ts";

type Unary = (b: ReturnType<typeof bench>, x: number, y: number, n: number) => void;

/** erf in f64: 2/sqrt(pi) e^(-x^2) sum of 2^n x^(2n+1) / (2n+1)!!, all terms of one sign. */
function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 200; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

function halfToEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  if (rest !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

/** Kernel, its function in f64, and the largest relative error allowed. */
const UNARY: readonly [name: string, Unary, (x: number) => number, tolerance: number][] = [
  ["relu", (b, x, y, n) => b.k.f32_relu(x, y, n), (x) => Math.max(x, 0), 0],
  ["clip", (b, x, y, n) => b.k.f32_clip(x, y, n, -0.5, 6), (x) => Math.min(Math.max(x, -0.5), 6), 0],
  ["leaky_relu", (b, x, y, n) => b.k.f32_leaky_relu(x, y, n, 0.25), (x) => (x >= 0 ? x : x * 0.25), 0],
  ["neg", (b, x, y, n) => b.k.f32_neg(x, y, n), (x) => -x, 0],
  ["abs", (b, x, y, n) => b.k.f32_abs(x, y, n), Math.abs, 0],
  ["sqrt", (b, x, y, n) => b.k.f32_sqrt(x, y, n), Math.sqrt, 1e-7],
  ["reciprocal", (b, x, y, n) => b.k.f32_reciprocal(x, y, n), (x) => 1 / x, 1e-7],
  ["floor", (b, x, y, n) => b.k.f32_floor(x, y, n), Math.floor, 0],
  ["ceil", (b, x, y, n) => b.k.f32_ceil(x, y, n), Math.ceil, 0],
  ["round", (b, x, y, n) => b.k.f32_round(x, y, n), halfToEven, 0],
  ["exp", (b, x, y, n) => b.k.f32_exp(x, y, n), Math.exp, 3e-7],
  ["log", (b, x, y, n) => b.k.f32_log(x, y, n), Math.log, 3e-7],
  ["sigmoid", (b, x, y, n) => b.k.f32_sigmoid(x, y, n), (x) => 1 / (1 + Math.exp(-x)), 3e-7],
  ["softplus", (b, x, y, n) => b.k.f32_softplus(x, y, n), (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), 6e-7],
  ["tanh", (b, x, y, n) => b.k.f32_tanh(x, y, n), Math.tanh, 3e-7],
  ["erf", (b, x, y, n) => b.k.f32_erf(x, y, n), erf, 3e-7],
];

function apply(kernel: Unary, x: Float32Array): Float32Array {
  const b = bench(16);
  const y = b.room(x.byteLength);
  kernel(b, b.putLast(x), y, x.length);
  b.done();
  return b.f32(y, x.length);
}

/** Every 40,000th float whose size is in [lo, hi], both signs. */
function sweep(lo: number, hi: number): Float32Array {
  const [first = 0, last = 0] = new Uint32Array(Float32Array.of(lo, hi).buffer);
  const bits: number[] = [];
  for (let i = first; i <= last; i += 39989) bits.push(i, i + 0x80000000);
  return new Float32Array(Uint32Array.from(bits).buffer);
}

const NORMAL = 2 ** -126;

for (const [name, kernel, f, tolerance] of UNARY) {
  test(`f32_${name} keeps its error over all magnitudes`, () => {
    const x = [...sweep(1e-30, 1e30), ...sweep(1e-3, 120), ...floats(5000, 1, -4, 4)];
    // Below the normal range a result has fewer bits; there the error is absolute, half of the smallest step and a little.
    const kept = Float32Array.from(x).filter((v) => Math.abs(f(v)) >= NORMAL || f(v) === 0 || Number.isNaN(f(v)));
    close(
      apply(kernel, kept),
      Array.from(kept, f).map((v) => (Math.abs(v) > 3.4028235e38 ? Math.sign(v) * Infinity : v)),
      name,
      tolerance,
    );
  });

  test(`f32_${name} at every size, in place, and at special values`, () => {
    for (const n of AWKWARD) {
      const x = floats(n, n, -3, 3);
      const whole = apply(kernel, floats(n, n, -3, 3));
      const b = bench(1);
      const at = b.put(x);
      kernel(b, at, at, n);
      b.done();
      same(b.f32(at, n), whole, `${name} in place, n ${n}`);
      const alone = b.put(x);
      for (let i = 0; i < n; i++) kernel(b, alone + 4 * i, alone + 4 * i, 1);
      same(b.f32(alone, n), whole, `${name} one by one, n ${n}`);
    }
    const special = Float32Array.of(0, -0, Infinity, -Infinity, Number.NaN, 1, -1);
    close(apply(kernel, special), Array.from(special, f), `${name} at special values`, tolerance);
  });
}

test("f32_exp, f32_sigmoid and f32_log are good among the subnormals", () => {
  const tiny = floats(2000, 3, -103, -87);
  const step = 2 ** -149;
  for (const [name, kernel, f] of UNARY.filter(([n]) => n === "exp" || n === "sigmoid")) {
    const y = apply(kernel, tiny);
    for (const [i, v] of tiny.entries()) assert.ok(Math.abs((y[i] ?? 0) - f(v)) <= 1.01 * step + 3e-7 * f(v), `${name}(${v}) = ${y[i]}`);
  }
  const x = new Float32Array(Uint32Array.from({ length: 500 }, (_, i) => 1 + i * 16001).buffer);
  close(
    apply((b, p, q, n) => b.k.f32_log(p, q, n), x),
    Array.from(x, Math.log),
    "log",
    3e-7,
  );
});

test("f32_round takes halves to even, also beyond 2^23", () => {
  const x = Float32Array.of(0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 8388609, 0.49999997);
  same(
    apply((b, p, q, n) => b.k.f32_round(p, q, n), x),
    [0, 2, 2, -0, -2, -2, 8388609, 0],
    "round",
  );
});

/** C's pow, where JavaScript's differs. */
function power(x: number, y: number): number {
  if (x === 1 || y === 0) return 1;
  if (x === -1 && Math.abs(y) === Infinity) return 1;
  return x ** y;
}

const BINARY: readonly ((a: number, b: number) => number)[] = [
  (a, b) => a + b,
  (a, b) => a - b,
  (a, b) => a * b,
  (a, b) => a / b,
  Math.min,
  Math.max,
  power,
];

const rounded = (values: readonly number[]): number[] => values.map(Math.fround);

test("f32_binary and its scalar forms equal the operation rounded once, for every code and size", () => {
  for (const [op, f] of BINARY.entries()) {
    for (const n of AWKWARD) {
      const [a, c] = [floats(n, n, 0.1, 4), floats(n, n + 1, -3, 3)];
      const b = bench(1);
      const [pa, pc, y] = [b.put(a), b.put(c), b.room(n * 4)];
      const tolerance = op === 6 ? 1e-7 : 0;
      b.k.f32_binary(op, pa, pc, y, n);
      close(b.f32(y, n), rounded(Array.from(a, (v, i) => f(v, c[i] ?? 0))), `op ${op} n ${n}`, tolerance);
      b.k.f32_binary_scalar_b(op, pa, pc, y, n);
      close(b.f32(y, n), rounded(Array.from(a, (v) => f(v, c[0] ?? 0))), `op ${op} scalar b`, tolerance);
      b.k.f32_binary_scalar_a(op, pa, pc, y, n);
      close(b.f32(y, n), rounded(Array.from(c, (v) => f(a[0] ?? 0, v))), `op ${op} scalar a`, tolerance);
      b.done();
    }
  }
});

test("f32_binary min, max and pow at special values", () => {
  const values = [0, -0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 1e30, -1e30, 1e-40, Infinity, -Infinity, Number.NaN, 16777216, 1.5];
  const pairs = values.flatMap((x) => values.map((y) => [x, y] as const));
  const [left, right] = [Float32Array.from(pairs, ([x]) => x), Float32Array.from(pairs, ([, y]) => y)];
  const b = bench();
  const [pa, pb, y] = [b.put(left), b.put(right), b.room(left.byteLength)];
  for (const op of [4, 5, 6]) {
    b.k.f32_binary(op, pa, pb, y, left.length);
    const result = b.f32(y, left.length);
    left.forEach((x, i) => {
      const [a = 0, e = 0] = [result[i], Math.fround(BINARY[op]?.(x, right[i] ?? 0) ?? 0)];
      assert.ok(Object.is(a, e) || Math.abs(a - e) <= 1e-7 * Math.abs(e), `op ${op}(${x}, ${right[i]}) = ${a}, expected ${e}`);
    });
  }
});

test("f32_binary pow is within 1e-7 over a wide range", () => {
  const [x, y] = [floats(20000, 1, 0, 50), floats(20000, 2, -20, 20)];
  const b = bench();
  const out = b.room(x.byteLength);
  b.k.f32_binary(6, b.put(x), b.put(y), out, x.length);
  close(b.f32(out, x.length), rounded(Array.from(x, (v, i) => v ** (y[i] ?? 0))), "pow", 1e-7);
});

/** Random dims of y and, for each operand, which axes it broadcasts; rank 1 to 6. */
function shapes(seed: number): { dims: number[]; masks: boolean[][] } {
  const next = random(seed);
  const rank = 1 + (seed % 6);
  const dims = Array.from({ length: rank }, () => 1 + Math.floor(next() * (rank > 4 ? 3 : 6)));
  return { dims, masks: [0, 1].map(() => dims.map(() => next() < 0.4)) };
}

function strides(dims: readonly number[], broadcast: readonly boolean[]): { steps: number[]; count: number } {
  let count = 1;
  const steps = dims.map(() => 0);
  for (let d = dims.length - 1; d >= 0; d--) {
    if (broadcast[d]) continue;
    steps[d] = count;
    count *= dims[d] ?? 1;
  }
  return { steps, count };
}

test("f32_binary_strided broadcasts any axes of either side, rank 1 to 6", () => {
  for (let seed = 0; seed < 120; seed++) {
    const { dims, masks } = shapes(seed);
    const [a, c] = masks.map((mask) => strides(dims, mask));
    if (a === undefined || c === undefined) throw new Error("two operands");
    const [va, vc] = [floats(a.count, seed), floats(c.count, seed + 1)];
    const total = dims.reduce((p, d) => p * d, 1);
    const offset = (i: number, steps: readonly number[]): number => {
      let at = 0;
      for (let d = dims.length - 1; d >= 0; d--) {
        at += (i % (dims[d] ?? 1)) * (steps[d] ?? 0);
        i = Math.floor(i / (dims[d] ?? 1));
      }
      return at;
    };
    const op = seed % 6;
    const expected = Array.from({ length: total }, (_, i) => BINARY[op]?.(va[offset(i, a.steps)] ?? 0, vc[offset(i, c.steps)] ?? 0) ?? 0);
    const b = bench(1);
    const y = b.room(total * 4);
    const table = b.put(Int32Array.from([...dims, ...a.steps, ...c.steps]));
    b.k.f32_binary_strided(op, b.put(va), b.put(vc), y, dims.length, table);
    same(b.f32(y, total), rounded(expected), `seed ${seed} dims ${dims}`);
    b.done();
  }
});

test.run();
