/** @file The table of ops that a compilation knows: core ops and those of its plugins. A duplicate is an error that names both owners. */
import type { AttrDict } from "../core/attr.ts";
import { TersorError } from "../core/problem.ts";
import { readAttrs } from "./attr-spec.ts";
import type { OpDef } from "./define.ts";

export interface OpSource {
  /** Who brings the ops: `core`, or a plugin's name. */
  readonly owner: string;
  readonly ops: readonly OpDef[];
}

export class OpRegistry {
  private readonly defs = new Map<string, { readonly def: OpDef; readonly owner: string }>();
  private readonly defaultReadings = new Map<OpDef, Readonly<Record<string, unknown>>>();
  private readonly readings = new WeakMap<AttrDict, { readonly def: OpDef; readonly values: Readonly<Record<string, unknown>> }>();

  constructor(sources: readonly OpSource[]) {
    for (const { owner, ops } of sources) for (const def of ops) this.add(def, owner);
  }

  get(name: string): OpDef | null {
    return this.defs.get(name)?.def ?? null;
  }

  /** @throws TersorError E0301 with the nearest name. */
  require(name: string): OpDef {
    const def = this.get(name);
    if (def) return def;
    const near = nearest(name, [...this.defs.keys()]);
    throw new TersorError({ code: "E0301", message: `unknown op ${name}`, ...(near ? { hint: `did you mean ${near}?` } : {}) });
  }

  ownerOf(name: string): string | null {
    return this.defs.get(name)?.owner ?? null;
  }

  list(): readonly OpDef[] {
    return [...this.defs.values()].map((entry) => entry.def);
  }

  /** Typed attribute values with defaults, cached per stored dict. @throws TersorError E0303. */
  attrs(def: OpDef, stored: AttrDict): Readonly<Record<string, unknown>> {
    if (stored.size === 0) return this.defaults(def, stored);
    const cached = this.readings.get(stored);
    if (cached && cached.def === def) return cached.values;
    const values = this.read(def, stored);
    this.readings.set(stored, { def, values });
    return values;
  }

  /** Most ops write no attribute: one reading for each record. */
  private defaults(def: OpDef, stored: AttrDict): Readonly<Record<string, unknown>> {
    const cached = this.defaultReadings.get(def);
    if (cached) return cached;
    const values = this.read(def, stored);
    this.defaultReadings.set(def, values);
    return values;
  }

  private read(def: OpDef, stored: AttrDict): Readonly<Record<string, unknown>> {
    const reading = readAttrs(def.attrs, stored);
    if (!reading.ok) throw new TersorError({ code: "E0303", message: `${def.name}: ${reading.message}` });
    return reading.values;
  }

  private add(def: OpDef, owner: string): void {
    const present = this.defs.get(def.name);
    if (present) {
      throw new TersorError({ code: "E0302", message: `op ${def.name} is defined twice: by ${present.owner} and by ${owner}` });
    }
    this.defs.set(def.name, { def, owner });
  }
}

/** Comparing names takes the square of their length, and longer ones are no slip of the pen. */
const longestName = 64;

/** The candidate within edit distance 2, or null. */
export function nearest(name: string, candidates: readonly string[]): string | null {
  let best: string | null = null;
  let bestDistance = 3;
  if (name.length > longestName) return null;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue;
    const d = editDistance(name, candidate);
    if (d < bestDistance) [best, bestDistance] = [candidate, d];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, change));
    }
    row = next;
  }
  return row[b.length] as number;
}
