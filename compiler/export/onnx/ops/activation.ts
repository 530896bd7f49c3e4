/** @file The activation that a layer carries as an attribute: a node of its own in ONNX. */
import type { NodeAttrs } from "../builder.ts";
import type { OpCall, ResultNode } from "../call.ts";

/** The layer's node, and behind it that of its activation. */
export function layer(op: OpCall, opType: string, inputs: readonly string[], attrs: NodeAttrs = {}, domain = ""): ResultNode {
  const activation = op.attr<"none" | "relu" | "relu6">("activation");
  if (activation === "none") return { ...op.result(opType, inputs, attrs), domain };
  const y = op.node(opType, inputs, attrs, domain);
  if (activation === "relu") return op.result("Relu", [y]);
  const { dtype } = op.output;
  return op.result("Clip", [y, op.scalar(0, dtype), op.scalar(6, dtype)]);
}
