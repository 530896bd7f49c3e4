/**
 * @file One option for each layer, so that the sum of losses is small and the sum of costs keeps within a budget: a multiple-choice knapsack. A Lagrange multiplier gives the best choices on the
 * convex hull; what is left of the budget goes to the changes that gain most for what they cost. From: Shoham and Gersho, "Efficient Bit Allocation for an Arbitrary Set of Quantizers", 1988.
 */

export interface Choice {
  readonly cost: number;
  readonly loss: number;
}

/**
 * @param layers the options of each layer, at least one each
 * @returns the place of the chosen option of each layer; null where even the cheapest exceed the budget
 */
export function chooseWithin(layers: readonly (readonly Choice[])[], budget: number): readonly number[] | null {
  const total = (picks: readonly number[]) => layers.reduce((sum, row, i) => sum + (row[picks[i] as number] as Choice).cost, 0);
  const at = (multiplier: number) => layers.map((options) => leastAt(options, ({ cost, loss }) => loss + multiplier * cost));
  let picks = layers.map((options) => leastAt(options, ({ cost, loss }) => cost + 1e-12 * loss));
  // Rounding of sums must not refuse a budget that is just met.
  const limit = budget * (1 + 1e-12);
  if (total(picks) > limit) return null;
  let [low, high] = [-60, 60];
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    const trial = at(2 ** middle);
    if (total(trial) > limit) low = middle;
    else [high, picks] = [middle, trial];
  }
  const free = at(0);
  return filled(layers, total(free) <= limit ? free : picks, limit, total);
}

function leastAt(options: readonly Choice[], value: (option: Choice) => number): number {
  let best = 0;
  options.forEach((option, i) => {
    if (value(option) < value(options[best] as Choice)) best = i;
  });
  return best;
}

/** One change at a time, while one fits that lowers the loss: first those that cost nothing, then by loss saved for cost. */
function filled(
  layers: readonly (readonly Choice[])[],
  start: readonly number[],
  limit: number,
  total: (picks: readonly number[]) => number,
): readonly number[] {
  const picks = [...start];
  for (;;) {
    const room = limit - total(picks);
    let best: { readonly layer: number; readonly pick: number; readonly rate: number } | null = null;
    for (const [layer, options] of layers.entries()) {
      const now = options[picks[layer] as number] as Choice;
      for (const [pick, { cost, loss }] of options.entries()) {
        const [saved, more] = [now.loss - loss, cost - now.cost];
        if (!(saved > 0) || more > room) continue;
        const rate = more <= 0 ? Number.POSITIVE_INFINITY : saved / more;
        if (!best || rate > best.rate) best = { layer, pick, rate };
      }
    }
    if (!best) return picks;
    picks[best.layer] = best.pick;
  }
}
