/** @file Operators whose results have sizes that follow from elements: NonZero, Unique, Compress. */
import { tensorType } from "../../../../ir-spec/index.ts";
import type { NodeContext, OpTable } from "../node.ts";
import type { Value } from "../value.ts";

/** i64 [rank, found]. */
function nonzero(node: NodeContext, x: Value): Value {
  const types = () => [tensorType("i64", [Math.max(x.type.shape.length, 1), node.freshSymbol("K")])];
  return node.emitDynamic("dynamic.nonzero", [x], {}, types)[0] as Value;
}

/** The slices whose condition holds; without an axis the elements. Slices beyond the conditions are dropped. */
function compress(node: NodeContext): Value {
  const [x, condition] = [node.input(0), node.input(1)];
  const given = node.attributes.int("axis", null);
  const axis = given === null ? 0 : node.axis(given, x.type.shape.length);
  if (condition.type.shape.length !== 1) node.fail("E0606", `the condition must have rank 1, got ${condition.type.shape.length}`);
  const places = nonzero(node, condition);
  const indices = node.reshape(places, places.type.shape.slice(1));
  return node.emit("shape.gather", [given === null ? node.reshape(x, [-1]) : x, indices], { axis });
}

function unique(node: NodeContext): readonly Value[] {
  const given = node.attributes.int("axis", null);
  const x = given === null ? node.reshape(node.input(0), [-1]) : node.input(0);
  const { dtype, shape } = x.type;
  const axis = node.axis(given ?? 0, shape.length);
  const types = () => {
    const found = node.freshSymbol("K");
    const list = tensorType("i64", [found]);
    const kept = shape.map((dim, i) => (i === axis ? found : dim));
    return [tensorType(dtype, kept), list, tensorType("i64", shape.slice(axis, axis + 1)), list];
  };
  return node.emitDynamic("dynamic.unique", [x], { axis, sorted: node.attributes.flag("sorted", true) }, types);
}

export const dynamicOps: OpTable = { NonZero: (node) => nonzero(node, node.input(0)), Compress: compress, Unique: unique };
