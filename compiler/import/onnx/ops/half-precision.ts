/** @file Operators that become several ops, on half precision: they go through f32, so that the result is rounded once. */
import type { NodeContext, Translate } from "../node.ts";
import type { Value } from "../value.ts";

/** The translation with the inputs of the first one's half-precision dtype widened to f32, and its result narrowed. */
export const inSingle =
  (translate: (node: NodeContext) => Value): Translate =>
  (node) => {
    const { dtype } = node.type(0);
    if (dtype !== "f16" && dtype !== "bf16") return translate(node);
    const wide = Array.from({ length: node.inputCount }, (_, i) => {
      const value = node.has(i) ? node.input(i) : null;
      return value?.type.dtype === dtype ? node.emit("type.cast", [value], { to: "f32" }) : value;
    });
    return node.emit("type.cast", [translate(node.withInputs(wide))], { to: dtype });
  };
