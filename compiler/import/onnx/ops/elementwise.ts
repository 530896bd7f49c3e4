/** @file Element-wise operators: one op each, or a chain of one for each further input. */
import { compareDims, type Dim, type DType, dimMul, isFloat } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable, Translate } from "../node.ts";
import { constantElements, knownElements, sizes, type Value } from "../value.ts";
import { dimOps, foldDims, isIndexType, knownInputs } from "./fold.ts";

export const unary =
  (op: string): Translate =>
  (node) => {
    if (node.opset < 6) node.attributes.ignore("consumed_inputs");
    return node.emit(op, [node.input(0)]);
  };

function negate(node: NodeContext): Value {
  if (node.opset < 6) node.attributes.ignore("consumed_inputs");
  const known = knownInputs(node)?.[0];
  if (!known) return node.emit("math.neg", [node.input(0)]);
  const negated = known.map((dim) => dimMul(-1, dim));
  return sizes(negated, node.rank(0) === 0 ? 0 : 1, node.type(0).dtype);
}

/** Shapes broadcast as numpy's do; before opset 7 only on demand, and then from a given axis. */
export const binary =
  (op: string): Translate =>
  (node) => {
    if (node.opset < 6) node.attributes.ignore("consumed_inputs");
    const folded = dimOps[node.opType] && foldDims(node, dimOps[node.opType] as (a: Dim, b: Dim) => Dim);
    return folded || node.emit(op, [node.input(0), node.opset < 7 ? alignedToAxis(node) : node.input(1)]);
  };

/** Opset 1 to 6: `axis` is where the second input's shape starts in the first one's. */
export function alignedToAxis(node: NodeContext): Value {
  const broadcast = node.attributes.flag("broadcast", false);
  const axis = node.attributes.int("axis", null);
  const value = node.input(1);
  if (!broadcast || axis === null) return value;
  const trailing = node.rank(0) - node.axis(axis, node.rank(0)) - value.type.shape.length;
  if (trailing < 0) node.fail("E0606", `axis ${axis} leaves no room for ${value.type.shape.length} axes`);
  return trailing === 0 ? value : node.reshape(value, [...value.type.shape, ...new Array<number>(trailing).fill(1)]);
}

/** `Sum`, `Max`, `Min` of any number of inputs. */
const variadic =
  (op: string): Translate =>
  (node) => {
    if (node.opset < 6) node.attributes.ignore("consumed_inputs");
    const folded = dimOps[node.opType] && foldDims(node, dimOps[node.opType] as (a: Dim, b: Dim) => Dim);
    return folded || node.inputs().reduce((sum, value) => node.emit(op, [sum, value]));
  };

function mean(node: NodeContext): Value {
  const values = node.inputs();
  const sum = values.reduce((total, value) => node.emit("math.add", [total, value]));
  return values.length === 1 ? sum : node.emit("math.mul", [sum, node.scalar(1 / values.length, sum.type.dtype)]);
}

/** The exponent may have another element type than the base, which is the result's. */
function pow(node: NodeContext): Value {
  const base = node.input(0);
  const { dtype } = base.type;
  const exponent = node.opset < 7 ? alignedToAxis(node) : node.input(1);
  const own = exponent.type.dtype;
  if (own === dtype) return node.emit("math.pow", [base, exponent]);
  const cast = (value: Value, to: DType) => node.emit("type.cast", [value], { to });
  const power = node.emit("math.pow", [base, cast(exponent, dtype)]);
  if (isFloat(dtype) || !isFloat(own) || constantElements(exponent)?.every(Number.isInteger)) return power;
  // A whole power of integers is exact; another is that of floats.
  const rooted = cast(node.emit("math.pow", [cast(base, own), exponent]), dtype);
  return node.emit("math.where", [node.emit("math.equal", [exponent, node.emit("math.floor", [exponent])]), power, rooted]);
}

/** Equality of sizes is decided here where it can be proved or refuted for every size. */
function equal(node: NodeContext): Value {
  const [a, b] = [node.input(0), node.input(1)];
  const [x, y] = [knownElements(a), knownElements(b)];
  if (x && y && isIndexType(a.type.dtype) && x.length === y.length && a.type.shape.length <= 1) {
    const verdicts = x.map((dim, i) => compareDims(dim, y[i] as Dim));
    if (verdicts.every((v) => v !== null)) return sizes(verdicts.map(Number), a.type.shape.length === 0 ? 0 : 1, "bool");
  }
  return node.emit("math.equal", [a, node.opset < 7 ? alignedToAxis(node) : b]);
}

function where(node: NodeContext): Value {
  const lists = node.inputs().map((value) => (value.type.shape.length <= 1 ? knownElements(value) : null));
  const [chosen, x, y] = lists;
  if (chosen && x && y && isIndexType(node.type(1).dtype) && lists.every((list) => list?.length === chosen.length)) {
    return sizes(
      chosen.map((take, i) => (take === 1 ? x[i] : y[i]) as Dim),
      node.rank(0) === 0 ? 0 : 1,
      node.type(1).dtype,
    );
  }
  return node.emit("math.where", node.inputs());
}

export const elementwiseOps: OpTable = {
  Relu: unary("math.relu"),
  Sigmoid: unary("math.sigmoid"),
  Tanh: unary("math.tanh"),
  Softplus: unary("math.softplus"),
  Sin: unary("math.sin"),
  Cos: unary("math.cos"),
  Tan: unary("math.tan"),
  Asin: unary("math.asin"),
  Acos: unary("math.acos"),
  Atan: unary("math.atan"),
  Sinh: unary("math.sinh"),
  Cosh: unary("math.cosh"),
  Asinh: unary("math.asinh"),
  Acosh: unary("math.acosh"),
  Atanh: unary("math.atanh"),
  Exp: unary("math.exp"),
  Log: unary("math.log"),
  Sqrt: unary("math.sqrt"),
  Reciprocal: unary("math.reciprocal"),
  Erf: unary("math.erf"),
  Neg: negate,
  Abs: unary("math.abs"),
  Sign: unary("math.sign"),
  Floor: unary("math.floor"),
  Ceil: unary("math.ceil"),
  Round: unary("math.round"),
  Add: binary("math.add"),
  Sub: binary("math.sub"),
  Mul: binary("math.mul"),
  Div: binary("math.div"),
  Less: binary("math.less"),
  Greater: binary("math.greater"),
  Sum: variadic("math.add"),
  Max: variadic("math.max"),
  Min: variadic("math.min"),
  Mean: mean,
  Pow: pow,
  Equal: equal,
  Where: where,
};
