/**
 * @file Ranks of all layers together under one limit: the sum of relative errors is least where every layer pays the same price per MAC (or weight), so a price is searched for (Lagrange; Shoham and
 * Gersho 1988). A layer for which every rank costs more error than it saves stays whole.
 */
import { type Module, mainFunction, valueInfo } from "../../ir-spec/index.ts";
import { costOf, costOfLayer, type Factoring, type Ranks } from "./factoring.ts";
import type { LayerView } from "./layer-view.ts";

export interface Planned {
  readonly view: LayerView;
  readonly factoring: Factoring;
}

interface Option {
  /** null: the layer as it is. */
  readonly ranks: Ranks | null;
  readonly cost: number;
  readonly lost: number;
}

/** Ranks of a ladder that are looked at: errors between them change little. */
const rungs = 24;
const rounds = 60;

/** Ranks by weight name, null to leave a layer whole; null altogether when even the smallest ranks exceed the limit. */
export function allocateRanks(
  module: Module,
  planned: readonly Planned[],
  by: "macs" | "bytes",
  share: number,
): ReadonlyMap<string, Ranks | null> | null {
  const layers = planned.map((one) => ({
    name: one.view.name,
    options: optionsOf(one, by === "macs" ? positionsOf(module, one.view) : 1, by),
  }));
  const total = layers.reduce((sum, { options }) => sum + (options[0]?.cost ?? 0), 0);
  const chosenAt = (price: number) => layers.map(({ options }) => cheapest(options, price));
  const costAt = (price: number) => chosenAt(price).reduce((sum, { cost }) => sum + cost, 0);
  let [low, high] = [0, 1 / Math.max(1, total)];
  while (costAt(high) > share * total && high < 1e6) high *= 4;
  if (costAt(high) > share * total) return null;
  for (let round = 0; round < rounds; round++) {
    const middle = (low + high) / 2;
    if (costAt(middle) > share * total) low = middle;
    else high = middle;
  }
  return new Map(chosenAt(high).map(({ ranks }, i) => [layers[i]?.name ?? "", ranks]));
}

function cheapest(options: readonly Option[], price: number): Option {
  const priced = (option: Option) => option.lost + price * option.cost;
  return options.reduce((best, option) => (priced(option) < priced(best) ? option : best));
}

/** The layer as it is, then from dear to cheap. */
function optionsOf({ view, factoring }: Planned, positions: number, by: "macs" | "bytes"): readonly Option[] {
  const pick = (cost: { readonly macs: number; readonly weights: number }) => (by === "macs" ? cost.macs * positions : cost.weights);
  const { ladder } = factoring;
  const count = Math.min(rungs, ladder.length);
  const places = Array.from({ length: count }, (_, i) => Math.round(((count - 1 - i) * (ladder.length - 1)) / Math.max(1, count - 1)));
  return [
    { ranks: null, cost: pick(costOfLayer(view)), lost: 0 },
    ...places.map((place) => {
      const ranks = ladder[place] as Ranks;
      return { ranks, cost: pick(costOf(view, factoring.shapes(ranks))), lost: factoring.lost(ranks) };
    }),
  ];
}

/** Positions of the results of all ops with this weight; symbolic sizes count as 1. */
function positionsOf(module: Module, { layers, outputs }: LayerView): number {
  const func = mainFunction(module);
  return layers.reduce((sum, { op }) => {
    const { shape } = valueInfo(func, op.results[0] as number).type;
    return sum + shape.reduce<number>((product, dim) => product * (typeof dim === "number" ? dim : 1), 1) / outputs;
  }, 0);
}
