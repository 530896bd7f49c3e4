/** @file The dialect `int` against BigInt: the rounding of 62-bit products, whole layers, and what inference refuses. */
import * as fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type AttrInput,
  createCoreRegistry,
  evaluateOp,
  type HostTensor,
  inferOp,
  tensorType,
  toNumbers,
  writeAttrs,
} from "../../ir-spec/index.ts";
import { roundShift, roundShiftProduct } from "../../ir-spec/ops/int/fixed-point.ts";
import { seeded } from "../support/seeded.ts";
import { i8, i32, u8 } from "./tensors.ts";

const registry = createCoreRegistry();
const [least, most] = [-(2 ** 31), 2 ** 31 - 1];

/** Multipliers of the contract, with the ends more often than chance gives them. */
const multipliers = fc.oneof(fc.constantFrom(0, 2 ** 30, most, 2 ** 30 + 1), fc.integer({ min: 2 ** 30, max: most }));
const sums = fc.oneof(
  fc.constantFrom(least, most, -1, 0, 1, -65536, 65535),
  fc.integer({ min: least, max: most }),
  fc.integer({ min: -70000, max: 70000 }),
);

function exactRoundShift(value: bigint, shift: number): bigint {
  return (value + (shift > 0 ? 1n << BigInt(shift - 1) : 0n)) >> BigInt(shift);
}

test("a rounded product is that of BigInt", () => {
  fc.assert(
    fc.property(sums, multipliers, fc.integer({ min: 0, max: 62 }), (sum, multiplier, shift) => {
      const exact = exactRoundShift(BigInt(sum) * BigInt(multiplier), shift);
      const made = roundShiftProduct(sum, multiplier, shift);
      // Beyond 2^53 it is a neighbour in the doubles: it saturates anyway.
      if (exact > -(2n ** 53n) && exact < 2n ** 53n) assert.is(BigInt(made), exact);
      else assert.ok(Math.abs(made - Number(exact)) <= Math.abs(made) * 2 ** -52);
    }),
    { numRuns: 20000, seed: 7 },
  );
});

test("ties of products go up, next to them is nearest", () => {
  for (const shift of [31, 33, 40, 62]) {
    for (const [sum, expected] of [
      [2 ** (shift - 31), [1, 0]],
      [3 * 2 ** (shift - 31), [2, -1]],
    ] as const) {
      if (sum > most) continue;
      // sum * 2^30 is (half an odd number) * 2^shift.
      assert.is(roundShiftProduct(sum, 2 ** 30, shift), expected[0]);
      assert.is(roundShiftProduct(-sum, 2 ** 30, shift) + 0, expected[1]);
    }
  }
});

test("a rounded shift of i32 is that of BigInt", () => {
  fc.assert(
    fc.property(fc.integer({ min: -(2 ** 30), max: 2 ** 30 }), fc.integer({ min: 0, max: 29 }), (value, shift) => {
      assert.is(roundShift(value, shift), Number(exactRoundShift(BigInt(value), shift)));
    }),
    { seed: 8 },
  );
});

test("int.conv is its formula in BigInt", () => {
  const random = seeded(11);
  for (let run = 0; run < 40; run++) {
    const groups = random.pick([1, 1, 2, 3]);
    const [ins, outs] = [groups * random.int(1, 3), groups * random.int(1, 2)];
    const [height, width] = [random.int(3, 6), random.int(3, 6)];
    const dtype = random.pick(["i8", "u8"] as const);
    const x = random.tensor(dtype, [2, ins, height, width]);
    const weight = random.tensor("i8", [outs, ins / groups, random.int(1, 3), random.int(1, 2)]);
    const bias =
      run % 2 === 0
        ? i32(
            [outs],
            Array.from({ length: outs }, () => random.int(-50000, 50000)),
          )
        : null;
    const multiplier = i32(
      [outs],
      Array.from({ length: outs }, () => random.int(2 ** 30, most)),
    );
    const shift = i32(
      [outs],
      Array.from({ length: outs }, () => random.int(38, 42)),
    );
    const zero = random.int(dtype === "i8" ? -128 : 0, dtype === "i8" ? 127 : 255);
    const attrs = {
      stride: [random.int(1, 2), random.int(1, 2)],
      pad: [random.int(0, 2), random.int(0, 1), random.int(0, 2), random.int(0, 1)],
      groups,
      x_zero: zero,
      y_zero: random.int(0, 127),
      to: random.pick(["i8", "u8"]),
      min: random.pick([-128, 3]),
    };
    const made = evaluate("int.conv", [x, weight, bias, multiplier, shift], attrs);
    assert.equal(Array.from(made.data, Number), plainConv(x, weight, bias, multiplier, shift, attrs, made.shape));
  }
});

test("inference refuses what could overflow or has no meaning", () => {
  const scalar = tensorType("i32", []);
  const refused = (
    op: string,
    types: readonly ReturnType<typeof tensorType>[],
    attrs: AttrInput,
    what: RegExp,
    known?: readonly number[],
  ) => {
    const def = registry.require(op);
    const request = { types, attrs: writeAttrs(def.attrs, attrs), ...(known ? { known: (i: number) => (i === 3 ? known : null) } : {}) };
    assert.throws(
      () => inferOp(registry, def, request),
      (error: Error) => what.test(error.message) || assert.unreachable(error.message) === undefined,
    );
  };
  const linear = (k: number, outs: number, scales: number) =>
    [
      tensorType("i8", [1, k]),
      tensorType("i8", [outs, k]),
      null,
      tensorType("i32", [scales]),
      tensorType("i32", [scales]),
    ] as unknown as ReturnType<typeof tensorType>[];
  refused("int.linear", linear(65537, 1, 1), {}, /65537 products could overflow i32/);
  refused("int.linear", linear(4, 2, 3), {}, /multiplier has 3 elements, weight makes 2/);
  refused("int.linear", linear(4, 2, 2), { x_zero: 128 }, /x_zero is 128, i8 goes from -128 to 127/);
  refused("int.linear", linear(4, 2, 2), { y_zero: -1, to: "u8" }, /y_zero is -1/);
  refused("int.linear", linear(4, 2, 2), { to: "i16" }, /to is i16/);
  refused("int.linear", linear(4, 2, 2), { min: 5, max: 4 }, /no i8 lies between min 5 and max 4/);
  refused("int.linear", [...linear(4, 2, 2).slice(0, 4), scalar], {}, /multiplier has rank 1, shift has rank 0/);
  refused("int.linear", linear(4, 2, 2), {}, /multiplier is 5, must be 2\^30/, [5, 5]);
  const [x] = [tensorType("i8", [4])];
  refused("int.requantize", [x], { multiplier: 2 ** 21 + 1, shift: 0 }, /multiplier is 2097153/);
  refused("int.requantize", [x], { multiplier: 1, shift: 30 }, /shift is 30/);
  refused("int.add", [x, x], { a_multiplier: -1, b_multiplier: 0, shift: 3 }, /a_multiplier is -1/);
  refused("int.mean", [tensorType("u8", [2 ** 24])], { axes: [0], multiplier: 2 ** 30, shift: 50 }, /could overflow i32/);
  refused("int.mean", [x], { axes: [0], multiplier: 3, shift: 50 }, /multiplier is 3/);
  refused("int.lookup", [x, tensorType("i8", [255])], {}, /table must be \[256\], is \[255\]/);
});

test("a multiplier outside the contract is refused when it runs", () => {
  const run = (multiplier: number, shift: number) => () =>
    evaluate("int.linear", [i8([1], [1]), i8([1, 1], [1]), null, i32([], [multiplier]), i32([], [shift])], {});
  assert.throws(run(-(2 ** 30), 31), /multiplier is -1073741824/);
  assert.throws(run(2 ** 30, 63), /shift is 63/);
  assert.equal(toNumbers(run(2 ** 30, 30)()), [1]);
});

test("lookup gives the dtype of the table", () => {
  const table = u8(
    [256],
    Array.from({ length: 256 }, (_, i) => 255 - i),
  );
  assert.is(evaluate("int.lookup", [i8([2], [-128, 127]), table], {}).dtype, "u8");
});

test.run();

function evaluate(op: string, inputs: readonly (HostTensor | null)[], attrs: AttrInput): HostTensor {
  const [y] = evaluateOp(registry, op, inputs, writeAttrs(registry.require(op).attrs, attrs));
  if (!y) throw new Error(`${op} gave nothing`);
  return y;
}

interface PlainAttrs {
  readonly stride: readonly number[];
  readonly pad: readonly number[];
  readonly groups: number;
  readonly x_zero: number;
  readonly y_zero: number;
  readonly to: string;
  readonly min: number;
}

/** The formula of OPS.md as it stands, element by element. */
function plainConv(
  x: HostTensor,
  weight: HostTensor,
  bias: HostTensor | null,
  multiplier: HostTensor,
  shift: HostTensor,
  attrs: PlainAttrs,
  shape: readonly number[],
): readonly number[] {
  const [, ins = 0, h = 0, w = 0] = x.shape;
  const [outs = 0, per = 0, kh = 0, kw = 0] = weight.shape;
  const [batch = 0, , oh = 0, ow = 0] = shape;
  const [sy = 1, sx = 1] = attrs.stride;
  const [py = 0, px = 0] = attrs.pad;
  const y: number[] = [];
  for (let n = 0; n < batch; n++)
    for (let o = 0; o < outs; o++)
      for (let p = 0; p < oh * ow; p++) {
        let sum = BigInt(Number(bias?.data[o] ?? 0));
        for (let c = 0; c < per; c++)
          for (let k = 0; k < kh * kw; k++) {
            const iy = Math.floor(p / ow) * sy - py + Math.floor(k / kw);
            const ix = (p % ow) * sx - px + (k % kw);
            if (iy < 0 || iy >= h || ix < 0 || ix >= w) continue;
            const channel = Math.floor(o / (outs / attrs.groups)) * per + c;
            const value = Number(x.data[((n * ins + channel) * h + iy) * w + ix]) - attrs.x_zero;
            sum += BigInt(value * Number(weight.data[(o * per + c) * kh * kw + k]));
          }
        const scaled = Number(exactRoundShift(sum * BigInt(Number(multiplier.data[o])), Number(shift.data[o]))) + attrs.y_zero;
        const [low, high] = attrs.to === "i8" ? [-128, 127] : [0, 255];
        y.push(Math.min(high, Math.max(low, attrs.min, scaled)));
      }
  return y;
}
