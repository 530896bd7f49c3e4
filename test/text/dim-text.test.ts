/** @file Dim expressions as text: print then read is the identity on random dims; errors have their place. */
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import {
  type Dim,
  dimAdd,
  dimCeilDiv,
  dimDiv,
  dimEquals,
  dimKey,
  dimMax,
  dimMin,
  dimMod,
  dimMul,
  dimSub,
  dimSymbol,
  evaluateDim,
} from "../../ir-spec/core/dim.ts";
import { readDim, readDimAttr, readRequire, readType } from "../../ir-spec/core/dim-text.ts";
import { printType, tensorType, typeEquals } from "../../ir-spec/core/type.ts";

type Tree = number | string | readonly [string, Tree, Tree];

const operations = { "+": dimAdd, "-": dimSub, "*": dimMul, "/": dimDiv, "%": dimMod, min: dimMin, max: dimMax, ceildiv: dimCeilDiv };

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.oneof(
    { depthSize: "small" },
    fc.integer({ min: -9, max: 9 }),
    fc.constantFrom("N", "H", "W_2"),
    fc.tuple(fc.constantFrom(...Object.keys(operations)), tie("tree"), tie("tree")),
  ),
}));

/** null where the arithmetic refuses (division by zero, beyond 2^53). */
function build(t: Tree): Dim | null {
  if (typeof t === "number") return t;
  if (typeof t === "string") return dimSymbol(t);
  const [a, b] = [build(t[1]), build(t[2])];
  if (a === null || b === null) return null;
  try {
    return operations[t[0] as keyof typeof operations](a, b);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** The tree as a person might write it: parentheses everywhere. */
function written(t: Tree): string {
  if (typeof t !== "object") return String(t);
  const [op, a, b] = t;
  return /[a-z]/.test(op) ? `${op}(${written(a)}, ${written(b)})` : `(${written(a)} ${op} ${written(b)})`;
}

function treeValue(t: Tree, n: Readonly<Record<string, number>>): number {
  if (typeof t === "number") return t;
  if (typeof t === "string") return n[t] ?? 0;
  const [a, b] = [treeValue(t[1], n), treeValue(t[2], n)];
  const result = operations[t[0] as keyof typeof operations](a, b);
  return typeof result === "number" ? result : Number.NaN;
}

test("print then read is the identity; reading what a person writes gives the same normal form", () => {
  fc.assert(
    fc.property(tree, (t) => {
      const dim = build(t);
      if (dim === null) return;
      const back = readDim(dimKey(dim));
      assert.ok(back.ok && dimEquals(back.value, dim), `${dimKey(dim)} read back as ${back.ok ? dimKey(back.value) : back.error.message}`);
      const hand = readDim(written(t));
      assert.ok(hand.ok && dimEquals(hand.value, dim), written(t));
    }),
    { numRuns: 3000, seed: 5 },
  );
});

test("the normal form has the value of what was written", () => {
  fc.assert(
    fc.property(tree, fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), (t, n, h, w) => {
      const dim = build(t);
      if (dim === null) return;
      let expected: number;
      let actual: number;
      try {
        expected = treeValue(t, { N: n, H: h, W_2: w });
        actual = evaluateDim(
          dim,
          new Map([
            ["N", n],
            ["H", h],
            ["W_2", w],
          ]),
        );
      } catch (error) {
        if (error instanceof RangeError) return; // a divisor that is zero under this binding
        throw error;
      }
      assert.is(actual, expected, `${written(t)} is ${dimKey(dim)} at N=${n} H=${h} W_2=${w}`);
    }),
    { numRuns: 3000, seed: 6 },
  );
});

test("types", () => {
  const type = readType("tensor<Nx[2*H + 4]x?Kx28xbf16>");
  assert.ok(type.ok);
  if (!type.ok) return;
  assert.is(printType(type.value), "tensor<Nx[2 * H + 4]xKx28xbf16>");
  assert.equal(
    type.symbols.map((s) => `${s.introduced ? "?" : ""}${s.name}@${s.start}`),
    ["N@7", "H@12", "?K@20"],
  );
  const scalar = readType("tensor<f32>");
  assert.ok(scalar.ok && typeEquals(scalar.value, tensorType("f32", [])));
  const zero = readType("tensor<0x10xi8>");
  assert.ok(zero.ok && typeEquals(zero.value, tensorType("i8", [0, 10])));
  const bare = readType("tensor<[N]x[3 + 4]xu1>");
  assert.ok(bare.ok && printType(bare.value) === "tensor<Nx7xu1>");
});

const faults: readonly [
  (text: string) => { readonly ok: boolean; readonly error?: { message: string; start: number; end: number } },
  string,
  number,
  number,
  RegExp,
][] = [
  [readType, "tensor<2x3xf31>", 11, 14, /unknown dtype "f31"/],
  [readType, "tensor<2x3>", 10, 11, /followed by "x"/],
  [readType, "tensor<2x03xf32>", 9, 10, /no leading zero/],
  [readType, "tensor<-2xf32>", 7, 8, /expected a dim/],
  [readType, "tensor<[1 - 3]xf32>", 7, 14, /cannot be -2/],
  [readType, "tensor<[N / 0]xf32>", 8, 13, /division by zero/],
  [readType, "tensor<[n]xf32>", 8, 9, /unknown function "n".*symbols are uppercase/],
  [readType, "tensor<[?K + 1]xf32>", 8, 9, /only as a whole dim/],
  [readType, "tensor<?kxf32>", 8, 9, /UPPERCASE symbol/],
  [readType, "tensor<99999999999999999xf32>", 7, 24, /beyond 2\^53/],
  [readDim, "3 +", 3, 3, /expected a number/],
  [readDim, "min(N 3)", 6, 7, /expected ","/],
  [readDim, "9007199254740991 * 3", 0, 20, /2\^53/],
  [readDim, "(".repeat(5000), 100, 101, /nests too deep/],
  [readDim, "-".repeat(5000), 100, 101, /nests too deep/],
  [readDimAttr, "dim[N M]", 6, 7, /expected "]"/],
  [readRequire, "require [N] == M", 15, 16, /expected a number or/],
];

test("errors have their place", () => {
  for (const [read, text, start, end, message] of faults) {
    const result = read(text);
    assert.not(result.ok, text);
    if (result.ok || !result.error) continue;
    assert.match(result.error.message, message);
    assert.equal([result.error.start, result.error.end], [start, end], `${text}: ${result.error.message}`);
  }
});

test.run();
