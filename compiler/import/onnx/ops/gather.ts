/** @file Operators that read by index. */
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";

function gatherElements(node: NodeContext): Value {
  const axis = node.axis(node.attributes.int("axis", 0), node.rank(0));
  return node.emit("shape.gather_elements", [node.input(0), node.input(1)], { axis });
}

const gatherNd = (node: NodeContext): Value =>
  node.emit("shape.gather_nd", [node.input(0), node.input(1)], { batch: node.opset < 12 ? 0 : node.attributes.int("batch_dims", 0) });

export const gatherOps: OpTable = { GatherElements: gatherElements, GatherND: gatherNd };
