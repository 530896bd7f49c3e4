/** @file Normalization at inference. */
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";

/** Only the first output exists at inference. */
function batchNormalization(node: NodeContext): readonly (Value | null)[] {
  const { attributes } = node;
  if (attributes.flag("training_mode", false)) return trainingStep(node);
  attributes.ignore("momentum", "consumed_inputs", "is_test");
  if (node.opset < 9 && !attributes.flag("spatial", true))
    node.fail("E0605", "statistics for each position (spatial = 0) are not supported");
  const epsilon = attributes.float("epsilon", Math.fround(1e-5));
  const operands = [0, 1, 2, 3, 4].map((i) => node.input(i));
  return [node.emit("nn.batch_norm", operands, { epsilon }), null, null, null, null];
}

/** By the batch's own statistics; the running ones move towards them. The variance is the population's. */
function trainingStep(node: NodeContext): readonly Value[] {
  const momentum = node.attributes.float("momentum", Math.fround(0.9));
  const epsilon = node.attributes.float("epsilon", Math.fround(1e-5));
  const [x, scale, bias, mean, variance] = [0, 1, 2, 3, 4].map((i) => node.input(i)) as [Value, Value, Value, Value, Value];
  const axes = x.type.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const own = node.emit("reduce.mean", [x], { axes });
  const spread = node.emit("math.sub", [x, node.emit("reduce.mean", [x], { axes, keepdims: true })]);
  const ownVariance = node.emit("reduce.mean", [node.emit("math.mul", [spread, spread])], { axes });
  const towards = (running: Value, now: Value) => {
    const kept = node.emit("math.mul", [running, node.scalar(momentum, running.type.dtype)]);
    const fresh = node.emit("math.mul", [now, node.scalar(1 - momentum, now.type.dtype)]);
    return node.emit("math.add", [kept, fresh]);
  };
  const y = node.emit("nn.batch_norm", [x, scale, bias, own, ownVariance], { epsilon });
  return [y, towards(mean, own), towards(variance, ownVariance)];
}

export const normalizationOps: OpTable = { BatchNormalization: batchNormalization };
