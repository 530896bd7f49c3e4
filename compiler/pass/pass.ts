/**
 * @file Passes: records with typed options, `Module -> Module`, nothing mutated in place. A pass that changes nothing returns the same object.
 * Printing, timing, verification, stopping and bisecting belong to the manager.
 */
import type { HostTensor, Module, OpRegistry } from "../../ir-spec/index.ts";
import type { CalibrationService } from "../calibrate/service.ts";
import type { Prediction } from "../cost/predict.ts";
import type { DimSizes } from "../cost/step.ts";
import type { DataSet } from "../data/dataset.ts";
import type { Random } from "../random/random.ts";
import type { TargetSpec } from "../target/target.ts";
import type { OptionSpecs, OptionValues } from "./options.ts";

export const stages = ["import", "canonicalize", "compress", "legalize", "lower"] as const;
export type Stage = (typeof stages)[number];

export interface ExecutorResult {
  readonly outputs: Readonly<Record<string, HostTensor>>;
  /** Values asked for by `taps`, by value name. */
  readonly taps: Readonly<Record<string, HostTensor>>;
}

/** Runs a module; which engine does is the compilation's choice. */
export interface Executor {
  run(
    module: Module,
    inputs: Readonly<Record<string, HostTensor>>,
    options?: { readonly taps?: readonly string[] },
  ): Promise<ExecutorResult>;
}

/** The user's metric on the user's data: higher is better, e.g. top-1 accuracy in 0..1. */
export interface Evaluator {
  readonly metric: string;
  evaluate(module: Module, limit?: number): Promise<number>;
}

/** What a pass did to one layer or weight: rows of the report. */
export interface ReportRow {
  /** Constant or op. */
  readonly subject: string;
  /** `pruned 80 % of 3,200`, `16 clusters`. */
  readonly note: string;
  readonly numbers?: Readonly<Record<string, number>>;
}

export interface PassTarget extends TargetSpec {
  /**
   * Predicted times of the module as it is now, lowered for this target; sizes of symbols that are not given are 1.
   * @throws TersorError E0801, E0806 when the target cannot run it
   */
  cost(module: Module, sizes?: DimSizes): Prediction;
}

export interface PassContext {
  readonly registry: OpRegistry;
  /** Seeded by the compilation's seed and the pass's place: the same in every run. */
  readonly random: Random;
  readonly executor: Executor;
  /** Unlabelled data for calibration; null when the user gave none: then the pass works data-free and warns. */
  readonly data: DataSet | null;
  /** Statistics of activations on that data, gathered once per module; null without data. */
  readonly calibration: CalibrationService | null;
  readonly evaluator: Evaluator | null;
  /** The first target of the compilation, which can be asked what a module would take there. */
  readonly target: PassTarget | null;
  readonly signal: AbortSignal | null;
  report(row: ReportRow): void;
  warn(message: string): void;
  /** 0..1, shown with an ETA when the pass takes over a second. */
  progress(fraction: number, note?: string): void;
  /** Result of an analysis of this module object, computed once. */
  analysis<T>(analysis: Analysis<T>, module: Module): T;
}

/** A side table computed from a module; cached per module object, so never stale. */
export interface Analysis<T> {
  readonly name: string;
  compute(module: Module, registry: OpRegistry): T;
}

export interface Pass<S extends OptionSpecs = OptionSpecs> {
  /** Kebab-case, unique. */
  readonly name: string;
  readonly doc: string;
  /** `any`: a clean-up that may stand anywhere. */
  readonly stage: Stage | "any";
  /** Names of passes that, when present, run earlier or later. */
  readonly after?: readonly string[];
  readonly before?: readonly string[];
  readonly options: S;
  run(module: Module, ctx: PassContext, options: OptionValues<S>): Promise<Module> | Module;
}

export function definePass<const S extends OptionSpecs>(pass: Pass<S>): Pass<S> {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(pass.name)) throw new RangeError(`pass name "${pass.name}" must be kebab-case`);
  return pass;
}
