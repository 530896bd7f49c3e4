/**
 * @file Normalizations from sums and products: over trailing axes (LayerNormalization, RMSNormalization), over a channel's positions (InstanceNormalization), a group's (GroupNormalization), over
 * neighbouring channels (LRN), to norm 1 (LpNormalization), to mean 0 and variance 1 (MeanVarianceNormalization). Half precision goes through f32.
 */
import type { Dim, DType } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";
import { inSingle } from "./half-precision.ts";

const defaultEpsilon = Math.fround(1e-5);

interface Standardized {
  readonly values: Value;
  readonly mean: Value;
  readonly inverse: Value;
}

/** (x - mean) / sqrt(variance + epsilon) over the axes. */
function standardize(node: NodeContext, x: Value, axes: readonly number[], epsilon: number): Standardized {
  const { dtype } = x.type;
  const mean = node.emit("reduce.mean", [x], { axes, keepdims: true });
  const centred = node.emit("math.sub", [x, mean]);
  const variance = node.emit("reduce.mean", [node.emit("math.mul", [centred, centred])], { axes, keepdims: true });
  const deviation = node.emit("math.sqrt", [node.emit("math.add", [variance, node.scalar(epsilon, dtype)])]);
  const inverse = node.emit("math.reciprocal", [deviation]);
  return { values: node.emit("math.mul", [centred, inverse]), mean, inverse };
}

/** values * scale + bias, the bias where there is one. */
function affine(node: NodeContext, values: Value, scale: Value, bias: Value | null): Value {
  const scaled = node.emit("math.mul", [values, scale]);
  return bias ? node.emit("math.add", [scaled, bias]) : scaled;
}

function trailing(node: NodeContext): readonly number[] {
  const rank = node.rank(0);
  const first = node.axis(node.attributes.int("axis", -1), rank);
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

const cast = (node: NodeContext, value: Value, to: DType): Value =>
  value.type.dtype === to ? value : node.emit("type.cast", [value], { to });

/** The mean and the inverse deviation are further outputs, in the type that the sums are kept in. */
function layerNormalization(node: NodeContext): readonly Value[] {
  const axes = trailing(node);
  const epsilon = node.attributes.float("epsilon", defaultEpsilon);
  const { dtype } = node.type(0);
  const wide: DType = node.attributes.int("stash_type", 1) === 1 && dtype !== "f64" ? "f32" : dtype;
  const { values, mean, inverse } = standardize(node, cast(node, node.input(0), wide), axes, epsilon);
  const narrow = cast(node, values, dtype);
  return [affine(node, narrow, node.input(1), node.has(2) ? node.input(2) : null), mean, inverse];
}

function rmsNormalization(node: NodeContext): Value {
  const axes = trailing(node);
  const epsilon = node.attributes.float("epsilon", defaultEpsilon);
  const { dtype } = node.type(0);
  const wide: DType = node.attributes.int("stash_type", 1) === 1 && dtype !== "f64" ? "f32" : dtype;
  const x = cast(node, node.input(0), wide);
  const square = node.emit("reduce.mean", [node.emit("math.mul", [x, x])], { axes, keepdims: true });
  const root = node.emit("math.sqrt", [node.emit("math.add", [square, node.scalar(epsilon, wide)])]);
  return node.emit("math.mul", [cast(node, node.emit("math.div", [x, root]), dtype), node.input(1)]);
}

/** `[C]` as `[C, 1 ...]`, to go with `[N, C, ...]`. */
function perChannel(node: NodeContext, value: Value, rank: number): Value {
  return node.reshape(value, [value.type.shape[0] as Dim, ...new Array<number>(rank - 2).fill(1)]);
}

function instanceNormalization(node: NodeContext): Value {
  node.attributes.ignore("consumed_inputs");
  const rank = node.rank(0);
  const axes = Array.from({ length: rank - 2 }, (_, i) => i + 2);
  const { values } = standardize(node, node.input(0), axes, node.attributes.float("epsilon", defaultEpsilon));
  return affine(node, values, perChannel(node, node.input(1), rank), perChannel(node, node.input(2), rank));
}

/** Scale and bias are one a group before opset 21, one a channel since. */
function groupNormalization(node: NodeContext): Value {
  const groups = node.attributes.int("num_groups", 1);
  const epsilon = node.attributes.float("epsilon", defaultEpsilon);
  const wide = node.attributes.int("stash_type", 1) === 1;
  const { dtype, shape } = node.type(0);
  const [batch, channels, ...spatial] = shape;
  const count = node.staticDim(channels ?? 0, "the number of channels");
  if (groups < 1 || count % groups !== 0) node.fail("E0606", `${count} channels are not ${groups} groups`);
  const split = [batch as Dim, groups, count / groups, ...spatial];
  const x = node.reshape(cast(node, node.input(0), wide && dtype !== "f64" ? "f32" : dtype), split);
  const axes = Array.from({ length: split.length - 2 }, (_, i) => i + 2);
  const values = cast(node, standardize(node, x, axes, epsilon).values, dtype);
  const perGroup = node.opset < 21 && node.type(1).shape[0] === groups;
  if (!perGroup) {
    const whole = node.reshape(values, shape);
    return affine(node, whole, perChannel(node, node.input(1), shape.length), perChannel(node, node.input(2), shape.length));
  }
  const each = (value: Value) => node.reshape(value, [groups, ...new Array<number>(axes.length).fill(1)]);
  return node.reshape(affine(node, values, each(node.input(1)), each(node.input(2))), shape);
}

/** x / (bias + alpha / size * sum of squares of `size` channels around it) ^ beta (Krizhevsky et al., 2012). */
function localResponse(node: NodeContext): Value {
  const size = node.attributes.int("size", 1);
  const [alpha, beta, bias] = [node.attributes.float("alpha", 1e-4), node.attributes.float("beta", 0.75), node.attributes.float("bias", 1)];
  const x = node.input(0);
  const { dtype, shape } = x.type;
  const channels = node.staticDim(shape[1] ?? 0, "the number of channels");
  const before = shape.map((_, axis) => (axis === 1 ? Math.floor((size - 1) / 2) : 0));
  const after = shape.map((_, axis) => (axis === 1 ? Math.ceil((size - 1) / 2) : 0));
  const padded = node.emit("shape.pad", [node.emit("math.mul", [x, x])], { before, after });
  const at = (i: number) => node.emit("shape.slice", [padded], { axes: [1], starts: [i], ends: [i + channels] });
  let sum = at(0);
  for (let i = 1; i < size; i++) sum = node.emit("math.add", [sum, at(i)]);
  const base = node.emit("math.add", [node.emit("math.mul", [sum, node.scalar(alpha / size, dtype)]), node.scalar(bias, dtype)]);
  return node.emit("math.div", [x, node.emit("math.pow", [base, node.scalar(beta, dtype)])]);
}

/** A vector of zeros stays one. */
function lpNormalization(node: NodeContext): Value {
  const axis = node.axis(node.attributes.int("axis", -1), node.rank(0));
  const order = node.attributes.int("p", 2);
  const x = node.input(0);
  const { dtype } = x.type;
  const options = { axes: [axis], keepdims: true };
  const norm =
    order === 1
      ? node.emit("reduce.sum", [node.emit("math.abs", [x])], options)
      : node.emit("math.sqrt", [node.emit("reduce.sum", [node.emit("math.mul", [x, x])], options)]);
  if (order !== 1 && order !== 2) node.fail("E0605", `p = ${order} is not supported; it is 1 or 2`);
  const isZero = node.emit("math.equal", [norm, node.scalar(0, dtype)]);
  return node.emit("math.div", [x, node.emit("math.where", [isZero, node.scalar(1, dtype), norm])]);
}

function meanVariance(node: NodeContext): Value {
  const axes = (node.attributes.ints("axes") ?? [0, 2, 3]).map((axis) => node.axis(axis, node.rank(0))).sort((a, b) => a - b);
  const x = node.input(0);
  const mean = node.emit("reduce.mean", [x], { axes, keepdims: true });
  const centred = node.emit("math.sub", [x, mean]);
  const variance = node.emit("reduce.mean", [node.emit("math.mul", [centred, centred])], { axes, keepdims: true });
  const deviation = node.emit("math.add", [node.emit("math.sqrt", [variance]), node.scalar(1e-9, x.type.dtype)]);
  return node.emit("math.div", [centred, deviation]);
}

export const layerNormOps: OpTable = {
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  InstanceNormalization: inSingle(instanceNormalization),
  GroupNormalization: groupNormalization,
  LRN: inSingle(localResponse),
  LpNormalization: inSingle(lpNormalization),
  MeanVarianceNormalization: inSingle(meanVariance),
};
