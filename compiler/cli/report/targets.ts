/** @file One row per target of a compiled file: what runs there, what it should take, what it took, and the bytes that it reads. */
import type { CompileResult } from "../../compile.ts";
import { describeFile } from "../../emit/describe-file.ts";
import type { TargetTime } from "../measure-targets.ts";
import { bytesText, table } from "../output.ts";

export interface TargetRow {
  readonly target: string;
  /** Ids of the kernels that main calls, with how often. */
  readonly kernels: readonly { readonly id: string; readonly steps: number }[];
  /** Milliseconds by the target's cost model, symbols 1; null where it says nothing. */
  readonly predictedMs: number | null;
  /** Median milliseconds here, one thread; null where it was not timed. */
  readonly measuredMs: number | null;
  /** Stored bytes of the weights that the target's plan reads; plans share them. */
  readonly weightBytes: number;
  readonly note: string | null;
}

export function targetRows({ bytes, plans }: CompileResult, times: readonly TargetTime[]): readonly TargetRow[] {
  const { sections } = describeFile(bytes);
  const timeOf = new Map(times.map((time) => [time.target, time]));
  const planned = plans.map((plan): TargetRow => {
    const time = timeOf.get(plan.target);
    const reads = new Set(plan.module.constants.keys());
    const own = sections.filter(({ constants }) => constants.some(({ name }) => reads.has(name)));
    return {
      target: plan.target,
      kernels: kernelCounts(plan.steps.map(({ kernel }) => kernel)),
      predictedMs: plan.predicted.total === null ? null : plan.predicted.total / 1000,
      measuredMs: time?.msMedian ?? null,
      weightBytes: own.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
      note: time?.reason ?? null,
    };
  });
  const rest = times.filter(({ target }) => !plans.some((plan) => plan.target === target));
  return [...planned, ...rest.map((time) => withoutPlan(time, sections))];
}

/** `reference` runs the source functions. */
function withoutPlan({ target, msMedian, reason }: TargetTime, sections: readonly { readonly storedBytes: number }[]): TargetRow {
  const weightBytes = sections.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  return { target, kernels: [], predictedMs: null, measuredMs: msMedian, weightBytes, note: reason };
}

function kernelCounts(ids: readonly string[]): TargetRow["kernels"] {
  const counts = new Map<string, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts].map(([id, steps]) => ({ id, steps })).sort((a, b) => (a.id < b.id ? -1 : 1));
}

export function kernelText(kernels: TargetRow["kernels"]): string {
  return kernels.map(({ id, steps }) => (steps === 1 ? id : `${steps} ${id}`)).join(", ");
}

export function targetTable(rows: readonly TargetRow[]): string {
  const ms = (value: number | null) => (value === null ? "" : value.toFixed(3));
  const cells = rows.map((r) => [
    r.target,
    ms(r.predictedMs),
    ms(r.measuredMs),
    bytesText(r.weightBytes),
    r.note ?? shortened(kernelText(r.kernels)),
  ]);
  return table(["target", "predicted ms", "measured ms", "weight bytes", "kernels"], cells);
}

function shortened(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}
