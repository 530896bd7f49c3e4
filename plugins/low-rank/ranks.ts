/** @file Which rank of a ladder: as given, by what it loses, or by what it costs. */
import { costOf, costOfLayer, type Factoring, type Ranks } from "./factoring.ts";
import type { LayerView } from "./layer-view.ts";

export type Goal =
  | { readonly by: "rank"; readonly rank: number }
  /** Of the sum of squares at least this share is kept. */
  | { readonly by: "energy"; readonly share: number }
  /** Of the layer's MACs, weights or predicted time at most this share is left. */
  | { readonly by: "macs" | "bytes" | "time"; readonly share: number };

export interface GoalOptions {
  readonly rank: number;
  readonly energy: number;
  readonly error: number;
  readonly macs: number;
  readonly bytes: number;
  readonly time: number;
}

/** 0 is "not given". @throws RangeError when several are given */
export function goalOf(options: GoalOptions): Goal {
  const goals: readonly (Goal | null)[] = [
    options.rank > 0 ? { by: "rank", rank: options.rank } : null,
    options.energy > 0 ? { by: "energy", share: options.energy } : null,
    options.error > 0 ? { by: "energy", share: 1 - options.error ** 2 } : null,
    options.macs > 0 ? { by: "macs", share: options.macs } : null,
    options.bytes > 0 ? { by: "bytes", share: options.bytes } : null,
    options.time > 0 ? { by: "time", share: options.time } : null,
  ];
  const given = goals.filter((goal) => goal !== null);
  if (given.length > 1) throw new RangeError("one of rank, energy, error, macs, bytes and time decides the rank; several are given");
  return given[0] ?? { by: "macs", share: 0.5 };
}

/** Share of the layer's predicted time that these ranks take; null where the target has no prediction. */
export type TimeOf = (ranks: Ranks) => number | null;

export type Choice = { readonly ranks: Ranks } | { readonly refused: string };

export function chooseRanks(view: LayerView, factoring: Factoring, goal: Goal, timeOf: TimeOf): Choice {
  if (goal.by === "rank") return { ranks: factoring.uniform(goal.rank) };
  if (factoring.ladder.length === 0) return { refused: "no rank makes it smaller" };
  return goal.by === "energy" ? byEnergy(factoring, goal.share) : byCost(view, factoring, goal, timeOf);
}

/** The cheapest that keeps the share: doubling, then halves, since dear ranks cost most to look at. */
function byEnergy({ ladder, lost }: Factoring, share: number): Choice {
  // What rounding of the weights to f32 loses is no reason to take one rank more.
  const enough = (place: number) => lost(ladder[place] as Ranks) <= 1 - share + 1e-12;
  let [low, high] = [-1, 0];
  while (high < ladder.length - 1 && !enough(high)) [low, high] = [high, Math.min(ladder.length - 1, 2 * high + 1)];
  if (!enough(high)) return { refused: `no smaller rank keeps ${percent(share)} of the energy` };
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (enough(middle)) high = middle;
    else low = middle;
  }
  return { ranks: ladder[high] as Ranks };
}

/** The dearest within the limit. */
function byCost(view: LayerView, { ladder, shapes }: Factoring, goal: Extract<Goal, { share: number }>, timeOf: TimeOf): Choice {
  const before = costOfLayer(view);
  const measure = (ranks: Ranks): number | null => {
    if (goal.by === "time") return timeOf(ranks);
    const cost = costOf(view, shapes(ranks));
    return goal.by === "macs" ? cost.macs / before.macs : cost.weights / before.weights;
  };
  const fits = (place: number) => {
    const share = measure(ladder[place] as Ranks);
    return share !== null && share <= goal.share;
  };
  if (measure(ladder[0] as Ranks) === null) return { refused: "the target predicts no time for it" };
  if (!fits(0)) return { refused: `even the smallest rank takes more than ${percent(goal.share)} of its ${goal.by}` };
  let [low, high] = [0, ladder.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  return { ranks: ladder[low] as Ranks };
}

export const percent = (share: number): string => `${Number((share * 100).toPrecision(4))} %`;
