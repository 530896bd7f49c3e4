/** @file Normalization at inference. */
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";

/** Only the first output exists at inference. */
function batchNormalization(node: NodeContext): readonly (Value | null)[] {
  const { attributes } = node;
  attributes.ignore("momentum", "consumed_inputs", "is_test");
  if (node.opset < 9 && !attributes.flag("spatial", true))
    node.fail("E0605", "statistics for each position (spatial = 0) are not supported");
  if (attributes.flag("training_mode", false)) node.fail("E0605", "training_mode = 1 is not supported", "export the model for inference");
  const epsilon = attributes.float("epsilon", Math.fround(1e-5));
  const operands = [0, 1, 2, 3, 4].map((i) => node.input(i));
  return [node.emit("nn.batch_norm", operands, { epsilon }), null, null, null, null];
}

export const normalizationOps: OpTable = { BatchNormalization: batchNormalization };
