/** @file Activations with parameters. */
import { type Dim, dimProduct, isFloat } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { constantElements, type Value } from "../value.ts";
import { inSingle } from "./half-precision.ts";
import { classNumbers } from "./loss.ts";

/** Bounds are attributes up to opset 10, optional inputs since. */
function clip(node: NodeContext): Value {
  const x = node.input(0);
  if (node.opset < 6) node.attributes.ignore("consumed_inputs");
  if (node.opset < 11) {
    const lowest = -3.4028234663852886e38; // the default, the smallest f32
    const min = node.attributes.float("min", lowest);
    const max = node.attributes.float("max", -lowest);
    return node.emit("math.clip", [x], { ...(min > lowest ? { min } : {}), ...(max < -lowest ? { max } : {}) });
  }
  const bounds = [1, 2].map((i) => (node.has(i) ? constantElements(node.input(i)) : []));
  const [min, max] = [bounds[0]?.[0], bounds[1]?.[0]];
  const ordered = min === undefined || max === undefined || min <= max;
  if (bounds.includes(null) || !ordered || !isFloat(x.type.dtype)) return clipByOps(node, x);
  if (min === undefined && max === undefined) return x;
  return node.emit("math.clip", [x], { min, max });
}

/** Bounds that are computed, in the wrong order (then the upper one is the result), or of integers. */
function clipByOps(node: NodeContext, x: Value): Value {
  const above = node.has(1) ? node.emit("math.max", [x, node.input(1)]) : x;
  return node.has(2) ? node.emit("math.min", [above, node.input(2)]) : above;
}

function leakyRelu(node: NodeContext): Value {
  if (node.opset < 6) node.attributes.ignore("consumed_inputs");
  return node.emit("math.leaky_relu", [node.input(0)], { alpha: node.attributes.float("alpha", Math.fround(0.01)) });
}

/** max(x, 0) + slope * min(x, 0); the slope broadcasts to x. */
function prelu(node: NodeContext): Value {
  if (node.opset < 6) node.attributes.ignore("consumed_inputs");
  const x = node.input(0);
  let slope = node.input(1);
  const trailing = node.rank(0) - 2;
  if (node.opset < 7 && slope.type.shape.length === 1 && trailing > 0) {
    slope = node.reshape(slope, [...slope.type.shape, ...new Array<number>(trailing).fill(1)]);
  }
  const zero = node.scalar(0, x.type.dtype);
  const negative = node.emit("math.mul", [slope, node.emit("math.min", [x, zero])]);
  return node.emit("math.add", [node.emit("math.max", [x, zero]), negative]);
}

/** clip(alpha * x + beta, 0, 1) */
function hardGate(node: NodeContext, alpha: number, beta: number): Value {
  const { dtype } = node.type(0);
  const scaled = node.emit("math.mul", [node.input(0), node.scalar(alpha, dtype)]);
  return node.emit("math.clip", [node.emit("math.add", [scaled, node.scalar(beta, dtype)])], { min: 0, max: 1 });
}

function hardSigmoid(node: NodeContext): Value {
  if (node.opset < 6) node.attributes.ignore("consumed_inputs");
  return hardGate(node, node.attributes.float("alpha", 0.2), node.attributes.float("beta", 0.5));
}

const hardSwish = (node: NodeContext): Value => node.emit("math.mul", [node.input(0), hardGate(node, 1 / 6, 0.5)]);

/** A binary op whose second operand is a number of the first one's dtype. */
const by = (node: NodeContext, op: string, x: Value, number: number): Value => node.emit(op, [x, node.scalar(number, x.type.dtype)]);

/** scale * (e^(x / width) - 1): what the exponential units are below zero. */
function dip(node: NodeContext, x: Value, scale: number, width = 1): Value {
  const power = node.emit("math.exp", [width === 1 ? x : by(node, "math.div", x, width)]);
  const below = by(node, "math.sub", power, 1);
  return scale === 1 ? below : by(node, "math.mul", below, scale);
}

/** x above 0, else `below`. */
const unlessPositive = (node: NodeContext, below: Value): Value => {
  const x = node.input(0);
  return node.emit("math.where", [by(node, "math.greater", x, 0), x, below]);
};

function elu(node: NodeContext): Value {
  if (node.opset < 6) node.attributes.ignore("consumed_inputs");
  return unlessPositive(node, dip(node, node.input(0), node.attributes.float("alpha", 1)));
}

function selu(node: NodeContext): Value {
  if (node.opset < 6) node.attributes.ignore("consumed_inputs");
  // The defaults of the first version are rounded, the later ones the f32 nearest to the published constants.
  const alpha = node.attributes.float("alpha", node.opset < 6 ? 1.6732 : 1.6732631921768188);
  const gamma = node.attributes.float("gamma", node.opset < 6 ? 1.0507 : 1.0507010221481323);
  return by(node, "math.mul", unlessPositive(node, dip(node, node.input(0), alpha)), gamma);
}

/** max(0, x) + min(0, alpha * (e^(x / alpha) - 1)) */
function celu(node: NodeContext): Value {
  const alpha = node.attributes.float("alpha", 1);
  if (alpha === 0) node.fail("E0606", "alpha is 0");
  const below = by(node, "math.min", dip(node, node.input(0), alpha, alpha), 0);
  return node.emit("math.add", [by(node, "math.max", node.input(0), 0), below]);
}

function thresholdedRelu(node: NodeContext): Value {
  const x = node.input(0);
  const above = by(node, "math.greater", x, node.attributes.float("alpha", 1));
  return node.emit("math.where", [above, x, node.scalar(0, x.type.dtype)]);
}

/** Towards 0 by `bias` outside of [-lambd, lambd], 0 inside. Integers are shrunk as floats. */
function shrink(node: NodeContext): Value {
  const { dtype } = node.type(0);
  const own = isFloat(dtype);
  const x = own ? node.input(0) : node.emit("type.cast", [node.input(0)], { to: "f32" });
  const [lambd, bias] = [node.attributes.float("lambd", 0.5), node.attributes.float("bias", 0)];
  const above = node.emit("math.where", [by(node, "math.greater", x, lambd), by(node, "math.sub", x, bias), node.scalar(0, x.type.dtype)]);
  const y = node.emit("math.where", [by(node, "math.less", x, -lambd), by(node, "math.add", x, bias), above]);
  return own ? y : node.emit("type.cast", [y], { to: dtype });
}

/** x * tanh(ln(1 + e^x)) */
function mish(node: NodeContext): Value {
  const x = node.input(0);
  return node.emit("math.mul", [x, node.emit("math.tanh", [node.emit("math.softplus", [x])])]);
}

/** x * sigmoid(alpha * x) */
function swish(node: NodeContext): Value {
  const x = node.input(0);
  const alpha = node.attributes.float("alpha", 1);
  return node.emit("math.mul", [x, node.emit("math.sigmoid", [alpha === 1 ? x : by(node, "math.mul", x, alpha)])]);
}

/** x / 2 * (1 + erf(x / sqrt(2))), or with tanh(sqrt(2 / pi) * (x + 0.044715 x^3)) instead of erf. */
function gelu(node: NodeContext): Value {
  const x = node.input(0);
  const half = by(node, "math.mul", x, 0.5);
  const bend = node.attributes.choice("approximate", ["none", "tanh"], "none") === "none" ? erfBend(node, x) : tanhBend(node, x);
  return node.emit("math.mul", [half, by(node, "math.add", bend, 1)]);
}

const erfBend = (node: NodeContext, x: Value): Value => node.emit("math.erf", [by(node, "math.mul", x, Math.SQRT1_2)]);

function tanhBend(node: NodeContext, x: Value): Value {
  const cube = node.emit("math.mul", [node.emit("math.mul", [x, x]), by(node, "math.mul", x, 0.044715)]);
  return node.emit("math.tanh", [by(node, "math.mul", node.emit("math.add", [x, cube]), Math.sqrt(2 / Math.PI))]);
}

/** x / (1 + |x|) */
function softsign(node: NodeContext): Value {
  if (node.opset < 6) node.attributes.ignore("consumed_inputs");
  const x = node.input(0);
  return node.emit("math.div", [x, by(node, "math.add", node.emit("math.abs", [x]), 1)]);
}

/** 1 at the first maximum along an axis, 0 elsewhere; before opset 13 along all axes from `axis` on, as one. */
function hardmax(node: NodeContext): Value {
  const { shape } = node.type(0);
  const axis = node.axis(node.attributes.int("axis", node.opset < 13 ? 1 : -1), shape.length);
  const [rows, columns] = [shape.slice(0, axis), shape.slice(axis)];
  if (node.opset >= 13 || columns.slice(1).every((size) => size === 1)) return unitVectors(node, node.input(0), axis);
  const flat = node.reshape(node.input(0), [dimProduct(rows), dimProduct(columns)]);
  return node.reshape(unitVectors(node, flat, 1), shape);
}

function unitVectors(node: NodeContext, x: Value, axis: number): Value {
  const best = node.emit("reduce.argmax", [x], { axis, keepdims: true });
  const size = node.staticDim(x.type.shape[axis] as Dim, "the size of the axis");
  const isBest = node.emit("math.equal", [best, classNumbers(node, size, "i64", x.type.shape.length - axis - 1)]);
  return node.emit("type.cast", [isBest], { to: x.type.dtype });
}

export const activationOps: OpTable = {
  Elu: inSingle(elu),
  Selu: inSingle(selu),
  Celu: inSingle(celu),
  ThresholdedRelu: thresholdedRelu,
  Shrink: inSingle(shrink),
  Mish: inSingle(mish),
  Swish: inSingle(swish),
  Gelu: inSingle(gelu),
  Softsign: inSingle(softsign),
  Hardmax: hardmax,
  Clip: clip,
  LeakyRelu: leakyRelu,
  PRelu: prelu,
  HardSigmoid: inSingle(hardSigmoid),
  HardSwish: inSingle(hardSwish),
};
