/** @file Stochastic gradient descent with momentum (Polyak, 1964; Nesterov, 1983) and L2 weight decay, in the form of Sutskever et al., 2013. */
import { checkRange, type Optimizer, scaled, stateOf } from "./optimizer.ts";

export interface SgdOptions {
  /** In [0, 1); default 0. With 0 there is no state. */
  readonly momentum?: number;
  /** Look ahead along the momentum; default false. */
  readonly nesterov?: boolean;
  /** Added to the gradient as `weightDecay * leaf`, for leaves of rank 2 and more; default 0. */
  readonly weightDecay?: number;
}

/**
 * `g = grad + weightDecay * w;  v' = momentum * v + g;  w' = w - lr * v'`, with `nesterov` `w' = w - lr * (g + momentum * v')`.
 * @throws RangeError on a momentum outside [0, 1) or a negative decay.
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  const { momentum = 0, nesterov = false, weightDecay = 0 } = options;
  checkRange("momentum", momentum, 0, 1);
  checkRange("weightDecay", weightDecay, 0, Number.POSITIVE_INFINITY);
  return {
    name: `sgd(momentum=${momentum}, nesterov=${nesterov}, weightDecay=${weightDecay})`,
    slots: momentum > 0 ? [{ name: "momentum", initial: 0 }] : [],
    scalars: [],
    advance: () => ({}),
    update({ builder, leaf, grad, learningRate, slots, decays }) {
      const decayed = decays && weightDecay > 0 ? builder.one("math.add", [grad, scaled(builder, leaf, weightDecay)]) : grad;
      const descend = (direction: typeof grad) => builder.one("math.sub", [leaf, builder.one("math.mul", [direction, learningRate])]);
      if (momentum === 0) return { leaf: descend(decayed), slots: {} };
      const velocity = builder.one("math.add", [scaled(builder, stateOf(slots, "momentum"), momentum), decayed]);
      const direction = nesterov ? builder.one("math.add", [decayed, scaled(builder, velocity, momentum)]) : velocity;
      return { leaf: descend(direction), slots: { momentum: velocity } };
    },
  };
}
