/** @file 0, 1, 2 ... along an axis, as data: the positions that index arithmetic of decompositions starts from. */
import { type Dim, tensorType } from "../../../../ir-spec/index.ts";
import { encodeNumbers } from "../constants.ts";
import type { NodeContext } from "../node.ts";
import type { Value } from "../value.ts";

/** Beyond it the running sum is shorter than the list. */
const longestLiteral = 64;

/** These integers as data, i64. */
export function integerList(node: NodeContext, integers: readonly number[], shape: readonly number[] = [integers.length]): Value {
  return node.literal(tensorType("i64", shape), encodeNumbers("i64", shape, integers));
}

/** i64 [1, .., count, .., 1], `count` on axis `axis` of `rank`. A symbolic or large count is counted at run time: running sums of ones. */
export function iota(node: NodeContext, count: Dim, rank = 1, axis = 0): Value {
  const shape = Array.from({ length: rank }, (_, i): Dim => (i === axis ? count : 1));
  if (typeof count === "number" && count <= longestLiteral) {
    return integerList(
      node,
      Array.from({ length: count }, (_, i) => i),
      shape as number[],
    );
  }
  return node.emit("reduce.cumsum", [node.emit("shape.broadcast", [node.scalar(1, "i64")], { shape })], { axis, exclusive: true });
}
