/** @file Integer products whose sums stay i32, conversions between dtypes, and quantization to rarer widths: against plain loops, nothing written beside the results. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { bench, bytesOf, floats, same } from "./harness.ts";

/** Bytes as the kernel reads them. */
const readAs = (bytes: Uint8Array, signed: boolean): ArrayLike<number> => (signed ? new Int8Array(bytes.buffer) : bytes);

const i32 = (b: ReturnType<typeof bench>, at: number, count: number): Int32Array => new Int32Array(b.u32(at, count).buffer);

for (const [aSigned, bSigned] of [
  [true, true],
  [true, false],
  [false, true],
  [false, false],
] as const) {
  test(`i8_matmul equals sums of centred products, a ${aSigned ? "i8" : "u8"}, b ${bSigned ? "i8" : "u8"}`, () => {
    for (const [m, n, k] of [
      [1, 1, 1],
      [3, 4, 8],
      [2, 5, 9],
      [5, 9, 31],
      [1, 3, 0],
    ] as const) {
      for (const zeros of [0, 1, n]) {
        const [a, w, az, wz] = [bytesOf(m * k, 1), bytesOf(k * n, 2), bytesOf(1, 3), bytesOf(Math.max(zeros, 1), 4)];
        const b = bench(1);
        const [pa, pb, pz, pw] = [b.put(a), b.put(w), b.put(az), b.put(wz)];
        const [y, scratch] = [b.room(m * n * 4), b.room(b.k.i8_sums_scratch(n, k))];
        const signs = [aSigned ? 1 : 0, bSigned ? 1 : 0] as const;
        b.k.i8_matmul(pa, pb, zeros ? pz : 0, zeros ? pw : 0, zeros > 1 ? 1 : 0, y, scratch, m, n, k, ...signs);
        const [x, v, xz, vz] = [readAs(a, aSigned), readAs(w, bSigned), readAs(az, aSigned), readAs(wz, bSigned)];
        const expected = Array.from({ length: m * n }, (_, i) => {
          const [row, column] = [Math.floor(i / n), i % n];
          let sum = 0;
          for (let p = 0; p < k; p++) {
            const own = (zeros ? vz[zeros > 1 ? column : 0] : 0) as number;
            sum += ((x[row * k + p] as number) - (zeros ? (xz[0] as number) : 0)) * ((v[p * n + column] as number) - own);
          }
          return sum;
        });
        same(i32(b, y, m * n), expected, `${m} ${n} ${k}, ${zeros} zero points`);
        b.done();
      }
    }
  });
}

test("i8_conv_sums: groups, padding that contributes 0, strides, dilations, a zero point per output", () => {
  const [groups, ins, outs, h, w, kh, kw, sh, sw, pt, pl, dh, dw] = [2, 3, 4, 6, 7, 3, 2, 2, 1, 1, 1, 1, 2] as const;
  const [oh, ow] = [3, 6];
  const [x, weight, xz, wz] = [
    bytesOf(groups * ins * h * w, 1),
    bytesOf(groups * outs * ins * kh * kw, 2),
    bytesOf(1, 3),
    bytesOf(groups * outs, 4),
  ];
  const b = bench(2);
  const [px, pw, pxz, pwz] = [b.put(x), b.put(weight), b.put(xz), b.put(wz)];
  const count = groups * outs * oh * ow;
  const [y, scratch] = [b.room(count * 4), b.room(b.k.i8_sums_scratch(outs, ins * kh * kw))];
  b.k.i8_conv_sums(px, pw, pxz, pwz, 1, y, scratch, groups, ins, outs, h, w, kh, kw, oh, ow, sh, sw, pt, pl, dh, dw, 0, 1);
  const signed = readAs(weight, true);
  const expected = Array.from({ length: count }, (_, i) => {
    const [o, r, c] = [Math.floor(i / (oh * ow)), Math.floor(i / ow) % oh, i % ow];
    let sum = 0;
    for (let p = 0; p < ins * kh * kw; p++) {
      const [channel, row, column] = [Math.floor(p / (kh * kw)), Math.floor(p / kw) % kh, p % kw];
      const [yy, xx] = [r * sh - pt + row * dh, c * sw - pl + column * dw];
      if (yy < 0 || yy >= h || xx < 0 || xx >= w) continue;
      const value = (x[((Math.floor(o / outs) * ins + channel) * h + yy) * w + xx] as number) - (xz[0] as number);
      sum += value * ((signed[o * ins * kh * kw + p] as number) - (readAs(wz, true)[o] as number));
    }
    return sum;
  });
  same(i32(b, y, count), expected, "sums");
  b.done();
});

/** Numbers of dtypes, as in assembly/cast.ts. */
const [F64, F32, F16, BF16, I64, U64, I32, U32, BOOL] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const small = (bits: number, signed: boolean) => 16 + 2 * Math.log2(bits) + (signed ? 1 : 0);

test("convert rounds, saturates, truncates and wraps", () => {
  const cases: readonly (readonly [number, number, ArrayBufferView, ArrayBufferView])[] = [
    [
      F32,
      F16,
      Float32Array.of(1, 65504, 65519, 65520, 1e-8, 6e-8, 2049, Number.NaN),
      Uint16Array.of(0x3c00, 0x7bff, 0x7bff, 0x7c00, 0, 1, 0x6800, 0x7e00),
    ],
    [F64, F16, Float64Array.of(1 + 2 ** -11, 1 + 2 ** -11 + 2 ** -40, -70000), Uint16Array.of(0x3c00, 0x3c01, 0xfc00)],
    [F32, BF16, Float32Array.of(1 + 2 ** -8, 1 + 3 * 2 ** -8, -1), Uint16Array.of(0x3f80, 0x3f82, 0xbf80)],
    [BF16, F64, Uint16Array.of(0x3f80, 0xbf82), Float64Array.of(1, -1.015625)],
    [F16, I32, Uint16Array.of(0x3e00, 0xc500, 0x7c00, 0x7e00), Int32Array.of(1, -5, 2 ** 31 - 1, 0)],
    [F64, I64, Float64Array.of(-2.9, 1e30, -1e30, Number.NaN), BigInt64Array.of(-2n, 2n ** 63n - 1n, -(2n ** 63n), 0n)],
    [F64, U64, Float64Array.of(-5, 1e30, 2 ** 63), BigUint64Array.of(0n, 2n ** 64n - 1n, 2n ** 63n)],
    [F32, U32, Float32Array.of(-1, 3e9, 1e10), Uint32Array.of(0, 3e9, 2 ** 32 - 1)],
    [F32, small(8, true), Float32Array.of(1.9, -1.9, 300, -300), Int8Array.of(1, -1, 127, -128)],
    [F32, small(16, false), Float32Array.of(70000, -1, 9.5), Uint16Array.of(65535, 0, 9)],
    [F32, small(4, true), Float32Array.of(-9, -1.5, 7, 8, Number.NaN), Uint8Array.of(0xf7, 0x87, 0)],
    [F32, BOOL, Float32Array.of(0, -0, 0.1, Number.NaN), Uint8Array.of(0, 0, 1, 1)],
    [I64, F32, BigInt64Array.of(2n ** 60n + 2n ** 36n + 1n, -1n), Float32Array.of(2 ** 60 + 2 ** 37, -1)],
    [U64, F64, BigUint64Array.of(2n ** 64n - 1n), Float64Array.of(2 ** 64)],
    [I64, small(8, false), BigInt64Array.of(258n, -1n), Uint8Array.of(2, 255)],
    [I64, BOOL, BigInt64Array.of(0n, 2n ** 60n), Uint8Array.of(0, 1)],
    [I32, I64, Int32Array.of(-7, 7), BigInt64Array.of(-7n, 7n)],
    [U32, I64, Uint32Array.of(2 ** 32 - 1), BigInt64Array.of(2n ** 32n - 1n)],
    [I32, small(2, false), Int32Array.of(5, 2, 3, 0, 7), Uint8Array.of(0b00111001, 3)],
    [small(4, true), F32, Uint8Array.of(0xf7, 0x80), Float32Array.of(7, -1, 0, -8)],
  ];
  for (const [from, to, x, want] of cases) {
    const b = bench(1);
    const bytes = (view: ArrayBufferView) => new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const count = from === small(4, true) ? 4 : x.byteLength / ([8, 4, 2, 2, 8, 8, 4, 4, 1][from] ?? 1);
    const [px, y] = [b.put(bytes(x)), b.room(want.byteLength)];
    b.k.convert(px, y, count, from, to);
    assert.equal([...b.u8(y, want.byteLength)], [...bytes(want)], `${from} to ${to}`);
    b.done();
  }
});

test("f32_quantize and dequantize_f32 in 1, 2, 4 and 16 bits", () => {
  const n = 37;
  for (const [bits, signed] of [
    [1, false],
    [2, true],
    [4, false],
    [4, true],
    [16, true],
    [16, false],
  ] as const) {
    const b = bench(1);
    const [low, zero] = [signed ? -(2 ** (bits - 1)) : 0, 1];
    const x = floats(n, bits, 1.5 * low - 1, 1.5 * (low + 2 ** bits));
    const [px, scale, pz] = [b.put(x), b.put(Float32Array.of(0.75)), b.put(Uint8Array.of(zero, 0))];
    const [codes, y] = [b.room(Math.ceil((n * bits) / 8)), b.room(n * 4)];
    b.k.f32_quantize(px, scale, pz, codes, 1, 1, n, 0, bits, signed ? 1 : 0);
    b.k.dequantize_f32(codes, scale, pz, y, 1, 1, n, 0, bits, signed ? 1 : 0);
    const expected = Array.from(x, (v) => {
      const quotient = Math.fround(v / Math.fround(0.75));
      const even = Math.round(quotient) - (Math.abs(quotient % 1) === 0.5 && Math.round(quotient) % 2 !== 0 ? 1 : 0);
      return (Math.min(Math.max(even + zero, low), low + 2 ** bits - 1) - zero) * 0.75;
    });
    same(b.f32(y, n), expected, `${bits} bits, signed ${signed}`);
    b.done();
  }
});

test.run();
