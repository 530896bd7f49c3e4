/** @file Integer kernels on random geometry, bit for bit against the ops' references, with guard bytes behind every tensor and the scratch that they asked for. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type AttrInput, createCoreRegistry, evaluateOp, type HostTensor, hostTensor, writeAttrs } from "../../../ir-spec/index.ts";
import { type Seeded, seeded } from "../../support/seeded.ts";
import { bench } from "./harness.ts";

const registry = createCoreRegistry();
const small = (min: number, max: number) => fc.integer({ min, max });
const i32 = (values: readonly number[]): HostTensor => hostTensor("i32", [values.length], Int32Array.from(values));

function evaluate(op: string, inputs: readonly (HostTensor | null)[], attrs: AttrInput): HostTensor {
  const [y] = evaluateOp(registry, op, inputs, writeAttrs(registry.require(op).attrs, attrs));
  if (!y) throw new Error(`${op} gave nothing`);
  return y;
}

/** Multipliers of the contract, often 2^30, with which sums fall on ties. */
const multipliers = (random: Seeded, count: number): HostTensor =>
  i32(Array.from({ length: count }, () => (random.unit() < 0.5 ? 2 ** 30 : random.int(2 ** 30, 2 ** 31 - 1))));

const bytesOf = ({ data }: HostTensor): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function same(actual: Uint8Array, expected: HostTensor, what: string): void {
  const wanted = bytesOf(expected);
  const at = wanted.findIndex((byte, i) => actual[i] !== byte);
  if (at >= 0) assert.unreachable(`${what}: byte ${at} is ${actual[at]}, expected ${wanted[at]}`);
}

const windows = fc
  .record({
    n: small(1, 2),
    c: small(1, 7),
    o: small(1, 6),
    groups: fc.constantFrom(1, 1, 2, 3),
    h: small(1, 12),
    w: small(1, 50),
    kh: small(1, 4),
    kw: small(1, 5),
    sh: small(1, 3),
    sw: small(1, 4),
    pad: fc.tuple(small(0, 3), small(0, 5), small(0, 3), small(0, 5)),
    dh: small(1, 3),
    dw: small(1, 3),
    unsigned: fc.boolean(),
    seed: small(0, 1e6),
  })
  .filter((g) => g.h + g.pad[0] + g.pad[2] > g.dh * (g.kh - 1) && g.w + g.pad[1] + g.pad[3] > g.dw * (g.kw - 1));

type Window = typeof windows extends fc.Arbitrary<infer T> ? T : never;

/** Runs one convolution through the packed export (one group) or the grouped one. */
function checkConv(g: Window, packed: boolean): void {
  const random = seeded(g.seed);
  const groups = packed ? 1 : g.groups;
  const [c, o] = [g.c * groups, g.o * groups];
  const x = random.tensor(g.unsigned ? "u8" : "i8", [g.n, c, g.h, g.w]);
  const weight = random.tensor("i8", [o, g.c, g.kh, g.kw]);
  const list = (low: number, high: number) => i32(Array.from({ length: o }, () => random.int(low, high)));
  const [bias, multiplier, shift] = [list(-9999, 9999), multipliers(random, o), list(29, 46)];
  const [xZero, yZero] = [random.int(0, 127), random.int(-128, 127)];
  const attrs = { stride: [g.sh, g.sw], pad: g.pad, dilation: [g.dh, g.dw], groups, x_zero: xZero, y_zero: yZero, min: -100 };
  const wanted = evaluate("int.conv", [x, weight, bias, multiplier, shift], attrs);
  const [, , oh = 0, ow = 0] = wanted.shape;

  const b = bench(16);
  const [flip, zero] = g.unsigned ? [128, xZero - 128] : [0, xZero];
  const at = [x, weight, bias, multiplier, shift].map((tensor) => b.put(bytesOf(tensor))) as [number, number, number, number, number];
  const sizes = [c, g.h, g.w, o, g.kh, g.kw, oh, ow, g.sh, g.sw, g.pad[0], g.pad[1], g.dh, g.dw] as const;
  const tail = [flip, zero, yZero, -100, 127] as const;
  const y = b.room(bytesOf(wanted).length);
  if (packed) {
    const room = b.room(b.k.i8_pack_conv_size(o, c, g.kh, g.kw) * 2);
    b.k.i8_pack_conv(at[1], room, o, c, g.kh, g.kw);
    const scratch = b.room(b.k.i8_conv2d_scratch(...sizes));
    b.k.i8_conv2d(at[0], room, at[2], at[3], at[4], 4, y, scratch, g.n, ...sizes, ...tail);
  } else {
    const scratch = b.room(b.k.i8_conv2d_grouped_scratch(...sizes, groups));
    b.k.i8_conv2d_grouped(at[0], at[1], at[2], at[3], at[4], 4, y, scratch, g.n, ...sizes, groups, ...tail);
  }
  same(b.u8(y, bytesOf(wanted).length), wanted, JSON.stringify(g));
  b.done();
}

test("i8_conv2d on random windows", () => {
  fc.assert(
    fc.property(windows, (g) => checkConv(g, true)),
    { numRuns: 150, seed: 1 },
  );
});

test("i8_conv2d_grouped on random windows and groups, depthwise ones too", () => {
  fc.assert(
    fc.property(windows, (g) => checkConv(g, false)),
    { numRuns: 150, seed: 2 },
  );
});

const plain = { n: 1, o: 2, groups: 3, kh: 1, kw: 1, sh: 1, sw: 1, dh: 1, dw: 1, unsigned: true, seed: 4 } as const;

test("results that are cut into chunks of columns and blocks of rows", () => {
  const wide: readonly Window[] = [
    { ...plain, c: 2, h: 3, w: 700, kh: 3, kw: 3, pad: [1, 1, 1, 1] },
    { ...plain, c: 2, h: 1, w: 1200, kw: 5, sw: 2, dw: 3, pad: [0, 6, 0, 6] },
    { ...plain, c: 20, h: 40, w: 40, pad: [0, 0, 0, 0] },
    { ...plain, c: 60, h: 40, w: 70, kh: 3, kw: 3, pad: [1, 1, 1, 1] },
    { ...plain, c: 40, h: 41, w: 33, kh: 3, kw: 2, sh: 2, sw: 2, pad: [1, 0, 1, 1] },
    { ...plain, c: 140, h: 12, w: 48, kh: 3, kw: 3, pad: [1, 1, 1, 1] },
    { ...plain, c: 1, h: 90, w: 300, kh: 3, kw: 3, pad: [1, 1, 1, 1] },
  ];
  for (const g of wide) {
    checkConv(g, true);
    checkConv({ ...g, c: Math.min(g.c, 8) }, false);
  }
});

test("i8_linear with any row, column and feature counts", () => {
  fc.assert(
    fc.property(small(1, 70), small(1, 20), small(1, 40), fc.boolean(), small(0, 1e6), (m, n, k, unsigned, seed) => {
      const random = seeded(seed);
      const [x, weight] = [random.tensor(unsigned ? "u8" : "i8", [m, k]), random.tensor("i8", [n, k])];
      const list = (low: number, high: number) => i32(Array.from({ length: n }, () => random.int(low, high)));
      const [bias, multiplier, shift] = [list(-9999, 9999), multipliers(random, n), list(28, 45)];
      const wanted = evaluate("int.linear", [x, weight, bias, multiplier, shift], { x_zero: 77, y_zero: 5, to: "u8" });
      const b = bench(4);
      const at = [x, weight, bias, multiplier, shift].map((tensor) => b.put(bytesOf(tensor))) as [number, number, number, number, number];
      const packed = b.room(Math.ceil(n / 8) * Math.ceil(k / 2) * 16);
      b.k.i8_pack_linear(at[1], packed, n, k);
      const [y, scratch] = [b.room(m * n), b.room(b.k.i8_linear_scratch(m, k))];
      const [flip, zero] = unsigned ? [128, 77 - 128] : [0, 77];
      b.k.i8_linear(at[0], packed, at[2], at[3], at[4], 4, y, scratch, m, n, k, flip, zero, 5, 0, 255);
      same(b.u8(y, m * n), wanted, `${m} x ${n} x ${k}`);
      b.done();
    }),
    { numRuns: 150, seed: 3 },
  );
});

test("i8_max_pool and i8_avg_pool on random windows", () => {
  const halved = windows.map((g) => ({ ...g, kw: 2, sw: 2, dw: 1, w: g.w + 4 }));
  const pools = fc.oneof(windows, halved).filter((g) => g.pad[0] < g.kh && g.pad[2] < g.kh && g.pad[1] < g.kw && g.pad[3] < g.kw);
  fc.assert(
    fc.property(pools, (g) => {
      const random = seeded(g.seed);
      const x = random.tensor(g.unsigned ? "u8" : "i8", [g.n, g.c, g.h, g.w]);
      const flip = g.unsigned ? 128 : 0;
      const common = { kernel: [g.kh, g.kw], stride: [g.sh, g.sw], pad: g.pad };
      const b = bench(4);
      const at = b.put(bytesOf(x));
      const most = evaluate("nn.max_pool", [x], { ...common, dilation: [g.dh, g.dw] });
      const [, , oh = 0, ow = 0] = most.shape;
      const [y, scratch] = [b.room(bytesOf(most).length), b.room(b.k.i8_max_pool_scratch(g.w, g.kw, ow, g.sw, g.pad[1], g.dw))];
      // biome-ignore format: the order of the export's parameters
      b.k.i8_max_pool(at, y, scratch, g.n * g.c, g.h, g.w, g.kh, g.kw, oh, ow, g.sh, g.sw, g.pad[0], g.pad[1], g.dh, g.dw, flip);
      same(b.u8(y, bytesOf(most).length), most, `max ${JSON.stringify(g)}`);
      checkAverage(g, x, common, b, at);
      b.done();
    }),
    { numRuns: 150, seed: 5 },
  );
});

function checkAverage(g: Window, x: HostTensor, common: AttrInput, b: ReturnType<typeof bench>, at: number): void {
  const [multiplier, shift] = [g.seed % 3 === 0 ? 1518500249 : 2 ** 30, 31 + (g.seed % 4)];
  const mean = evaluate("int.avg_pool", [x], { ...common, x_zero: 40, y_zero: -3, multiplier, shift });
  const [, , oh = 0, ow = 0] = mean.shape;
  const [y, scratch] = [b.room(bytesOf(mean).length), b.room(b.k.i8_avg_pool_scratch(g.w, g.kw, ow, g.sw, g.pad[1]))];
  const [flip, zero] = g.unsigned ? [128, 40 - 128] : [0, 40];
  // biome-ignore format: the order of the export's parameters
  b.k.i8_avg_pool(at, y, scratch, g.n * g.c, g.h, g.w, g.kh, g.kw, oh, ow, g.sh, g.sw, g.pad[0], g.pad[1], flip, zero, multiplier, shift, -3, -128, 127);
  same(b.u8(y, bytesOf(mean).length), mean, `mean ${JSON.stringify(g)}`);
}

test("i8_add and i8_requantize in vectors and tails", () => {
  fc.assert(
    fc.property(small(1, 70), fc.boolean(), fc.boolean(), small(0, 1e6), (size, unsigned, repeats, seed) => {
      const random = seeded(seed);
      const dtype = unsigned ? "u8" : "i8";
      const [x, z] = [random.tensor(dtype, [3, size]), random.tensor("i8", [repeats ? 1 : size])];
      const [xFactor, zFactor, shift] = [random.int(0, 2 ** 21), random.int(0, 2 ** 21), random.int(15, 24)];
      const zeros = { a_zero: 9, b_zero: -8, y_zero: 20 };
      const sum = evaluate("int.add", [x, z], { ...zeros, a_multiplier: xFactor, b_multiplier: zFactor, shift, to: "u8" });
      const scaled = evaluate("int.requantize", [x], { x_zero: 9, y_zero: 20, multiplier: xFactor, shift, max: 90 });
      const b = bench(2);
      const [xAt, zAt] = [b.put(bytesOf(x)), b.put(bytesOf(z))];
      const table = b.put(repeats ? Int32Array.of(3, size, size, 1, 0, 0) : Int32Array.of(3, size, size, 1, 0, 1));
      const [y, flip] = [b.room(3 * size), unsigned ? 128 : 0];
      const offset = 2 ** (shift - 1) - (9 - flip) * xFactor;
      b.k.i8_add(xAt, zAt, y, 2, table, flip, 0, xFactor, zFactor, offset + 8 * zFactor, shift, 20, 0, 255);
      same(b.u8(y, 3 * size), sum, `add ${size}`);
      b.k.i8_requantize(xAt, y, 3 * size, flip, xFactor, offset, shift, 20, -128, 90);
      same(b.u8(y, 3 * size), scaled, `requantize ${size}`);
      b.done();
    }),
    { numRuns: 100, seed: 6 },
  );
});

test("i8_lookup and i8_mean in vectors and tails", () => {
  fc.assert(
    fc.property(small(1, 40), small(1, 40), fc.boolean(), small(0, 1e6), (rows, columns, unsigned, seed) => {
      const random = seeded(seed);
      const [x, table] = [random.tensor(unsigned ? "u8" : "i8", [2, rows, columns]), random.tensor("u8", [256])];
      const b = bench(2);
      const [at, entries, y] = [b.put(bytesOf(x)), b.put(bytesOf(table)), b.room(2 * rows * columns)];
      b.k.i8_lookup(at, entries, y, 2 * rows * columns, unsigned ? 0 : 128);
      same(b.u8(y, 2 * rows * columns), evaluate("int.lookup", [x, table], {}), "lookup");
      const [multiplier, shift] = [seed % 3 === 0 ? 2 ** 31 - 1 - seed : 2 ** 30, 33];
      const attrs = { x_zero: 100, multiplier, shift, y_zero: 1 };
      const tail = [unsigned ? 128 : 0, unsigned ? -28 : 100, multiplier, shift, 1, -128, 127] as const;
      const [means, sums] = [b.room(2 * Math.max(rows, columns)), b.room(columns * 4)];
      b.k.i8_mean(at, means, sums, 2, rows, columns, ...tail);
      same(b.u8(means, 2 * columns), evaluate("int.mean", [x], { ...attrs, axes: [1] }), "mean of columns");
      b.k.i8_mean(at, means, sums, 2 * rows, columns, 1, ...tail);
      same(b.u8(means, 2 * rows), evaluate("int.mean", [x], { ...attrs, axes: [2] }), "mean of rows");
      b.done();
    }),
    { numRuns: 100, seed: 7 },
  );
});

test("nothing is read beyond x where memory ends", () => {
  for (const [c, w, sw] of [
    [1, 8, 1],
    [2, 9, 2],
    [3, 16, 2],
    [2, 23, 1],
  ] as const) {
    const random = seeded(c * w);
    const [x, weight] = [random.tensor("i8", [1, c, 1, w]), random.tensor("i8", [2, c, 1, 2])];
    const one = [i32([0, 0]), i32([2 ** 30, 2 ** 30]), i32([40, 41])] as const;
    const wanted = evaluate("int.conv", [x, weight, ...one], { stride: [1, sw], pad: [0, 1, 0, 3] });
    const ow = wanted.shape[3] ?? 0;
    const b = bench(2);
    const sizes = [c, 1, w, 2, 1, 2, 1, ow, 1, sw, 0, 1, 1, 1] as const;
    const [bias, multiplier, shift] = one.map((tensor) => b.put(bytesOf(tensor))) as [number, number, number];
    const weights = b.put(bytesOf(weight));
    const packed = b.room(b.k.i8_pack_conv_size(2, c, 1, 2) * 2);
    b.k.i8_pack_conv(weights, packed, 2, c, 1, 2);
    const [y, scratch] = [b.room(2 * ow), b.room(b.k.i8_conv2d_scratch(...sizes))];
    b.k.i8_conv2d(b.putLast(bytesOf(x)), packed, bias, multiplier, shift, 4, y, scratch, 1, ...sizes, 0, 0, 0, -128, 127);
    same(b.u8(y, 2 * ow), wanted, `${c} x ${w}, stride ${sw}`);
  }
});

test.run();
