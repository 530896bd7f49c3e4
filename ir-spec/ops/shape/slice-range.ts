/** @file Which elements of an axis a slice takes, by numpy's rule, for static and symbolic sizes. */
import { type Attr, attr } from "../../core/attr.ts";
import { type Dim, dimAdd, dimCeilDiv, dimEquals, dimMax, dimMin, dimSub } from "../../core/dim.ts";
import type { AttrSpec } from "../attr-spec.ts";

export interface SliceAttrs {
  readonly starts: readonly Dim[];
  readonly ends: readonly Dim[];
  readonly axes: readonly number[];
  readonly steps: readonly number[];
}

/** Elements start, start + step, ... of an axis, `count` of them. */
export interface SliceRange {
  readonly axis: number;
  readonly start: Dim;
  readonly count: Dim;
  readonly step: number;
}

const limit = Number.MAX_SAFE_INTEGER;
/** Exporters write the ends of 32 and 64 bits for "as far as it goes". */
const far = 2 ** 31 - 1;

/** A list of sizes in which integers of all 64 bits may stand; what is beyond 2^53 is clamped to it. */
export function bounds(doc: string): AttrSpec<readonly Dim[]> {
  return {
    type: "list of dim",
    doc,
    required: true,
    fallback: undefined,
    read(stored) {
      if (stored.kind !== "list") return undefined;
      const values = stored.value.map(bound);
      return values.every((value) => value !== undefined) ? (values as readonly Dim[]) : undefined;
    },
    write: (values) => attr.list(values.map((value) => attr.dim(value))),
  };
}

function bound(stored: Attr): Dim | undefined {
  if (stored.kind === "dim") return stored.value;
  if (stored.kind !== "int") return undefined;
  return typeof stored.value === "number" ? stored.value : stored.value > 0n ? limit : -limit;
}

export function sliceRange(size: Dim, axis: number, start: Dim, end: Dim, step: number): SliceRange {
  const [low, high]: readonly [Dim, Dim] = step > 0 ? [0, size] : [-1, dimSub(size, 1)];
  const [from, to] = [clamped(start, size, low, high), clamped(end, size, low, high)];
  const [near, beyond] = step > 0 ? [from, to] : [to, from];
  const count = dimCeilDiv(dimSub(beyond, near), Math.abs(step));
  const ordered = dimEquals(near, low) || dimEquals(beyond, high);
  return { axis, start: from, count: ordered ? count : dimMax(count, 0), step };
}

function clamped(value: Dim, size: Dim, low: Dim, high: Dim): Dim {
  if (typeof value !== "number") return dimEquals(value, size) && !dimEquals(high, size) ? high : atMost(value, high);
  if (value >= far) return high;
  if (value <= -far) return low;
  // The last element is never before the place in front of the first, whatever the size.
  if (value === -1 && low === -1) return high;
  return value < 0 ? dimMax(dimAdd(size, value), low) : atMost(value, high);
}

function atMost(value: Dim, high: Dim): Dim {
  return value === 0 && typeof high !== "number" && high.terms.length === 1 ? 0 : dimMin(value, high);
}

/** One range per axis that is sliced, in the order of the attributes. */
export function sliceRanges(shape: readonly Dim[], { starts, ends, axes, steps }: SliceAttrs): readonly SliceRange[] {
  return starts.map((start, i) => {
    const given = axes.length === 0 ? i : (axes[i] as number);
    const axis = given < 0 ? given + shape.length : given;
    return sliceRange(shape[axis] as Dim, axis, start, ends[i] as Dim, steps[i] ?? 1);
  });
}
