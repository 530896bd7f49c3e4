/** @file Kernels that rebuild weights: unpack, lookup, mask, quantize and dequantize, casts. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AWKWARD, bench, bytesOf, floats, integers, same } from "./harness.ts";

/** Packs codes low bits first, no padding inside. */
function pack(codes: readonly number[], bits: number): Uint8Array {
  const packed = new Uint8Array(Math.ceil((codes.length * bits) / 8));
  codes.forEach((code, i) => {
    const byte = Math.floor((i * bits) / 8);
    packed[byte] = (packed[byte] ?? 0) | ((code & ((1 << bits) - 1)) << ((i * bits) % 8));
  });
  return packed;
}

const codesOf = (n: number, bits: number, signed: boolean, seed: number): number[] =>
  Array.from(bytesOf(n, seed, 2 ** bits), (c) => c - (signed ? 2 ** (bits - 1) : 0));

const numbers = (n: number, f: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => f(i));

test("unpack kernels undo the packing of 1, 2 and 4 bits, signed and unsigned", () => {
  for (const [bits, signed] of [
    [1, false],
    [2, false],
    [4, false],
    [2, true],
    [4, true],
  ] as const) {
    for (const n of AWKWARD) {
      const codes = codesOf(n, bits, signed, n);
      const b = bench(1);
      const [x, y] = [b.putLast(pack(codes, bits)), b.room(n)];
      if (signed) (bits === 2 ? b.k.i2_unpack_i8 : b.k.i4_unpack_i8)(x, y, n);
      else (bits === 1 ? b.k.u1_unpack_u8 : bits === 2 ? b.k.u2_unpack_u8 : b.k.u4_unpack_u8)(x, y, n);
      same(signed ? b.i8(y, n) : b.u8(y, n), codes, `${bits} bits, n ${n}`);
      b.done();
    }
  }
});

test("lookup kernels keep the table's bits and report the first bad code", () => {
  const table = Uint32Array.from([0x7f800001, 0x80000000, 0x3f800000, 0x7fc12345]); // signaling NaN, -0, 1, NaN with payload
  for (const bits of [2, 4, 8] as const) {
    const b = bench(1);
    const lookup = bits === 2 ? b.k.u2_lookup_f32 : bits === 4 ? b.k.u4_lookup_f32 : b.k.u8_lookup_f32;
    const codes = Array.from(bytesOf(37, bits, 4));
    const [t, y] = [b.put(table), b.room(37 * 4)];
    assert.is(lookup(t, 4, b.put(pack(codes, bits)), y, 37), -1);
    assert.equal(
      b.u32(y, 37),
      Uint32Array.from(codes, (c) => table[c] ?? 0),
    );
    assert.is(lookup(t, 3, b.put(pack([0, 2, 1, 3, 0], bits)), y, 5), 3);
    b.done();
  }
});

test("expand_mask kernels put the values where the bits are, and never read more values than there are", () => {
  for (const n of AWKWARD) {
    const mask = codesOf(n, 1, false, n);
    const ones = mask.reduce((s, v) => s + v, 0);
    const values = floats(ones, n);
    let next = 0;
    const expected = mask.map((bit) => (bit === 1 ? (values[next++] ?? 0) : 0));
    const b = bench(1);
    const [m, y] = [b.put(pack(mask, 1)), b.room(n * 4)];
    assert.is(b.k.f32_expand_mask(m, b.putLast(values), ones, y, n), ones);
    same(b.f32(y, n), expected, `f32 n ${n}`);
    const bytes = bytesOf(ones, n);
    next = 0;
    const expectedBytes = mask.map((bit) => (bit === 1 ? (bytes[next++] ?? 0) : 0));
    assert.is(b.k.u8_expand_mask(m, b.putLast(bytes), ones, y, n), ones);
    same(b.u8(y, n), expectedBytes, `u8 n ${n}`);
    b.done();
  }
  const b = bench(1);
  const y = b.room(16);
  assert.is(b.k.f32_expand_mask(b.put(Uint8Array.of(0b1111)), b.putLast(Float32Array.of(1, 2)), 2, y, 4), 4);
  same(b.f32(y, 4), [1, 2, 0, 0], "too few values");
});

/** (outer, axis, inner, block): per tensor, per axis, blocks that do and do not divide the axis, with and without inner. */
const LAYOUTS = [
  [1, 1, 37, 0],
  [1, 5, 7, 0],
  [2, 3, 5, 0],
  [4, 9, 1, 0],
  [3, 32, 1, 16],
  [3, 13, 1, 4],
  [2, 13, 3, 4],
  [5, 7, 1, 7],
  [1, 9, 6, 2],
] as const;

/** Number of the scale that element i uses, and how many there are. */
function scaleOf(i: number, [outer, axis, inner, block]: readonly [number, number, number, number]): [index: number, count: number] {
  const [o, a, p] = [Math.floor(i / (axis * inner)), Math.floor(i / inner) % axis, i % inner];
  if (block === 0) return [a, axis];
  const blocks = Math.ceil(axis / block);
  return [(o * blocks + Math.floor(a / block)) * inner + p, outer * blocks * inner];
}

const KINDS = [
  [8, true],
  [8, false],
  [4, true],
  [4, false],
  [2, true],
  [2, false],
  [32, true],
] as const;

function dequantizer(k: ReturnType<typeof bench>["k"], bits: 2 | 4 | 8 | 32, signed: boolean) {
  if (bits === 32) return k.i32_dequantize_f32;
  if (bits === 8) return signed ? k.i8_dequantize_f32 : k.u8_dequantize_f32;
  if (bits === 4) return signed ? k.i4_dequantize_f32 : k.u4_dequantize_f32;
  return signed ? k.i2_dequantize_f32 : k.u2_dequantize_f32;
}

test("dequantize kernels equal (q - zero) * scale per tensor, per axis and per block, packed zero points included", () => {
  for (const [bits, signed] of KINDS) {
    for (const layout of LAYOUTS) {
      const [outer, axis, inner, block] = layout;
      const n = outer * axis * inner;
      const count = scaleOf(0, layout)[1];
      const scales = floats(count, 1, 0.01, 2);
      const [codes, zeros] = [codesOf(n, Math.min(bits, 8), signed, 2), codesOf(count, Math.min(bits, 8), signed, 3)];
      const b = bench(1);
      const put = (c: number[]) => (bits === 32 ? b.put(Int32Array.from(c)) : b.put(pack(c, bits)));
      const kernel = dequantizer(b.k, bits, signed);
      const [q, s, z, y] = [put(codes), b.put(scales), put(zeros), b.room(n * 4)];
      for (const withZero of [true, false]) {
        kernel(q, s, withZero ? z : 0, y, outer, axis, inner, block);
        const expected = codes.map((c, i) => {
          const p = scaleOf(i, layout)[0];
          return Math.fround((c - (withZero ? (zeros[p] ?? 0) : 0)) * (scales[p] ?? 0));
        });
        same(b.f32(y, n), expected, `${bits} bits, signed ${signed}, layout ${layout}`);
      }
      b.done();
    }
  }
});

function halfToEven(x: number): number {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

test("quantize kernels round half to even and saturate, in every layout", () => {
  for (const signed of [true, false]) {
    const [lo, hi] = signed ? [-128, 127] : [0, 255];
    for (const layout of LAYOUTS) {
      const [outer, axis, inner, block] = layout;
      const n = outer * axis * inner;
      const count = scaleOf(0, layout)[1];
      const x = integers(n, 4, 300).map((v) => v / 4);
      const scales = Float32Array.from(integers(count, 5, 2), (v) => 2 ** v / 4);
      const zeros = codesOf(count, 8, signed, 6);
      const b = bench(1);
      const [px, s, z, y] = [b.put(x), b.put(scales), b.put(pack(zeros, 8)), b.room(n)];
      for (const withZero of [true, false]) {
        (signed ? b.k.f32_quantize_i8 : b.k.f32_quantize_u8)(px, s, withZero ? z : 0, y, outer, axis, inner, block);
        const expected = numbers(n, (i) => {
          const p = scaleOf(i, layout)[0];
          const code = halfToEven((x[i] ?? 0) / (scales[p] ?? 1)) + (withZero ? (zeros[p] ?? 0) : 0);
          return Math.min(Math.max(code, lo), hi);
        });
        same(signed ? b.i8(y, n) : b.u8(y, n), expected, `signed ${signed}, layout ${layout}`);
      }
      b.done();
    }
  }
});

test("quantize: halves, infinities, NaN and numbers beyond 2^31", () => {
  const b = bench(1);
  const [x, s, z, y] = [
    b.put(Float32Array.of(0.5, 1.5, -0.5, -2.5, Infinity, -Infinity, Number.NaN, 1e30, -1e30)),
    b.put(Float32Array.of(1)),
    b.put(Int8Array.of(3)),
    b.room(9),
  ];
  b.k.f32_quantize_i8(x, s, z, y, 1, 1, 9, 0);
  same(b.i8(y, 9), [3, 5, 3, 1, 127, -128, 3, 127, -128], "special");
});

test("f32_fill and the integer casts", () => {
  for (const n of AWKWARD) {
    const bytes = bytesOf(n, n);
    const wide = Int32Array.from(bytes, (v) => (v - 128) * 16777217);
    const b = bench(1);
    const [x, y] = [b.put(bytes), b.room(n * 4)];
    b.k.f32_fill(y, n, -2.5);
    same(
      b.f32(y, n),
      numbers(n, () => -2.5),
      "fill",
    );
    b.k.u8_cast_f32(x, y, n);
    same(b.f32(y, n), bytes, "u8");
    b.k.i8_cast_f32(x, y, n);
    same(b.f32(y, n), Int8Array.from(bytes), "i8");
    b.k.i32_cast_f32(b.put(wide), y, n);
    same(b.f32(y, n), Float32Array.from(wide), "i32");
    b.done();
  }
});

/** Value of a half from its fields. */
function half(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

test("f16_cast_f32 and bf16_cast_f32 are right for every bit pattern, and keep NaN payloads", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const b = bench();
  const [x, y] = [b.put(all), b.room(65536 * 4)];
  b.k.f16_cast_f32(x, y, 65536);
  const widened = b.f32(y, 65536);
  const bits = b.u32(y, 65536);
  all.forEach((h, i) => {
    if (!Object.is(widened[i], half(h))) assert.unreachable(`f16 0x${h.toString(16)} gave ${widened[i]}`);
  });
  assert.is(bits[0x7c01], 0x7f802000);
  assert.is(bits[0xfe55], 0xffcaa000);
  b.k.bf16_cast_f32(x, y, 65536);
  assert.equal(
    b.u32(y, 65536),
    Uint32Array.from(all, (h) => h * 65536),
  );
  b.done();
});

test.run();
