/**
 * @file What removing channels of one layer costs at the outputs, measured: each family of groups is cut to a few depths, alone, repaired and run, and its channels, in their own order, get the slope of the
 * divergence that was found. So layers compare in one unit, whatever ranked their channels. A layer-wise curve, as in the option databases of SPDY (Frantar and Alistarh, 2022).
 */
import type { CalibrationFindings, ChannelGroup, ChannelGroups } from "../../compiler/index.ts";
import type { Module } from "../../ir-spec/index.ts";
import type { Reader } from "./channel-scores.ts";
import { Cut } from "./cut.ts";
import { applyCut, planCut } from "./remove-channels.ts";
import { type RepairContext, repairAtOnce, repairable } from "./repair.ts";

/** Depths at which a family is measured. */
const depths = [1 / 8, 1 / 4, 1 / 2, 3 / 4];
/** Samples of a measurement: differences between layers are large. */
const divergenceSamples = 256;

interface Level {
  /** Indices of a family's groups, cheapest first. */
  readonly order: readonly number[];
  /** How many of them are gone. */
  readonly count: number;
  readonly module: Module;
}

export async function divergenceScores(
  context: Omit<RepairContext, "cut">,
  channels: ChannelGroups,
  scores: Float64Array,
  readers: readonly Reader[],
  findings: CalibrationFindings,
  step: (done: number) => void,
): Promise<Float64Array> {
  const result = new Float64Array(scores.length).fill(Number.NaN);
  const orders = familyOrders(channels.groups, scores);
  const levels = orders.flatMap((order) => levelsOf(context, channels, order, readers, findings));
  const variants = levels.map(({ module }) => module);
  const options = { samples: Math.min(context.samples, divergenceSamples), progress: step };
  const found = await context.calibration.divergences(context.module, variants, options);
  for (const order of orders) {
    const mine = levels.flatMap((level, i) =>
      level.order === order ? [{ count: level.count, value: found[i]?.value ?? Number.NaN }] : [],
    );
    slopes(order, mine, result);
  }
  return result;
}

/** Each family's groups with finite scores, cheapest first. */
function familyOrders(groups: readonly ChannelGroup[], scores: Float64Array): readonly (readonly number[])[] {
  const families = new Map<number, number[]>();
  groups.forEach(({ family }, i) => {
    if (Number.isFinite(scores[i])) families.set(family, [...(families.get(family) ?? []), i]);
  });
  return [...families.values()].map((list) => list.sort((a, b) => (scores[a] as number) - (scores[b] as number) || a - b));
}

/** What an op refuses at a depth is left out: the nearest measurement speaks for it. */
function levelsOf(
  context: Omit<RepairContext, "cut">,
  channels: ChannelGroups,
  order: readonly number[],
  readers: readonly Reader[],
  findings: CalibrationFindings,
): readonly Level[] {
  const counts = [...new Set(depths.map((depth) => Math.round(order.length * depth)))].filter((n) => n > 0 && n < order.length);
  return counts.flatMap((count): readonly Level[] => {
    const cut = new Cut(order.slice(0, count).map((i) => channels.groups[i] as ChannelGroup));
    if (channels.sites.some((site) => site.results.some((place, i) => isEmptied(cut, place, site.outputs[i]?.shape ?? [])))) return [];
    const plan = planCut(context.module, context.registry, channels, cut);
    if (!plan.ok) return [];
    const pruned = applyCut(context.module, context.registry, cut, plan.attrs);
    const { module } = repairAtOnce({ ...context, cut }, pruned, repairable(context.module, readers), findings);
    return [{ order, count, module }];
  });
}

const isEmptied = (cut: Cut, place: string, shape: readonly unknown[]): boolean =>
  cut.axes(place).some((axis) => cut.count(place, axis) >= Number(shape[axis]));

/** Marginal divergence of each group, never falling with depth, so that the order of a family stays. */
function slopes(order: readonly number[], levels: readonly { readonly count: number; readonly value: number }[], into: Float64Array): void {
  let [count, value, slope] = [0, 0, 0];
  const known = levels.filter((level) => Number.isFinite(level.value));
  order.forEach((group, rank) => {
    const next = known.find((level) => level.count > rank);
    if (next && next.count > count && rank >= count) {
      const rise = Math.max(0, next.value - value) / (next.count - count);
      slope = Math.max(slope, rise);
      [count, value] = [next.count, next.value];
    }
    // The rank keeps the order where slopes are equal.
    if (known.length > 0) into[group] = (slope + 1e-12) * (1 + 1e-6 * rank);
  });
}
