/** @file Reductions. Axes are an attribute at first and an input since opset 13 (sum) or 18 (the others). */
import type { NodeContext, OpTable, Translate } from "../node.ts";
import type { Value } from "../value.ts";

const reduce =
  (op: string, axesAreInputSince: number): Translate =>
  (node) => {
    const asInput = node.opset >= axesAreInputSince;
    const given = asInput ? (node.has(1) ? node.staticIntegers(1, "the list of axes") : []) : (node.attributes.ints("axes") ?? []);
    const nothing = asInput && node.attributes.flag("noop_with_empty_axes", false);
    const keepdims = node.attributes.flag("keepdims", true);
    if (given.length === 0 && nothing) return node.input(0);
    const rank = node.rank(0);
    const all = Array.from({ length: rank }, (_, i) => i);
    const axes = given.length === 0 ? all : given.map((axis) => node.axis(axis, rank)).sort((a, b) => a - b);
    return node.emit(op, [node.input(0)], { axes, keepdims });
  };

function argMax(node: NodeContext): Value {
  if (node.attributes.flag("select_last_index", false)) node.fail("E0605", "select_last_index = 1 is not supported");
  const axis = node.axis(node.attributes.int("axis", 0), node.rank(0));
  return node.emit("reduce.argmax", [node.input(0)], { axis, keepdims: node.attributes.flag("keepdims", true) });
}

export const reduceOps: OpTable = {
  ReduceSum: reduce("reduce.sum", 13),
  ReduceMean: reduce("reduce.mean", 18),
  ReduceMax: reduce("reduce.max", 18),
  ArgMax: argMax,
};
