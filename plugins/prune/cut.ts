/**
 * @file What is left of each axis when channel groups go, before anything is rewritten: types and multiply-accumulates of the smaller module, from the op records alone.
 */
import type { ChannelGroup, ChannelGroups, Place, Site } from "../../compiler/index.ts";
import { type Dim, dimSymbols, evaluateDim, type OpRegistry, type TensorType, tensorType } from "../../ir-spec/index.ts";

/** Removed indices by place and axis. */
export class Cut {
  private readonly gone = new Map<string, Map<number, Set<number>>>();

  constructor(groups: Iterable<ChannelGroup> = []) {
    for (const group of groups) this.add(group);
  }

  add({ members }: ChannelGroup): void {
    for (const { place, axis, indices } of members) {
      const axes = this.gone.get(place) ?? new Map<number, Set<number>>();
      this.gone.set(place, axes);
      const set = axes.get(axis) ?? new Set<number>();
      axes.set(axis, set);
      for (const index of indices) set.add(index);
    }
  }

  remove({ members }: ChannelGroup): void {
    for (const { place, axis, indices } of members) for (const index of indices) this.gone.get(place)?.get(axis)?.delete(index);
  }

  /** How many indices of the axis go. */
  count(place: Place, axis: number): number {
    return this.gone.get(place)?.get(axis)?.size ?? 0;
  }

  touches(place: Place): boolean {
    return [...(this.gone.get(place)?.values() ?? [])].some((set) => set.size > 0);
  }

  /** Axes that lose indices, ascending. */
  axes(place: Place): readonly number[] {
    return [...(this.gone.get(place) ?? [])].flatMap(([axis, set]) => (set.size > 0 ? [axis] : [])).sort((a, b) => a - b);
  }

  /** Indices that stay, ascending. */
  kept(place: Place, axis: number, size: number): readonly number[] {
    const set = this.gone.get(place)?.get(axis);
    return Array.from({ length: size }, (_, i) => i).filter((i) => !set?.has(i));
  }

  type(place: Place | null, type: TensorType | null): TensorType | null {
    if (place === null || type === null || !this.touches(place)) return type;
    return tensorType(
      type.dtype,
      type.shape.map((dim, axis) => (typeof dim === "number" ? dim - this.count(place, axis) : dim)),
    );
  }
}

/** Sizes that symbols stand for where work is compared: any will do for the batch, and a picture's for its sides. */
const assumedSize = 64;

/** Multiply-accumulates of the functions' ops after the cut; symbolic sizes are taken as 64. */
export function macsAfter({ sites }: ChannelGroups, registry: OpRegistry, cut: Cut): number {
  let total = 0;
  for (const site of sites) total += siteMacs(site, registry, cut);
  return total;
}

function siteMacs(site: Site, registry: OpRegistry, cut: Cut): number {
  if (!site.def || "constant" in site.at) return 0;
  const attrs = registry.attrs(site.def, site.stored);
  const types = site.types.map((type, i) => cut.type(site.operands[i] ?? null, type));
  const outputs = site.outputs.map((type, i) => cut.type(site.results[i] ?? null, type) ?? type);
  return sizedDim(site.def.work({ types, attrs, outputs }).macs);
}

/** With every symbol at the assumed size. */
export function sizedDim(dim: Dim): number {
  if (typeof dim === "number") return dim;
  return evaluateDim(dim, new Map([...dimSymbols(dim)].map((name) => [name, assumedSize])));
}
