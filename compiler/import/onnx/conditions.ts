/**
 * @file Truth values that follow from sizes alone. Where the sizes are symbols, so is the truth: 1 or 0 as an expression over them, made of min, max and differences. An `If` that asks for such a value
 * takes one branch, and the function requires what that branch assumes.
 */
import { type Dim, dimAdd, dimMax, dimMin, dimMul, dimSub, dimSymbols, evaluateDim } from "../../../ir-spec/index.ts";
import type { NodeContext } from "./node.ts";
import { knownElements, sizes, type Value } from "./value.ts";

type Test = (a: Dim, b: Dim) => Dim;

/** 1 where x > 0, else 0. */
const positive = (x: Dim): Dim => dimMin(dimMax(x, 0), 1);
const not = (x: Dim): Dim => dimSub(1, x);
const differs: Test = (a, b) => dimMin(dimAdd(positive(dimSub(a, b)), positive(dimSub(b, a))), 1);

const comparisons: Readonly<Record<string, Test>> = {
  Equal: (a, b) => not(differs(a, b)),
  Less: (a, b) => positive(dimSub(b, a)),
  Greater: (a, b) => positive(dimSub(a, b)),
  LessOrEqual: (a, b) => not(positive(dimSub(a, b))),
  GreaterOrEqual: (a, b) => not(positive(dimSub(b, a))),
};

const connectives: Readonly<Record<string, Test>> = {
  And: dimMul,
  Or: dimMax,
  Xor: differs,
};

/** The truth value of a comparison of sizes, or of what is made of such; null for anything else. */
export function foldCondition(node: NodeContext): Value | null {
  const compare = comparisons[node.opType];
  const connect = connectives[node.opType];
  if (node.opset < 7 || !(compare || connect || node.opType === "Not")) return null;
  const lists = node.inputs().map((value) => symbolicElements(value, compare ? isInteger : isTruth));
  const [a, b = a] = lists;
  if (!a || !b || !lists.flat().some((dim) => typeof dim === "object")) return null;
  if (a.length !== b.length && a.length !== 1 && b.length !== 1) return null;
  const element = (list: readonly Dim[], i: number): Dim => list[list.length === 1 ? 0 : i] as Dim;
  const test = compare ?? connect ?? ((x: Dim) => not(x));
  const elements = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => test(element(a, i), element(b, i)));
  const rank = node.inputs().some((value) => value.type.shape.length === 1) ? 1 : 0;
  return sizes(elements, rank, "bool");
}

const isInteger = (value: Value): boolean => value.type.dtype === "i64" || value.type.dtype === "i32";
const isTruth = (value: Value): boolean => value.type.dtype === "bool";

function symbolicElements(value: Value, wanted: (value: Value) => boolean): readonly Dim[] | null {
  return wanted(value) && value.type.shape.length <= 1 ? knownElements(value) : null;
}

/** Sizes of an ordinary run: larger than the 1, 2 or 4 that special cases are about. */
const ordinary = 64;

/** Which case an ordinary run takes. */
export function usualVerdict(truth: Dim): boolean {
  return evaluateDim(truth, new Map([...dimSymbols(truth)].map((name) => [name, ordinary]))) !== 0;
}
