/** @file Operators that write by index, into a copy. */
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";

const reductions = ["none", "add", "mul", "max", "min"] as const;

/** `Scatter` of opset 9 is the same without a reduction. */
function scatterElements(node: NodeContext): Value {
  const axis = node.axis(node.attributes.int("axis", 0), node.rank(0));
  const reduction = node.attributes.choice("reduction", reductions, "none");
  return node.emit("shape.scatter_elements", node.inputs(), { axis, reduction });
}

const scatterNd = (node: NodeContext): Value =>
  node.emit("shape.scatter_nd", node.inputs(), { reduction: node.attributes.choice("reduction", reductions, "none") });

export const scatterOps: OpTable = { Scatter: scatterElements, ScatterElements: scatterElements, ScatterND: scatterNd };
