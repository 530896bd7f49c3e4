/** @file The activation that a layer applies after its bias: one attribute, so that kernels do it in their epilogue. */
import type { Operand } from "../../core/graph.ts";
import { a } from "../attr-spec.ts";
import type { Builder } from "../define.ts";

export type Activation = "none" | "relu" | "relu6";

export const activationAttr = a.enum(
  ["none", "relu", "relu6"],
  "applied after the bias: relu is max(y, 0), relu6 is min(max(y, 0), 6)",
  "none",
);

/** In place. NaN stays NaN. */
export function activate(values: Float64Array, activation: Activation): void {
  if (activation === "none") return;
  const top = activation === "relu6" ? 6 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const v = values[i] as number;
    if (v <= 0) values[i] = 0;
    else if (v > top) values[i] = top;
  }
}

/** d loss / d (value before the activation), from the result after it: relu passes where y > 0, relu6 where also y < 6. */
export function activationGradient(builder: Builder, result: Operand, grad: Operand, activation: Activation): Operand {
  if (activation === "none") return grad;
  const passed = builder.one("math.mul", [grad, builder.one("math.step", [result])]);
  if (activation === "relu") return passed;
  const room = builder.one("math.sub", [builder.scalar(6, builder.typeOf(result).dtype), result]);
  return builder.one("math.mul", [passed, builder.one("math.step", [room])]);
}
