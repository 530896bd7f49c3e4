/** @file Cutting an axis of the operand of a slice: what is left of its positions must again be a slice. */
import type { SelectContext, Selection } from "../define.ts";
import { axisFrom } from "./axes.ts";
import { type SliceAttrs, sliceRange } from "./slice-range.ts";

export function sliceSelect({ side, axis, indices, types, attrs }: SelectContext<SliceAttrs>): Selection {
  const shape = types[0]?.shape ?? [];
  const at = attrs.starts.findIndex((_, i) => axisFrom(attrs.axes[i] ?? i, shape.length) === axis);
  if (at < 0) return { attrs: { ...attrs } };
  if (side === "result") return { refuse: `axis ${axis} is sliced: its operand can be cut, not its result` };
  const { start, count, step } = sliceRange(shape[axis] ?? 0, axis, attrs.starts[at] ?? 0, attrs.ends[at] ?? 0, attrs.steps[at] ?? 1);
  if (typeof start !== "number" || typeof count !== "number") return { refuse: `axis ${axis} is sliced at positions that are not known` };
  const taken = Array.from({ length: count }, (_, k) => start + k * step);
  const left = taken.map((position) => indices.indexOf(position)).filter((position) => position >= 0);
  return rewritten(left, at, attrs) ?? { refuse: `the positions left on axis ${axis} are not evenly spaced` };
}

/** The slice that takes these positions, or null when none does. */
function rewritten(positions: readonly number[], at: number, attrs: SliceAttrs): Selection | null {
  const [first = 0, second = first + 1] = positions;
  const step = second - first;
  if (step === 0 || !positions.every((position, k) => position === first + k * step)) return null;
  const past = first + positions.length * step;
  const set = <T>(list: readonly T[], value: T): readonly T[] => list.map((old, i) => (i === at ? value : old));
  // Position -1 would count from the end; beyond the start it is any lower number.
  const end = past < 0 ? -Number.MAX_SAFE_INTEGER : past;
  const steps = step === 1 && attrs.steps.length === 0 ? [] : set(attrs.steps.length === 0 ? attrs.starts.map(() => 1) : attrs.steps, step);
  return { attrs: { starts: set(attrs.starts, first), ends: set(attrs.ends, end), axes: attrs.axes, steps } };
}
