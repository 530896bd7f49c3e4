/** @file Softmax and its logarithm. Before opset 13 all axes from `axis` on are normalized together. */
import { dimProduct } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable, Translate } from "../node.ts";
import type { Value } from "../value.ts";

const softmax =
  (op: string): Translate =>
  (node) => {
    const since13 = node.opset >= 13;
    const axis = node.axis(node.attributes.int("axis", since13 ? -1 : 1), node.rank(0));
    const inner = node.type(0).shape.slice(axis + 1);
    if (since13 || inner.every((size) => size === 1)) return node.emit(op, [node.input(0)], { axis });
    return flattened(node, op, axis);
  };

/** Reshaped to [before, from axis on], normalized along the second, and back. */
function flattened(node: NodeContext, op: string, axis: number): Value {
  const { shape } = node.type(0);
  const rows = axis === 1 ? 0 : dimProduct(shape.slice(0, axis));
  const flat = node.emit(op, [node.reshape(node.input(0), [rows, dimProduct(shape.slice(axis))])], { axis: 1 });
  return node.reshape(flat, axis === 1 ? [0, ...shape.slice(1)] : shape);
}

export const softmaxOps: OpTable = { Softmax: softmax("math.softmax"), LogSoftmax: softmax("math.log_softmax") };
