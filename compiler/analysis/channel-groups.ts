/**
 * @file The dependency graph of structured pruning: which indices of which axes must be removed together. After Fang et al., "DepGraph: Towards Any Structural Pruning" (2023), but without a list of
 * layer kinds: an op's record says which operand axes are which result axes (`maps`), which axes of two operands are summed over together (axes of one name without a map, in an op with a
 * `select`), and whether a cut is possible (`select`). What no record proves is fixed, with a reason: inputs and results of functions, carried state, windows, ops without maps.
 */
import type { AxisMap, Module, OpRegistry } from "../../ir-spec/index.ts";
import type { Analysis } from "../pass/pass.ts";
import { axisNames, constantPlace, type Place, type Site, sitesOf, valuePlace } from "./channel-sites.ts";
import { IndexClasses } from "./index-classes.ts";

/** Indices of one axis. */
export interface AxisIndices {
  readonly place: Place;
  readonly axis: number;
  /** Ascending. */
  readonly indices: readonly number[];
}

/** Indices that are removed together or not at all. */
export interface ChannelGroup {
  readonly members: readonly AxisIndices[];
  /** Groups of one family lie on the same axes, as the channels of one layer do. */
  readonly family: number;
}

export interface FixedAxis {
  readonly place: Place;
  readonly axis: number;
  readonly reason: string;
}

export interface ChannelGroups {
  readonly sites: readonly Site[];
  /** What may be removed, in the order of the first place. */
  readonly groups: readonly ChannelGroup[];
  /** Axes of constants that no group touches, with the first reason. */
  readonly fixed: readonly FixedAxis[];
}

export const channelGroups: Analysis<ChannelGroups> = { name: "channel-groups", compute: channelGroupsOf };

export function channelGroupsOf(module: Module, registry: OpRegistry): ChannelGroups {
  const sites = sitesOf(module, registry);
  const classes = new IndexClasses();
  for (const site of sites) {
    for (const [i, place] of site.operands.entries()) if (place !== null) classes.add(place, site.types[i]?.shape ?? []);
    for (const [i, place] of site.results.entries()) classes.add(place, site.outputs[i]?.shape ?? []);
  }
  fixBoundaries(module, classes);
  for (const site of sites) tieSite(site, classes);
  for (const site of sites) refuse(site, classes, registry, mixedAxes(site));
  for (const site of sites) for (const map of site.maps.filter((map) => !isPlain(site, map))) tieMixed(site, map, classes);
  for (const site of sites) refuse(site, classes, registry, new Set());
  fixWholeAxes(classes);
  return collect(sites, classes);
}

function fixBoundaries(module: Module, classes: IndexClasses): void {
  for (const func of module.functions.values()) {
    for (const id of func.params) classes.fixAll(valuePlace(func.name, id), `%${func.values[id]?.name ?? id} is an input of @${func.name}`);
    func.returns.forEach((operand, i) => {
      const place = typeof operand === "number" ? valuePlace(func.name, operand) : constantPlace(operand);
      classes.fixAll(place, `${func.results[i]?.name ?? i} is a result of @${func.name}`);
    });
  }
}

const sizeOf = (site: Site, side: "operand" | "result", index: number, axis: number): unknown =>
  (side === "operand" ? site.types[index] : site.outputs[index])?.shape[axis];

/** Axes of a map's side that have more than one index. */
function longAxes(site: Site, map: AxisMap, side: "operand" | "result"): readonly number[] {
  const axes = side === "operand" ? map.operandAxes : map.resultAxes;
  return axes.filter((axis) => sizeOf(site, side, map[side], axis) !== 1);
}

/** One axis to one axis, beside axes of size 1. */
function isPlain(site: Site, map: AxisMap): boolean {
  return longAxes(site, map, "operand").length <= 1 && longAxes(site, map, "result").length <= 1;
}

const key = (side: string, index: number, axis: number): string => `${side} ${index} ${axis}`;

/** Axes in maps that merge or split. */
function mixedAxes(site: Site): ReadonlySet<string> {
  return new Set(
    site.maps
      .filter((map) => !isPlain(site, map))
      .flatMap((map) => [
        ...map.operandAxes.map((axis) => key("operand", map.operand, axis)),
        ...map.resultAxes.map((axis) => key("result", map.result, axis)),
      ]),
  );
}

/** Plain maps and summed axes become ties; axes that nothing is known of are fixed. */
function tieSite(site: Site, classes: IndexClasses): void {
  const known = new Set<string>();
  for (const map of site.maps) {
    for (const axis of map.operandAxes) known.add(key("operand", map.operand, axis));
    for (const axis of map.resultAxes) known.add(key("result", map.result, axis));
  }
  tieSummed(site, classes, known);
  eachAxis(site, classes, (side, place, index, axis) => {
    if (known.has(key(side, index, axis))) return;
    const what = side === "operand" ? "reads" : "makes";
    classes.fixAxis(place, axis, `${site.op} ${what} axis ${axis} of ${shown(place)} as a whole`);
  });
  for (const map of site.maps.filter((map) => isPlain(site, map))) tiePlain(site, map, classes);
  for (const [index, place] of site.results.entries()) fixUnmade(site, index, place, classes);
}

function eachAxis(
  site: Site,
  classes: IndexClasses,
  visit: (side: "operand" | "result", place: Place, index: number, axis: number) => void,
): void {
  const walk = (side: "operand" | "result", places: readonly (Place | null)[]) =>
    places.forEach((place, index) => {
      if (place === null) return;
      for (let axis = 0; axis < classes.shape(place).length; axis++) if (classes.size(place, axis) > 0) visit(side, place, index, axis);
    });
  walk("operand", site.operands);
  walk("result", site.results);
}

/** Axes of one name without a map are summed over together, in ops that say how they are cut. */
function tieSummed(site: Site, classes: IndexClasses, known: Set<string>): void {
  if (!site.def?.select) return;
  const named = new Map<string, { readonly place: Place; readonly index: number; readonly axis: number }[]>();
  site.operands.forEach((place, index) => {
    if (place === null) return;
    axisNames(site, index).forEach((name, axis) => {
      if (name === null || known.has(key("operand", index, axis)) || classes.size(place, axis) === 0) return;
      named.set(name, [...(named.get(name) ?? []), { place, index, axis }]);
    });
  });
  for (const [first, ...others] of named.values()) {
    if (!first || others.length === 0) continue;
    const size = classes.size(first.place, first.axis);
    if (others.some(({ place, axis }) => classes.size(place, axis) !== size)) continue;
    for (const { place, index, axis } of [first, ...others]) {
      known.add(key("operand", index, axis));
      tieAxes(classes, first.place, first.axis, place, axis);
    }
  }
}

function tieAxes(classes: IndexClasses, a: Place, axisA: number, b: Place, axisB: number, offset = 0): void {
  const [sizeA, sizeB] = [classes.size(a, axisA), classes.size(b, axisB)];
  for (let i = Math.max(0, -offset); i < sizeA && i + offset < sizeB; i++)
    classes.tie(classes.node(a, axisA, i) as number, classes.node(b, axisB, i + offset) as number);
}

function tiePlain(site: Site, map: AxisMap, classes: IndexClasses): void {
  const [from, to] = [site.operands[map.operand], site.results[map.result]];
  if (from === null || from === undefined || to === undefined) return;
  const [a] = longAxes(site, map, "operand");
  const [b] = longAxes(site, map, "result");
  const offset = map.offset ?? 0;
  const reason = (place: Place) => `${site.op} maps ${shown(place)} to another size or place that is not known`;
  if (a === undefined || b === undefined || typeof offset !== "number" || !classes.size(from, a) || !classes.size(to, b)) {
    // A single index of an axis that joins others (a concatenation of size 1) ties nothing but stands for itself.
    if (a !== undefined && b === undefined) classes.fixAxis(from, a, reason(from));
    else if (a !== undefined && b !== undefined && (typeof offset !== "number" || classes.size(from, a) !== classes.size(to, b))) {
      classes.fixAxis(from, a, reason(from));
      classes.fixAxis(to, b, reason(to));
    }
    return;
  }
  if (map.offset === undefined && classes.size(from, a) !== classes.size(to, b)) {
    classes.fixAxis(from, a, reason(from));
    classes.fixAxis(to, b, reason(to));
    return;
  }
  tieAxes(classes, from, a, to, b, offset);
}

/** Indices of a result that come from no operand (padding, an operand of size 1) stay. */
function fixUnmade(site: Site, index: number, place: Place, classes: IndexClasses): void {
  for (let axis = 0; axis < classes.shape(place).length; axis++) {
    const maps = site.maps.filter((map) => map.result === index && map.resultAxes.includes(axis) && isPlain(site, map));
    const size = classes.size(place, axis);
    if (size === 0 || maps.length === 0) continue;
    const made = new Uint8Array(size);
    for (const map of maps) {
      const [a] = longAxes(site, map, "operand");
      const from = site.operands[map.operand];
      const count = a === undefined || !from ? 0 : classes.size(from, a);
      const offset = typeof map.offset === "number" ? map.offset : 0;
      for (let i = Math.max(0, -offset); i < count && i + offset < size; i++) made[i + offset] = 1;
    }
    for (let i = 0; i < size; i++)
      if (made[i] === 0)
        classes.fix(classes.node(place, axis, i) as number, `${site.op} makes index ${i} of axis ${axis} of ${shown(place)}`);
  }
}

/**
 * Merged and split axes (flatten, channel shuffle): of each side one axis carries the cut, the one with the most indices of those that may be cut, and the others stay whole. The indices of the
 * carrying axes are tied through the elements that they share.
 */
function tieMixed(site: Site, map: AxisMap, classes: IndexClasses): void {
  const [from, to] = [site.operands[map.operand], site.results[map.result]];
  if (from === null || from === undefined || to === undefined) return;
  const sides = [
    { place: from, axes: map.operandAxes },
    { place: to, axes: map.resultAxes },
  ] as const;
  const sizes = sides.map(({ place, axes }) => axes.map((axis) => classes.shape(place)[axis]));
  const carriers = sides.map(({ place, axes }) => carrier(classes, place, axes));
  const known = map.offset === undefined && sizes.flat().every((size) => typeof size === "number");
  const [a, b] = carriers;
  sides.forEach(({ place, axes }, side) => {
    axes.forEach((axis, at) => {
      if (known && a !== null && b !== null && at === carriers[side]) return;
      classes.fixAxis(place, axis, `${site.op} merges or splits axis ${axis} of ${shown(place)}`);
    });
  });
  if (!known || a === null || b === null || a === undefined || b === undefined) return;
  const [left = [], right = []] = sizes.map((list) => list.map(Number));
  const count = left.reduce((n, size) => n * size, 1);
  const [strideA, strideB] = [strideOf(left, a), strideOf(right, b)];
  for (let k = 0; k < count; k++) {
    const i = classes.node(from, map.operandAxes[a] as number, Math.floor(k / strideA) % (left[a] as number));
    const j = classes.node(to, map.resultAxes[b] as number, Math.floor(k / strideB) % (right[b] as number));
    if (i !== null && j !== null) classes.tie(i, j);
  }
}

const strideOf = (sizes: readonly number[], at: number): number => sizes.slice(at + 1).reduce((n, size) => n * size, 1);

/** Position among `axes`; null when none may be cut. */
function carrier(classes: IndexClasses, place: Place, axes: readonly number[]): number | null {
  let best: number | null = null;
  axes.forEach((axis, at) => {
    if (!classes.isFree(place, axis)) return;
    if (best === null || classes.size(place, axis) > classes.size(place, axes[best] as number)) best = at;
  });
  return best;
}

/** Asks `select`, class by class on the first refusal. */
function refuse(site: Site, classes: IndexClasses, registry: OpRegistry, skip: ReadonlySet<string>): void {
  const { def } = site;
  const select = def?.select;
  if (!def || !select) return;
  const attrs = registry.attrs(def, site.stored);
  eachAxis(site, classes, (side, place, index, axis) => {
    if (side === "result" || skip.has(key(side, index, axis))) return;
    for (const [root, gone] of classes.classesOn(place, axis)) {
      if (classes.reason(root) !== null) continue;
      const size = classes.size(place, axis);
      if (gone.length === size) continue;
      const absent = new Set(gone);
      const indices = Array.from({ length: size }, (_, i) => i).filter((i) => !absent.has(i));
      const selection = select({ types: site.types, attrs, side, index, axis, indices });
      if (!("refuse" in selection)) return;
      classes.fix(root, `${site.op}: ${selection.refuse}`);
    }
  });
}

/** A class that is all of an axis would leave nothing of it. */
function fixWholeAxes(classes: IndexClasses): void {
  for (const place of classes.places())
    for (let axis = 0; axis < classes.shape(place).length; axis++) {
      const found = classes.classesOn(place, axis);
      const [root] = found.keys();
      if (found.size === 1 && root !== undefined) classes.fix(root, `all of axis ${axis} of ${shown(place)} would go`);
    }
}

/** For messages: constants as `@name`, values as `%number of @function`. */
export function shown(place: Place): string {
  const at = place.indexOf("@");
  return place.startsWith("%") ? `${place.slice(0, at)} of ${place.slice(at)}` : place;
}

function collect(sites: readonly Site[], classes: IndexClasses): ChannelGroups {
  const members = new Map<number, AxisIndices[]>();
  const families = new IndexClasses();
  const axes = [...classes.places()].flatMap((place) => classes.shape(place).map((_, axis) => ({ place, axis })));
  families.add("axes", [Math.max(2, axes.length)]);
  const firstAxis = new Map<number, number>();
  const fixed: FixedAxis[] = [];
  axes.forEach(({ place, axis }, number) => {
    const found = classes.classesOn(place, axis);
    for (const [root, indices] of found) {
      if (classes.reason(root) !== null) continue;
      const list = members.get(root);
      if (list) list.push({ place, axis, indices });
      else members.set(root, [{ place, axis, indices }]);
      const first = firstAxis.get(root) ?? number;
      firstAxis.set(root, first);
      families.tie(first, number);
    }
    const [root] = found.keys();
    if (place.startsWith("@") && root !== undefined && !classes.isFree(place, axis))
      fixed.push({ place, axis, reason: classes.reason(root) ?? "" });
  });
  const groups = [...members].map(([root, list]) => ({ members: list, family: families.root(firstAxis.get(root) as number) }));
  return { sites, groups, fixed };
}
