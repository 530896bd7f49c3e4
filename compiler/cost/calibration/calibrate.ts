/**
 * @file Calibration: runs the cases on the machine at hand and fits the coefficients of a target's cost families. Where a backend times its steps, each kernel is fitted on its own; where it only
 * times whole runs (a GPU, ONNX Runtime), all families are fitted together on the runs' totals.
 */
import { type OpRegistry, TersorError } from "../../../ir-spec/index.ts";
import type { Backend } from "../../../runtime/index.ts";
import type { TargetSpec } from "../../target/target.ts";
import { compilerVersion } from "../../version.ts";
import { fit, type Sample } from "../fit.ts";
import { type Families, roughly, runTerms } from "../model.ts";
import { type CostProfile, type Fingerprint, profileFormat } from "../profile.ts";
import { touchedBytes } from "../step.ts";
import { calibrationCases, graphCases } from "./cases.ts";
import { type Measured, measure } from "./measure.ts";
import { median, type ReferenceKernel } from "./reference.ts";

export interface CalibrateCostsOptions {
  readonly target: TargetSpec;
  readonly families: Families;
  readonly backend: Backend;
  readonly registry: OpRegistry;
  readonly reference: ReferenceKernel;
  readonly machine: Fingerprint;
  /** Milliseconds of timed runs per case. */
  readonly budget?: number;
  /** Every n-th case only: for tests, and for targets that take long to load. */
  readonly every?: number;
  /** Milliseconds after which the cases that are left are not run. They are in an order in which any beginning has some of every kind. */
  readonly deadline?: number;
  /** Cases of more multiply-accumulates are left out: for slow targets. */
  readonly mostMacs?: number;
  readonly onProgress?: (fraction: number, note: string) => void;
  readonly signal?: AbortSignal;
}

/** What the profile was fitted on, to be kept beside it. */
export interface CalibrationSamples {
  readonly target: string;
  readonly referenceMicroseconds: number;
  readonly families: readonly { readonly family: string; readonly terms: readonly string[]; readonly samples: readonly NamedSample[] }[];
  readonly runs: readonly MeasuredRun[];
}

/** A whole run, and the counts that the baselines of the prediction benchmark go by. */
export interface MeasuredRun {
  readonly name: string;
  readonly microseconds: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Multiply-accumulates, and bytes read and written, of each step. */
  readonly steps: readonly (readonly [macs: number, bytes: number])[];
}

export interface NamedSample extends Sample {
  readonly name: string;
}

/** @throws TersorError E0811 when the backend runs none of the cases; whatever loading throws */
export async function calibrateCosts(
  options: CalibrateCostsOptions,
): Promise<{ readonly profile: CostProfile; readonly samples: CalibrationSamples }> {
  const { target, registry, reference, onProgress, signal } = options;
  const { every = 1, deadline = Number.POSITIVE_INFINITY, mostMacs = Number.POSITIVE_INFINITY } = options;
  const all = target.style === "onnx-graph" ? graphCases(registry) : calibrationCases(registry);
  const cases = all.filter(({ macs }, i) => i % every === 0 && macs <= mostMacs);
  const standard = reference.time(31);
  const measured: Measured[] = [];
  const started = performance.now();
  for (const [i, { name, build }] of cases.entries()) {
    signal?.throwIfAborted();
    const spent = performance.now() - started;
    if (spent > deadline) break;
    onProgress?.(Math.max(i / cases.length, spent / deadline), name);
    const result = await runnable(() => measure(name, build(), standard, { runBudget: 8, ...options }));
    if (result) measured.push(result);
  }
  if (measured.length === 0)
    throw new TersorError({ code: "E0811", message: `target ${target.name} runs none of the calibration's networks` });
  return fitted(measured, standard, options);
}

/** null where the target has no kernel for the case. */
async function runnable(run: () => Promise<Measured>): Promise<Measured | null> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof TersorError && /^E080[16]/.test(error.code)) return null;
    throw error;
  }
}

function fitted(measured: readonly Measured[], standard: number, { target, families, machine }: CalibrateCostsOptions) {
  const groups = samplesByFamily(measured, families);
  const timed = measured.some(({ steps }) => steps.some(({ microseconds }) => microseconds !== null));
  const kernels = timed ? fitEach(groups) : fitTogether(measured, families);
  const run = timed ? named(runTerms, fit(measured.flatMap(runSample))) : named(runTerms, [0, 0, 0]);
  const profile: CostProfile = {
    format: profileFormat,
    target: target.name,
    tersor: compilerVersion,
    measuredOn: machine,
    referenceMicroseconds: rounded(standard),
    kernels: timed ? kernels : withoutRun(kernels),
    run: timed ? run : (kernels[runFamily] ?? run),
    unmeasured: timed ? rounded(median(measured.flatMap(overRough)) || 1) : 1,
  };
  const samples: CalibrationSamples = {
    target: target.name,
    referenceMicroseconds: rounded(standard),
    families: [...groups].map(([family, { terms, samples }]) => ({ family, terms, samples })),
    runs: measured.map(({ name, run: microseconds, inputBytes, outputBytes, steps }) => ({
      name,
      microseconds: rounded(microseconds),
      inputBytes,
      outputBytes,
      steps: steps.map(({ step }) => [step.macs, touchedBytes(step)] as const),
    })),
  };
  return { profile, samples };
}

interface Group {
  readonly terms: readonly string[];
  readonly samples: NamedSample[];
}

function samplesByFamily(measured: readonly Measured[], families: Families): ReadonlyMap<string, Group> {
  const groups = new Map<string, Group>();
  for (const { name, steps, context } of measured) {
    for (const { step, microseconds } of steps) {
      if (microseconds === null) continue;
      const family = families(step);
      const group = groups.get(family.name) ?? { terms: family.terms, samples: [] };
      group.samples.push({ name, counts: family.count(step, context), microseconds: rounded(microseconds) });
      groups.set(family.name, group);
    }
  }
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function fitEach(groups: ReadonlyMap<string, Group>): CostProfile["kernels"] {
  return Object.fromEntries([...groups].map(([family, { terms, samples }]) => [family, named(terms, fit(samples))]));
}

/** What a run took besides its steps. */
function runSample({ steps, run, inputBytes, outputBytes }: Measured): readonly Sample[] {
  const rest = run - steps.reduce((sum, { microseconds }) => sum + (microseconds ?? 0), 0);
  // The rest of a long run is the difference of two long times: mostly noise.
  return rest > 0 && rest > 0.2 * run ? [{ counts: [1, inputBytes, outputBytes], microseconds: rest }] : [];
}

const runFamily = "run";

/** One system for all families: a run is the sum of its steps and of what surrounds them. */
function fitTogether(measured: readonly Measured[], families: Families): Record<string, Readonly<Record<string, number>>> {
  const columns: { readonly family: string; readonly term: string }[] = runTerms.map((term) => ({ family: runFamily, term }));
  const first = new Map<string, number>([[runFamily, 0]]);
  const rows = measured.map(({ steps, context, inputBytes, outputBytes }) => {
    const row: number[] = [1, inputBytes, outputBytes];
    for (const { step } of steps) {
      const family = families(step);
      const at = first.get(family.name) ?? columns.length;
      if (!first.has(family.name)) columns.push(...family.terms.map((term) => ({ family: family.name, term })));
      first.set(family.name, at);
      family.count(step, context).forEach((count, i) => {
        row[at + i] = (row[at + i] ?? 0) + count;
      });
    }
    return row;
  });
  const x = fit(measured.map(({ run }, i) => ({ counts: columns.map((_, j) => rows[i]?.[j] ?? 0), microseconds: run })));
  const kernels: Record<string, Record<string, number>> = {};
  columns.forEach(({ family, term }, i) => {
    kernels[family] = { ...kernels[family], [term]: rounded(x[i] as number) };
  });
  return Object.fromEntries(Object.entries(kernels).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function withoutRun(kernels: CostProfile["kernels"]): CostProfile["kernels"] {
  return Object.fromEntries(Object.entries(kernels).filter(([family]) => family !== runFamily));
}

/** Measured over the manifest's rough terms. */
function overRough({ steps }: Measured): readonly number[] {
  return steps.flatMap(({ step, microseconds }) => {
    const rough = step.row ? roughly(step.row, step) : 0;
    return microseconds !== null && rough > 0 ? [microseconds / rough] : [];
  });
}

function named(terms: readonly string[], coefficients: readonly number[]): Readonly<Record<string, number>> {
  return Object.fromEntries(terms.map((term, i) => [term, rounded(coefficients[i] ?? 0)]));
}

/** Six digits: more would be noise, and would make every file differ. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
