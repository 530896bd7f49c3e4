/**
 * @file What an optimizer is: named state with initial values, and ops of the IR that make the next state. Nothing here runs: the update is part
 * of `@step`, so it is checked, printed and executed like any other program.
 */
import type { Builder, Operand } from "../../../ir-spec/index.ts";

/** A tensor of state, filled with `initial` before the first step. */
export interface OptimizerState {
  readonly name: string;
  readonly initial: number;
}

export type Operands = Readonly<Record<string, Operand>>;

export interface UpdateContext {
  readonly builder: Builder;
  readonly leaf: Operand;
  /** Same type as the leaf. */
  readonly grad: Operand;
  /** Scalar of the leaf's dtype. */
  readonly learningRate: Operand;
  /** The leaf's own state, by name, of the leaf's type. */
  readonly slots: Operands;
  /** The shared scalars after `advance`, in the leaf's dtype. */
  readonly scalars: Operands;
  /** Whether weight decay and `l1` apply to this leaf. */
  readonly decays: boolean;
}

export interface Updated {
  readonly leaf: Operand;
  readonly slots: Operands;
}

export interface Optimizer {
  /** With its settings, for reports: `sgd(momentum=0.9)`. */
  readonly name: string;
  /** State that every leaf has for itself. */
  readonly slots: readonly OptimizerState[];
  /** f32 scalars that the whole step shares. */
  readonly scalars: readonly OptimizerState[];
  /** The scalars of the next step, made once a step, before the updates. */
  advance(builder: Builder, scalars: Operands): Operands;
  update(ctx: UpdateContext): Updated;
}

/** @throws RangeError when the state lacks it: a mistake in an optimizer. */
export function stateOf(state: Operands, name: string): Operand {
  const operand = state[name];
  if (operand === undefined) throw new RangeError(`the optimizer's state has no ${name}`);
  return operand;
}

/** `factor * x`, `x` itself for 1. */
export function scaled(builder: Builder, x: Operand, factor: number): Operand {
  return factor === 1 ? x : builder.one("math.mul", [x, builder.scalar(factor, builder.typeOf(x).dtype)]);
}

/**
 * Soft threshold, the proximal step of `amount * |w|`: towards zero by `learningRate * amount`, and exactly zero from nearer (Daubechies, Defrise, De Mol,
 * 2004; after a gradient step: Duchi and Singer, "Efficient online and batch learning using forward backward splitting", 2009). A subgradient
 * would only swing around zero.
 */
export function softThreshold(builder: Builder, leaf: Operand, learningRate: Operand, amount: number): Operand {
  const limit = scaled(builder, learningRate, amount);
  const kept = builder.one("math.min", [builder.one("math.max", [leaf, builder.one("math.neg", [limit])]), limit]);
  return builder.one("math.sub", [leaf, kept]);
}

/** @throws RangeError */
export function checkRange(name: string, value: number, low: number, high: number): void {
  if (!(value >= low && value < high)) throw new RangeError(`${name} must be at least ${low} and below ${high}, not ${value}`);
}
