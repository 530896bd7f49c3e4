/**
 * @file Stochastic gradient descent with momentum (Polyak, 1964; Nesterov, 1983) and L2 weight decay, in the form of Sutskever et al., 2013, and a proximal L1 step
 * for networks that are to be pruned.
 */
import { checkRange, type Optimizer, scaled, softThreshold, stateOf } from "./optimizer.ts";

export interface SgdOptions {
  /** In [0, 1); default 0. With 0 there is no state. */
  readonly momentum?: number;
  /** Look ahead along the momentum; default false. */
  readonly nesterov?: boolean;
  /** Added to the gradient as `weightDecay * leaf`, for leaves of rank 2 and more; default 0. */
  readonly weightDecay?: number;
  /**
   * Decoupled L1: after the update the leaf moves towards zero by `lr * l1`, and stays there where it is nearer. For leaves of rank 2 and more; default 0. With
   * momentum m a weight stays at zero while its mean gradient is below `l1 * (1 - m)`, so that is the weight of |w| in the loss.
   */
  readonly l1?: number;
}

/**
 * `g = grad + weightDecay * w;  v' = momentum * v + g;  w' = w - lr * v'`, with `nesterov` `w' = w - lr * (g + momentum * v')`;
 * then `w'' = sign(w') * max(|w'| - lr * l1, 0)`.
 * @throws RangeError on a momentum outside [0, 1), a negative decay or l1.
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { momentum = 0, nesterov = false, weightDecay = 0, l1 = 0 } = options;
  checkRange("momentum", momentum, 0, 1);
  checkRange("weightDecay", weightDecay, 0, Number.POSITIVE_INFINITY);
  checkRange("l1", l1, 0, Number.POSITIVE_INFINITY);
  return {
    name: `sgd(momentum=${momentum}, nesterov=${nesterov}, weightDecay=${weightDecay}, l1=${l1})`,
    slots: momentum > 0 ? [{ name: "momentum", initial: 0 }] : [],
    scalars: [],
    advance: () => ({}),
    update({ builder, leaf, grad, learningRate, slots, decays }) {
      const decayed = decays && weightDecay > 0 ? builder.one("math.add", [grad, scaled(builder, leaf, weightDecay)]) : grad;
      const descend = (direction: typeof grad) => {
        const next = builder.one("math.sub", [leaf, builder.one("math.mul", [direction, learningRate])]);
        return decays && l1 > 0 ? softThreshold(builder, next, learningRate, l1) : next;
      };
      if (momentum === 0) return { leaf: descend(decayed), slots: {} };
      const velocity = builder.one("math.add", [scaled(builder, stateOf(slots, "momentum"), momentum), decayed]);
      const direction = nesterov ? builder.one("math.add", [decayed, scaled(builder, velocity, momentum)]) : velocity;
      return { leaf: descend(direction), slots: { momentum: velocity } };
    },
  };
}
