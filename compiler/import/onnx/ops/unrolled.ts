/** @file Loops that are written out while importing: how long they may be, and what they collect. */
import type { NodeContext } from "../node.ts";
import type { Value } from "../value.ts";

/** A loop is written out up to so many iterations, and so many nodes in all. */
export const mostCopies = 64;
export const mostWrittenOut = 4000;

/** Values along a new first axis. */
export function stacked(node: NodeContext, values: readonly Value[]): Value {
  const wider = values.map((value) => node.reshape(value, [1, ...value.type.shape]));
  return wider.length === 1 ? (wider[0] as Value) : node.emit("shape.concat", wider, { axis: 0 });
}
