/** @file Reductions and running sums. Axes are an attribute at first and an input since opset 13 (sum) or 18 (the others). */
import { type Dim, dimProduct, isFloat } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable, Translate } from "../node.ts";
import type { Value } from "../value.ts";
import { inSingle } from "./half-precision.ts";

interface Axes {
  readonly axes: readonly number[];
  readonly keepdims: boolean;
}

/** Sorted axes from 0: all where none are given, none where that is to mean nothing. */
function axesOf(node: NodeContext, axesAreInputSince: number): Axes {
  const asInput = node.opset >= axesAreInputSince;
  const given = asInput ? (node.has(1) ? node.staticIntegers(1, "the list of axes") : []) : (node.attributes.ints("axes") ?? []);
  const nothing = asInput && node.attributes.flag("noop_with_empty_axes", false);
  const keepdims = node.attributes.flag("keepdims", true);
  const rank = node.rank(0);
  const all = nothing ? [] : Array.from({ length: rank }, (_, i) => i);
  return { axes: given.length === 0 ? all : given.map((axis) => node.axis(axis, rank)).sort((a, b) => a - b), keepdims };
}

const over = (node: NodeContext, op: string, x: Value, attrs: Axes): Value =>
  attrs.axes.length === 0 ? x : node.emit(op, [x], { ...attrs });

/** The op on what `before` makes of the input, and `after` on that. */
const reduce =
  (op: string, before: Step = same, after: Step = same, axesAreInputSince = 18): ((node: NodeContext) => Value) =>
  (node) =>
    after(node, over(node, op, before(node, node.input(0)), axesOf(node, axesAreInputSince)));

type Step = (node: NodeContext, value: Value) => Value;

const same: Step = (_, value) => value;
const absolute: Step = (node, value) => node.emit("math.abs", [value]);
const squared: Step = (node, value) => node.emit("math.mul", [value, value]);

/** A function of floats; integers go through f64 and are truncated. */
const asFloat =
  (op: string): Step =>
  (node, value) => {
    const { dtype } = value.type;
    if (isFloat(dtype)) return node.emit(op, [value]);
    return node.emit("type.cast", [node.emit(op, [node.emit("type.cast", [value], { to: "f64" })])], { to: dtype });
  };

/** Integers are divided without a rest. */
function mean(node: NodeContext): Value {
  const x = node.input(0);
  const attrs = axesOf(node, 18);
  if (isFloat(x.type.dtype)) return over(node, "reduce.mean", x, attrs);
  const count = node.staticDim(dimProduct(attrs.axes.map((axis) => x.type.shape[axis] as Dim)), "the number of elements");
  return node.emit("math.div", [over(node, "reduce.sum", x, attrs), node.scalar(count, x.type.dtype)]);
}

/** top + ln(sum of e^(x - top)); where top is infinite, or there is nothing, it is left out of the powers. */
function logSumExp(node: NodeContext): Value {
  const given = node.input(0);
  const { dtype } = given.type;
  const x = isFloat(dtype) ? given : node.emit("type.cast", [given], { to: "f64" });
  const { axes, keepdims } = axesOf(node, 18);
  if (axes.length === 0) return given;
  const top = node.emit("reduce.max", [x], { axes, keepdims: true });
  const finite = node.emit("math.less", [node.emit("math.abs", [top]), node.scalar(Number.POSITIVE_INFINITY, x.type.dtype)]);
  const shift = node.emit("math.where", [finite, top, node.scalar(0, x.type.dtype)]);
  const powers = node.emit("math.exp", [node.emit("math.sub", [x, shift])]);
  const log = node.emit("math.log", [node.emit("reduce.sum", [powers], { axes, keepdims: true })]);
  const y = node.emit("math.add", [shift, log]);
  const kept = keepdims
    ? y
    : node.reshape(
        y,
        x.type.shape.filter((_, axis) => !axes.includes(axis)),
      );
  return isFloat(dtype) ? kept : node.emit("type.cast", [kept], { to: dtype });
}

/** The smallest is the largest with the order reversed: of integers by turning every bit, which has no exception. */
const arg =
  (reverse: boolean): Translate =>
  (node) => {
    const x = node.input(0);
    const axis = node.axis(node.attributes.int("axis", 0), node.rank(0));
    const last = node.opset >= 12 && node.attributes.flag("select_last_index", false);
    const reversed = () => node.emit(isFloat(x.type.dtype) ? "math.neg" : "math.not", [x]);
    return node.emit("reduce.argmax", [reverse ? reversed() : x], {
      axis,
      keepdims: node.attributes.flag("keepdims", true),
      ...(last ? { last } : {}),
    });
  };

const cumulative =
  (op: string): Translate =>
  (node) => {
    const axis = node.axis(node.staticDim(node.integers(1, "the axis")[0] ?? 0, "the axis"), node.rank(0));
    const [exclusive, reverse] = [node.attributes.flag("exclusive", false), node.attributes.flag("reverse", false)];
    return node.emit(op, [node.input(0)], { axis, ...(exclusive ? { exclusive } : {}), ...(reverse ? { reverse } : {}) });
  };

export const reduceOps: OpTable = {
  ReduceSum: reduce("reduce.sum", same, same, 13),
  ReduceMean: mean,
  ReduceMax: reduce("reduce.max"),
  ReduceMin: reduce("reduce.min"),
  ReduceProd: reduce("reduce.prod"),
  ReduceL1: reduce("reduce.sum", absolute),
  ReduceL2: inSingle(reduce("reduce.sum", squared, asFloat("math.sqrt"))),
  ReduceSumSquare: inSingle(reduce("reduce.sum", squared)),
  ReduceLogSum: inSingle(reduce("reduce.sum", same, asFloat("math.log"))),
  ReduceLogSumExp: inSingle(logSumExp),
  ArgMax: arg(false),
  ArgMin: arg(true),
  CumSum: cumulative("reduce.cumsum"),
  CumProd: cumulative("reduce.cumprod"),
};
