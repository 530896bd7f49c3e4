/** @file Rows of the report: each weight before and after, with the values that its picture shows. */
import { describeForm, evaluateConstant, type HostTensor, type Module, toNumbers, weightForm } from "../../../ir-spec/index.ts";
import { reachableConstants } from "../../analysis/reachable.ts";
import { dataBytes } from "../../analysis/stored-bytes.ts";
import { type TensorError, tensorError } from "../../analysis/tensor-error.ts";
import { weightsOf } from "../../analysis/weights.ts";
import type { CompileResult } from "../../compile.ts";

export interface ReportLayer {
  readonly name: string;
  readonly shape: readonly number[];
  readonly count: number;
  readonly bytesBefore: number;
  /** Raw data bytes of the definition, before entropy coding. */
  readonly bytesAfter: number;
  readonly encoding: string;
  readonly zeros: number;
  readonly distinct: number;
  /** What compressing did to it. */
  readonly error: TensorError;
  readonly notes: readonly string[];
  /** Counts of values in equal bins over [low, high], before and after. */
  readonly histogram: {
    readonly low: number;
    readonly high: number;
    readonly before: readonly number[];
    readonly after: readonly number[];
  };
}

const bins = 48;

/** @param plain the module before anything was compressed: `Baseline` */
export function reportLayers(plain: Module, small: CompileResult): readonly ReportLayer[] {
  const notes = small.records.flatMap((r) => r.rows.map((row) => ({ subject: row.subject, note: `${r.name}: ${row.note}` })));
  return weightsOf(small.module, small.host.ops).flatMap((weight) => {
    if (!plain.constants.has(weight.name)) return [];
    const before = evaluateConstant(plain, small.host.ops, weight.name);
    const after = evaluateConstant(small.module, small.host.ops, weight.name);
    return [
      layer(
        weight.name,
        before,
        after,
        plain,
        small.module,
        notes.filter((n) => n.subject === weight.name).map((n) => n.note),
      ),
    ];
  });
}

function layer(name: string, before: HostTensor, after: HostTensor, plain: Module, small: Module, notes: readonly string[]): ReportLayer {
  const [x, y] = [toNumbers(before), toNumbers(after)];
  return {
    name,
    shape: before.shape,
    count: x.length,
    bytesBefore: definitionBytes(plain, name),
    bytesAfter: definitionBytes(small, name),
    encoding: describeForm(weightForm(small, name)),
    zeros: y.filter((v) => v === 0).length,
    distinct: new Set(y).size,
    error: tensorError(x, y),
    notes,
    histogram: histogram(x, y),
  };
}

function definitionBytes(module: Module, name: string): number {
  return [...reachableConstants(module, [name]).values()].reduce((n, c) => n + (c.kind === "data" ? dataBytes(c) : 0), 0);
}

function histogram(x: readonly number[], y: readonly number[]): ReportLayer["histogram"] {
  let [low, high] = [0, 0];
  for (const v of x) [low, high] = [Math.min(low, v), Math.max(high, v)];
  const width = (high - low) / bins || 1;
  const count = (values: readonly number[]) => {
    const counts = new Array<number>(bins).fill(0);
    for (const v of values) {
      const bin = Math.max(0, Math.min(bins - 1, Math.floor((v - low) / width)));
      counts[bin] = (counts[bin] ?? 0) + 1;
    }
    return counts;
  };
  return { low, high, before: count(x), after: count(y) };
}
