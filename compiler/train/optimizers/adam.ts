/**
 * @file Adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2015) with decoupled weight decay (Loshchilov and Hutter, 2019). The powers of
 * both betas are state, two scalars, so that a step needs no step number and no `pow`.
 */
import type { Builder, Operand } from "../../../ir-spec/index.ts";
import { checkRange, type Operands, type Optimizer, scaled, softThreshold, stateOf, type UpdateContext } from "./optimizer.ts";

export interface AdamOptions {
  /** Decay of the mean of gradients, in [0, 1); default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients, in [0, 1); default 0.999. */
  readonly beta2?: number;
  /** Added to the root; default 1e-8. */
  readonly epsilon?: number;
  /** Decoupled: the leaf shrinks by `lr * weightDecay` a step. For leaves of rank 2 and more; default 0. */
  readonly weightDecay?: number;
  /** Decoupled L1: after the update the leaf moves towards zero by `lr * l1`, and stays there where it is nearer. For leaves of rank 2 and more; default 0. */
  readonly l1?: number;
}

/**
 * `m' = b1 m + (1 - b1) g;  v' = b2 v + (1 - b2) g^2;  w' = w - lr * (m' / (1 - b1^t) / (sqrt(v' / (1 - b2^t)) + epsilon) + weightDecay * w)`;
 * then `w'' = sign(w') * max(|w'| - lr * l1, 0)`.
 * @throws RangeError on a beta outside [0, 1), a negative epsilon, decay or l1.
 */
export function adam(options: AdamOptions = {}): Optimizer {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0, l1 = 0 } = options;
  checkRange("beta1", beta1, 0, 1);
  checkRange("beta2", beta2, 0, 1);
  checkRange("epsilon", epsilon, 0, Number.POSITIVE_INFINITY);
  checkRange("weightDecay", weightDecay, 0, Number.POSITIVE_INFINITY);
  checkRange("l1", l1, 0, Number.POSITIVE_INFINITY);
  const settings = { beta1, beta2, epsilon, weightDecay, l1 };
  return {
    name: `adam(beta1=${beta1}, beta2=${beta2}, epsilon=${epsilon}, weightDecay=${weightDecay}, l1=${l1})`,
    slots: [
      { name: "mean", initial: 0 },
      { name: "square", initial: 0 },
    ],
    scalars: [
      { name: "beta1_power", initial: 1 },
      { name: "beta2_power", initial: 1 },
    ],
    advance: (builder, scalars) => ({
      beta1_power: scaled(builder, stateOf(scalars, "beta1_power"), beta1),
      beta2_power: scaled(builder, stateOf(scalars, "beta2_power"), beta2),
    }),
    update: (ctx) => update(ctx, settings),
  };
}

function update(ctx: UpdateContext, settings: Required<AdamOptions>) {
  const { builder, leaf, grad, learningRate, slots, scalars, decays } = ctx;
  const { beta1, beta2, epsilon, weightDecay, l1 } = settings;
  const { dtype } = builder.typeOf(leaf);
  const mean = mixed(builder, stateOf(slots, "mean"), grad, beta1);
  const square = mixed(builder, stateOf(slots, "square"), builder.one("math.mul", [grad, grad]), beta2);
  const root = builder.one("math.sqrt", [corrected(builder, square, scalars, "beta2_power")]);
  const divisor = builder.one("math.add", [root, builder.scalar(epsilon, dtype)]);
  const step = builder.one("math.div", [corrected(builder, mean, scalars, "beta1_power"), divisor]);
  const direction = decays && weightDecay > 0 ? builder.one("math.add", [step, scaled(builder, leaf, weightDecay)]) : step;
  const next = builder.one("math.sub", [leaf, builder.one("math.mul", [direction, learningRate])]);
  return { leaf: decays && l1 > 0 ? softThreshold(builder, next, learningRate, l1) : next, slots: { mean, square } };
}

/** `beta * old + (1 - beta) * fresh`. */
function mixed(builder: Builder, old: Operand, fresh: Operand, beta: number): Operand {
  return builder.one("math.add", [scaled(builder, old, beta), scaled(builder, fresh, 1 - beta)]);
}

/** `x / (1 - beta^t)`. */
function corrected(builder: Builder, x: Operand, scalars: Operands, power: string): Operand {
  const { dtype } = builder.typeOf(x);
  return builder.one("math.div", [x, builder.one("math.sub", [builder.scalar(1, dtype), stateOf(scalars, power)])]);
}
