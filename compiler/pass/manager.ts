/**
 * @file The pass manager: runs a resolved pipeline over a module and owns everything that passes must not care about: verification after each,
 * timing, printing, stopping, the change in bytes, and naming the guilty pass in every error. An unchanged pass (same object back) costs nothing more.
 */
import { type Module, type OpRegistry, type Problem, TersorError } from "../../ir-spec/index.ts";
import { storedBytes } from "../analysis/stored-bytes.ts";
import { type CalibrationService, calibrationService } from "../calibrate/service.ts";
import type { DataSet } from "../data/dataset.ts";
import { predictModule } from "../lower/plan.ts";
import { Random } from "../random/random.ts";
import type { TargetSpec } from "../target/target.ts";
import { verifyModule } from "../verify/verify.ts";
import { AnalysisCache } from "./analysis-cache.ts";
import type { Evaluator, Executor, PassContext, PassTarget, ReportRow } from "./pass.ts";
import { printPipeline } from "./pipeline-text.ts";
import type { ResolvedPass } from "./registry.ts";

export interface PassRecord {
  readonly name: string;
  readonly owner: string;
  readonly ms: number;
  readonly changed: boolean;
  /** Raw bytes of all data that the module reaches, before and after. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  readonly rows: readonly ReportRow[];
  readonly warnings: readonly string[];
}

export interface ManagerHooks {
  beforePass?(pass: ResolvedPass, module: Module, index: number): void;
  afterPass?(pass: ResolvedPass, module: Module, record: PassRecord): void;
  progress?(pass: ResolvedPass, index: number, count: number, fraction: number, note: string): void;
}

export interface ManagerOptions {
  readonly registry: OpRegistry;
  readonly executor: Executor;
  readonly data?: DataSet | null;
  readonly evaluator?: Evaluator | null;
  readonly target?: TargetSpec | null;
  readonly seed?: number;
  readonly signal?: AbortSignal | null;
  readonly hooks?: ManagerHooks;
  /** Default true. */
  readonly verifyEach?: boolean;
  /** Runs no pass after the first one of this name. */
  readonly stopAfter?: string | null;
  /** A clock in milliseconds; results never depend on it. */
  readonly now?: () => number;
}

export interface PipelineResult {
  readonly module: Module;
  readonly records: readonly PassRecord[];
  readonly warnings: readonly string[];
}

export async function runPipeline(module: Module, passes: readonly ResolvedPass[], options: ManagerOptions): Promise<PipelineResult> {
  const analyses = new AnalysisCache(options.registry);
  const { data, registry, executor, signal } = options;
  const calibration = data ? calibrationService({ registry, executor, data, signal: signal ?? null }) : null;
  const records: PassRecord[] = [];
  let current = module;
  if (options.verifyEach !== false) failOn(verifyModule(current, options.registry), "the input");
  for (const [index, pass] of passes.entries()) {
    options.signal?.throwIfAborted();
    options.hooks?.beforePass?.(pass, current, index);
    const { module: next, record } = await runOne(current, pass, index, passes.length, options, analyses, calibration);
    records.push(record);
    current = next;
    options.hooks?.afterPass?.(pass, current, record);
    if (options.stopAfter === pass.pass.name) break;
  }
  return { module: current, records, warnings: records.flatMap((r) => r.warnings.map((w) => `${r.name}: ${w}`)) };
}

async function runOne(
  module: Module,
  pass: ResolvedPass,
  index: number,
  count: number,
  options: ManagerOptions,
  analyses: AnalysisCache,
  calibration: CalibrationService | null,
): Promise<{ readonly module: Module; readonly record: PassRecord }> {
  const now = options.now ?? (() => performance.now());
  const rows: ReportRow[] = [];
  const warnings: string[] = [];
  const context = makeContext(pass, index, count, options, analyses, calibration, rows, warnings);
  const start = now();
  let next: Module;
  try {
    next = await pass.pass.run(module, context, pass.values);
  } catch (error) {
    // The user's own reason for stopping is nobody's mistake.
    if (options.signal?.aborted && error === options.signal.reason) throw error;
    throw blame(error, pass, index);
  }
  const ms = now() - start;
  const changed = next !== module;
  if (changed && options.verifyEach !== false)
    failOn(verifyModule(next, options.registry), `after pass ${index + 1}, ${pass.pass.name} (${pass.owner})`);
  const bytesBefore = analyses.get(storedBytes, module);
  const bytesAfter = changed ? analyses.get(storedBytes, next) : bytesBefore;
  return { module: next, record: { name: pass.pass.name, owner: pass.owner, ms, changed, bytesBefore, bytesAfter, rows, warnings } };
}

function makeContext(
  pass: ResolvedPass,
  index: number,
  count: number,
  options: ManagerOptions,
  analyses: AnalysisCache,
  calibration: CalibrationService | null,
  rows: ReportRow[],
  warnings: string[],
): PassContext {
  return {
    registry: options.registry,
    random: new Random(options.seed ?? 0, index + 1),
    executor: options.executor,
    data: options.data ?? null,
    calibration,
    evaluator: options.evaluator ?? null,
    target: options.target ? askable(options.target, options.registry) : null,
    signal: options.signal ?? null,
    report: (row) => rows.push(row),
    warn: (message) => warnings.push(message),
    progress: (fraction, note = "") => options.hooks?.progress?.(pass, index, count, fraction, note),
    analysis: (analysis, module) => analyses.get(analysis, module),
  };
}

function askable(target: TargetSpec, registry: OpRegistry): PassTarget {
  return {
    ...target,
    cost: (module, sizes) => predictModule(module, target, registry, sizes),
  };
}

function failOn(problems: readonly Problem[], when: string): void {
  if (problems.length > 0) throw new TersorError(problems.map((p) => ({ ...p, where: p.where ? `${when}: ${p.where}` : when })));
}

/** Puts the pass and its plugin in front of whatever went wrong inside it. */
function blame(error: unknown, pass: ResolvedPass, index: number): unknown {
  const where = `pass ${index + 1}, ${printPipeline([pass.item])} (${pass.owner})`;
  if (error instanceof TersorError)
    return new TersorError(error.problems.map((p) => ({ ...p, where: p.where ? `${where}: ${p.where}` : where })));
  if (error instanceof Error && error.name === "AbortError") return error;
  const message = error instanceof Error ? error.message : String(error);
  const wrapped = new TersorError({ code: "E0707", message, where });
  wrapped.cause = error;
  return wrapped;
}
