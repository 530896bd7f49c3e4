/**
 * @file Losses of classification, forward. The class of a target is picked by comparing its number with those of all classes and adding up what is left, zeros and one value: exact,
 * as much work as the softmax before it, and on every backend.
 */
import { type Dim, type DType, tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";

/** `[count, 1 ...]`: 0, 1 ... `count` - 1, with `trailing` axes of size 1 behind. The number `without` is replaced by one that no class has. */
export function classNumbers(node: NodeContext, count: number, dtype: DType, trailing: number, without: number | null = null): Value {
  const numbers = Array.from({ length: count }, (_, i) => (i === without ? count : i));
  return node.literal(tensorType(dtype, [count, ...new Array<number>(trailing).fill(1)]), encodeNumbers(dtype, [count], numbers));
}

interface Classes {
  /** Logarithms of probabilities, `[batch, class, ...]`. */
  readonly scores: Value;
  /** `[batch, 1, ...]` */
  readonly targets: Value;
  readonly weights: Value | null;
  /** A target that is left out. */
  readonly ignored: number | null;
}

/** Sums over the classes, `[batch, ...]`, of what is where the target is. */
function picked(node: NodeContext, isTarget: Value, values: Value): Value {
  const chosen = node.emit("math.where", [isTarget, values, node.scalar(0, values.type.dtype)]);
  return node.emit("reduce.sum", [chosen], { axes: [1] });
}

/** -score of the target, times its weight, by `reduction`; the mean is over the weights of the targets that count. */
function loss(node: NodeContext, { scores, targets, weights, ignored }: Classes): Value {
  const reduction = node.attributes.choice("reduction", ["mean", "sum", "none"], "mean");
  const { dtype, shape } = scores.type;
  const [count, trailing] = [node.staticDim(shape[1] as Dim, "the number of classes"), shape.length - 2];
  const isTarget = node.emit("math.equal", [targets, classNumbers(node, count, targets.type.dtype, trailing, ignored)]);
  const weight = weights && node.reshape(weights, [count, ...new Array<number>(trailing).fill(1)]);
  const negative = node.emit("math.neg", [weight ? node.emit("math.mul", [scores, weight]) : scores]);
  const losses = picked(node, isTarget, negative);
  const axes = Array.from({ length: shape.length - 1 }, (_, axis) => axis);
  if (reduction === "none") return losses;
  if (reduction === "mean" && !weight && ignored === null) return node.emit("reduce.mean", [losses], { axes });
  const total = node.emit("reduce.sum", [losses], { axes });
  if (reduction === "sum") return total;
  const counted = picked(node, isTarget, weight ?? node.scalar(1, dtype));
  return node.emit("math.div", [total, node.emit("reduce.sum", [counted], { axes })]);
}

function classes(node: NodeContext, scores: Value): Classes {
  const [batch, ...rest] = node.type(1).shape;
  if (batch === undefined || scores.type.shape.length !== rest.length + 2)
    node.fail("E0606", `targets of rank ${node.rank(1)} do not go with scores of rank ${scores.type.shape.length}`);
  const targets = node.reshape(node.input(1), [batch, 1, ...rest]);
  return { scores, targets, weights: node.has(2) ? node.input(2) : null, ignored: node.attributes.int("ignore_index", null) };
}

const negativeLogLikelihood = (node: NodeContext): Value => loss(node, classes(node, node.input(0)));

/** The logarithms of the probabilities are the second output. */
function softmaxCrossEntropy(node: NodeContext): readonly Value[] {
  const scores = node.emit("math.log_softmax", [node.input(0)], { axis: 1 });
  return [loss(node, classes(node, scores)), scores];
}

export const lossOps: OpTable = { NegativeLogLikelihoodLoss: negativeLogLikelihood, SoftmaxCrossEntropyLoss: softmaxCrossEntropy };
