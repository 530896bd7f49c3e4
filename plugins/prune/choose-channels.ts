/**
 * @file Which channel groups go: a sequence of all that may, cheapest first, and how many of it. The sequence does not depend on the number, so a target of multiply-accumulates is found by bisection.
 */
import type { ChannelGroup, ChannelGroups, Place, Site } from "../../compiler/index.ts";
import type { Dim, OpRegistry } from "../../ir-spec/index.ts";
import { Cut, macsAfter } from "./cut.ts";

export interface ChooseOptions {
  /** Share of groups; of each family with scope `layer`. */
  readonly amount: number;
  /** Where above 0: share of multiply-accumulates instead. */
  readonly macs: number;
  readonly scope: "layer" | "global" | "divergence";
  /** Indices that stay of every axis, at least. */
  readonly min: number;
  /** Share of an axis that goes, at most. */
  readonly cap: number;
}

export interface Chosen {
  readonly groups: readonly ChannelGroup[];
  readonly cut: Cut;
  readonly macsBefore: number;
  readonly macsAfter: number;
  /** The target was reached. */
  readonly reached: boolean;
}

/** `scores`: one a group, the lowest go first; groups whose score is no finite number stay. */
export function chooseChannels(channels: ChannelGroups, registry: OpRegistry, scores: Float64Array, options: ChooseOptions): Chosen {
  const macsBefore = macsAfter(channels, registry, new Cut());
  const sequence = sequenceOf(channels, registry, scores, options);
  const after = (count: number) => macsAfter(channels, registry, new Cut(sequence.slice(0, count)));
  const count =
    options.macs > 0
      ? leastCount(sequence.length, (n) => after(n) <= macsBefore * (1 - options.macs))
      : countOf(sequence, channels, options);
  const groups = sequence.slice(0, count);
  const left = after(groups.length);
  return {
    groups,
    cut: new Cut(groups),
    macsBefore,
    macsAfter: left,
    reached: options.macs === 0 || left <= macsBefore * (1 - options.macs),
  };
}

/** The least n in 0..most for which it holds, it being monotone; most where it never does. */
function leastCount(most: number, holds: (n: number) => boolean): number {
  let [low, high] = [0, most];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function countOf(sequence: readonly ChannelGroup[], { groups }: ChannelGroups, { amount, scope }: ChooseOptions): number {
  if (scope !== "layer") return Math.min(sequence.length, Math.floor(groups.length * amount + 1e-6));
  // The sequence rises by the share of the family, so that a prefix of it is that share of each.
  const sizes = familySizes(groups);
  const taken = new Map<number, number>();
  const share = ({ family }: ChannelGroup) => {
    taken.set(family, (taken.get(family) ?? 0) + 1);
    return (taken.get(family) as number) / (sizes.get(family) as number);
  };
  return sequence.filter((group) => share(group) <= amount + 1e-9).length;
}

function familySizes(groups: readonly ChannelGroup[]): ReadonlyMap<number, number> {
  const sizes = new Map<number, number>();
  for (const { family } of groups) sizes.set(family, (sizes.get(family) ?? 0) + 1);
  return sizes;
}

function sequenceOf(channels: ChannelGroups, registry: OpRegistry, scores: Float64Array, options: ChooseOptions): readonly ChannelGroup[] {
  const { groups } = channels;
  const price = options.macs > 0 && options.scope !== "layer" ? groupMacs(channels, registry) : null;
  const cost = groups.map((_, i) => (scores[i] as number) / (price ? Math.max(1, price[i] as number) : 1));
  const order = groups
    .flatMap((_, i) => (Number.isFinite(cost[i]) ? [i] : []))
    .sort((a, b) => (cost[a] as number) - (cost[b] as number) || a - b);
  const feasible = withinLimits(channels, order, options);
  if (options.scope !== "layer") return feasible.map((i) => groups[i] as ChannelGroup);
  const sizes = familySizes(groups);
  const taken = new Map<number, number>();
  const share = feasible.map((i) => {
    const { family } = groups[i] as ChannelGroup;
    taken.set(family, (taken.get(family) ?? 0) + 1);
    return { i, share: (taken.get(family) as number) / (sizes.get(family) as number) };
  });
  return share.sort((a, b) => a.share - b.share || a.i - b.i).map(({ i }) => groups[i] as ChannelGroup);
}

/** Taken one after the other where every axis keeps enough. */
function withinLimits({ sites, groups }: ChannelGroups, order: readonly number[], { min, cap }: ChooseOptions): readonly number[] {
  const sizes = axisSizes(sites);
  const cut = new Cut();
  return order.filter((i) => {
    const group = groups[i] as ChannelGroup;
    const fits = group.members.every(({ place, axis, indices }) => {
      const size = sizes.get(place)?.[axis] ?? 0;
      const gone = cut.count(place, axis) + indices.length;
      return size - gone >= Math.max(1, min) && gone <= cap * size + 1e-9;
    });
    if (fits) cut.add(group);
    return fits;
  });
}

function axisSizes(sites: readonly Site[]): ReadonlyMap<Place, readonly number[]> {
  const sizes = new Map<Place, readonly number[]>();
  const add = (place: Place | null, shape: readonly Dim[] | undefined): void => {
    if (place !== null) sizes.set(place, shape?.map((dim) => (typeof dim === "number" ? dim : 0)) ?? []);
  };
  for (const { operands, types, results, outputs } of sites) {
    for (const [i, place] of operands.entries()) add(place, types[i]?.shape);
    for (const [i, place] of results.entries()) add(place, outputs[i]?.shape);
  }
  return sizes;
}

/** Multiply-accumulates that each group saves when it goes alone. */
function groupMacs(channels: ChannelGroups, registry: OpRegistry): Float64Array {
  const touching = new Map<Place, Site[]>();
  for (const site of channels.sites)
    for (const place of new Set([...site.operands, ...site.results]))
      if (place !== null) touching.set(place, [...(touching.get(place) ?? []), site]);
  return Float64Array.from(channels.groups, (group) => {
    const sites = [...new Set(group.members.flatMap(({ place }) => touching.get(place) ?? []))];
    const part = { ...channels, sites };
    return macsAfter(part, registry, new Cut()) - macsAfter(part, registry, new Cut([group]));
  });
}
