/** @file Activations with parameters. */
import { isFloat } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import { constantElements, type Value } from "../value.ts";

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

export const activationOps: OpTable = {
  Clip: clip,
  LeakyRelu: leakyRelu,
  PRelu: prelu,
  HardSigmoid: hardSigmoid,
  HardSwish: hardSwish,
};
