/** @file Floats as text: every f16 and bf16 bit pattern, sampled f32 and f64, the shortest decimal, NaN payloads, hex floats. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { f32Bits } from "../../ir-spec/core/float-bits.ts";
import { type FloatFormat, printFloat, readFloat } from "../../ir-spec/core/float-text.ts";

const token = /^-?(inf|nan(:0x[0-9a-f]+)?|0x[0-9a-f]+(\.[0-9a-f]+)?p[+-]?\d+|(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?)$/;

function roundTrips(format: FloatFormat, bits: bigint): void {
  for (const hex of [false, true]) {
    const text = printFloat(format, bits, hex);
    const back = readFloat(format, text);
    if (back !== bits || !token.test(text))
      assert.unreachable(`${format} 0x${bits.toString(16)} prints ${text}, reads ${back?.toString(16)}`);
    if (/^-?\d+$/.test(text)) assert.unreachable(`${text} looks like an integer`);
  }
}

for (const format of ["f16", "bf16"] as const) {
  test(`every ${format} bit pattern reads back`, () => {
    for (let bits = 0; bits < 65536; bits++) roundTrips(format, BigInt(bits));
  });

  test(`no ${format} has a shorter decimal`, () => {
    for (let bits = 0; bits < 0x7c00; bits += 7) {
      const text = printFloat(format, BigInt(bits));
      const digits = text.replace(/e.*/, "").replace(".", "").replace(/^0+/, "").replace(/0+$/, "").length;
      const value = Number(text);
      for (let fewer = 1; fewer < digits; fewer++) {
        assert.is.not(
          readFloat(format, value.toPrecision(fewer).replace("+", "")),
          BigInt(bits),
          `${text} has the shorter ${value.toPrecision(fewer)}`,
        );
      }
    }
  });
}

test("f32 and f64 bit patterns read back, NaNs and denormals included", () => {
  const exponent = fc.constantFrom(0n, 1n, 127n, 254n, 255n);
  const special = fc.tuple(fc.boolean(), exponent, fc.bigInt({ min: 0n, max: (1n << 23n) - 1n }));
  fc.assert(
    fc.property(special, ([s, e, f]) => roundTrips("f32", ((s ? 1n : 0n) << 31n) | (e << 23n) | f)),
    { numRuns: 2000, seed: 1 },
  );
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 32n) - 1n }), (bits) => roundTrips("f32", bits)),
    { numRuns: 5000, seed: 2 },
  );
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (bits) => roundTrips("f64", bits)),
    { numRuns: 5000, seed: 3 },
  );
  const nan64 = fc.bigInt({ min: 0x7ff0000000000001n, max: 0x7fffffffffffffffn });
  fc.assert(
    fc.property(nan64, (bits) => roundTrips("f64", bits)),
    { numRuns: 500, seed: 4 },
  );
});

test("f32 decimals are the shortest, also at powers of two, where the gaps below and above differ", () => {
  for (let e = 1; e < 255; e++) {
    for (const f of [0, 1, 0x7fffff]) {
      const bits = (e << 23) | f;
      const text = printFloat("f32", BigInt(bits));
      roundTrips("f32", BigInt(bits));
      const digits = text.replace(/e.*/, "").replace(".", "").replace(/^0+/, "").replace(/0+$/, "").length;
      if (digits === 1) continue;
      const [mantissa = "", power = "0"] = Number(text)
        .toExponential(digits - 2)
        .split("e");
      const unit = Number(`1e-${digits - 2}`);
      for (const step of [-1, 0, 1]) {
        const shorter = `${(Number(mantissa) + step * unit).toFixed(digits - 2)}e${Number(power)}`;
        assert.is.not(f32Bits(Number(shorter)), bits, `${text} has the shorter ${shorter}`);
      }
    }
  }
});

const forms: readonly [FloatFormat, bigint, string][] = [
  ["f32", 0x3dcccccdn, "0.1"],
  ["f32", 0x80000000n, "-0.0"],
  ["f32", 0x3f800000n, "1.0"],
  ["f32", 0x7f7fffffn, "3.4028235e38"],
  ["f32", 0x00000001n, "1e-45"],
  ["f32", 0x7f800000n, "inf"],
  ["f32", 0xff800000n, "-inf"],
  ["f32", 0x7fc00000n, "nan"],
  ["f32", 0xffc00000n, "-nan"],
  ["f32", 0x7fa00001n, "nan:0x200001"],
  ["f32", 0xff800001n, "-nan:0x1"],
  ["f32", 0x7fffffffn, "nan:0x7fffff"],
  ["f64", 0x3fb999999999999an, "0.1"],
  ["f64", 0x444b1ae4d6e2ef50n, "1e21"],
  ["f64", 0x441ac53a7e04bcdan, "123456789012345680000.0"],
  ["f64", 0x3e7ad7f29abcaf48n, "1e-7"],
  ["f64", 0x7ff0000000000001n, "nan:0x1"],
  ["f16", 0x3c00n, "1.0"],
  ["f16", 0x2e66n, "0.1"],
  ["f16", 0x7bffn, "65500.0"],
  ["f16", 0x0001n, "6e-8"],
  ["f16", 0x7e00n, "nan"],
  // 0.15625 and 0.21875 lie halfway between two equally short decimals: the even one.
  ["f16", 0x3100n, "0.1562"],
  ["f16", 0x3300n, "0.2188"],
  ["bf16", 0x3dcdn, "0.1"],
  ["bf16", 0x7f7fn, "3.39e38"],
];

test("canonical forms", () => {
  for (const [format, bits, text] of forms) {
    assert.is(printFloat(format, bits), text);
    assert.is(readFloat(format, text), bits, text);
  }
});

test("reading: hex floats round once, integers are floats, what is no number is refused", () => {
  assert.is(readFloat("f32", "0x1.8p-7"), 0x3c400000n);
  assert.is(printFloat("f32", 0x3c400000n, true), "0x1.8p-7");
  assert.is(printFloat("f32", 1n, true), "0x1p-149");
  assert.is(printFloat("f32", 0x80000000n, true), "-0x0p0");
  assert.is(readFloat("f32", "0x1.000001p0"), 0x3f800000n, "a tie goes to even");
  assert.is(readFloat("f32", "0x1.000003p0"), 0x3f800002n, "a tie goes to even, upward");
  assert.is(readFloat("f32", "0x1.00000100000000000001p0"), 0x3f800001n, "beyond a tie, by far less than a double holds");
  assert.is(readFloat("f32", "0x1p-150"), 0n, "half the smallest denormal ties to zero");
  assert.is(readFloat("f32", "0x1.8p-150"), 1n);
  assert.is(readFloat("f32", "0x1.ffffffp127"), 0x7f800000n, "rounds up to infinity");
  assert.is(readFloat("f64", "0x1p1024"), 0x7ff0000000000000n);
  assert.is(readFloat("f64", "0x1p-99999"), 0n);
  assert.is(readFloat("f32", "3"), 0x40400000n);
  assert.is(readFloat("f32", "-0"), 0x80000000n);
  assert.is(readFloat("f32", "1e999"), 0x7f800000n);
  assert.is(readFloat("f16", "2049.0"), 0x6800n, "ties to even");
  for (const text of ["", "1.", ".5", "01.0", "0x10", "1e", "nan:0x0", "nan:0x800000", "NaN", "infinity", "+1.0", "0x1P0", "1.0 "]) {
    assert.is(readFloat("f32", text), null, text);
  }
});

test.run();
