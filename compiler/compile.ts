/**
 * @file `compile`: source to bytes. Import, the pipeline, one plan per target, emission. Everything that decides the bytes is in the options and ends up in the file's build
 * record: same input, same bytes.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { type Module, TersorError } from "../ir-spec/index.ts";
import type { ImagePreprocessing } from "../runtime/index.ts";
import { costWarnings } from "./cost/warnings.ts";
import type { DataSet } from "./data/dataset.ts";
import { preprocess } from "./data/preprocessing.ts";
import type { WeightEncoder } from "./emit/codec.ts";
import { type BuildInfo, emitFile } from "./emit/emit.ts";
import {
  declaredPreprocessing,
  modulePreprocessing,
  type PreprocessingDeclaration,
  storedPreprocessing,
  withPreprocessing,
} from "./emit/preprocessing.ts";
import { interpreterExecutor } from "./interpret/executor.ts";
import { describePlacement } from "./lower/crossings.ts";
import { describeFloatCluster } from "./lower/legalize/legalize.ts";
import type { Lowered, LowerOptions } from "./lower/lower.ts";
import { planFor } from "./lower/plan.ts";
import { type ManagerHooks, type PassRecord, runPipeline } from "./pass/manager.ts";
import type { Evaluator, Executor } from "./pass/pass.ts";
import { printPipeline } from "./pass/pipeline-text.ts";
import type { ResolvedPass } from "./pass/registry.ts";
import { finishPipeline, preparePipeline } from "./passes/index.ts";
import { createHost, type Host, presetText, resolvePipeline } from "./plugin/host.ts";
import type { PluginInput } from "./plugin/plugin.ts";
import type { TargetSpec } from "./target/target.ts";
import { compilerVersion } from "./version.ts";

/** Module meta key: ids of the codecs that emission may use. A pass writes it. */
export const codecsMeta = "codecs";

export interface CompileOptions {
  readonly plugins?: readonly PluginInput[];
  /** Pipeline text of the compressing passes; the preparing and finishing passes stand around it. Default: none. */
  readonly pipeline?: string;
  /** A named pipeline instead. */
  readonly preset?: string;
  /** Default `["wasm-simd", "reference"]`. `reference` keeps the source in the file. */
  readonly targets?: readonly string[];
  /**
   * `"wasm"`: ops without a kernel on a target with memory of its own (webgpu) run on this backend, with copies between; `load` then needs both backends. Default: they are refused by name.
   */
  readonly fallback?: string;
  /** Size mode, for small models: a compact file (FORMAT.md) of the default target alone, names but those of inputs and outputs and the build record dropped. */
  readonly size?: boolean;
  readonly seed?: number;
  /** Unlabelled samples for calibration; raw pixels are prepared as the model declares. */
  readonly data?: DataSet | null;
  readonly evaluator?: Evaluator | null;
  readonly executor?: Executor;
  /** How pictures are prepared for the model; instead of what the source's `meta` declares. `data` of raw pixels is prepared by it. */
  readonly preprocessing?: PreprocessingDeclaration;
  readonly signal?: AbortSignal;
  readonly hooks?: ManagerHooks;
  readonly verifyEach?: boolean;
  readonly stopAfter?: string;
  /** SHA-256 of the source file, for the build record. */
  readonly modelSha256?: string;
}

export interface CompileResult {
  /** The `.tsr` file. */
  readonly bytes: Uint8Array;
  /** After the whole pipeline. */
  readonly module: Module;
  /** The whole pipeline, as run. */
  readonly pipeline: string;
  readonly records: readonly PassRecord[];
  readonly warnings: readonly string[];
  readonly plans: readonly Lowered[];
  readonly host: Host;
}

export const defaultTargets = ["wasm-simd", "reference"] as const;
/** In size mode no source is kept. */
export const sizeTargets = ["wasm-simd"] as const;

/** @throws TersorError with every problem found by the failing step. */
export async function compile(given: Module, options: CompileOptions = {}): Promise<CompileResult> {
  const host = createHost(options.plugins ?? []);
  const preprocessing = preprocessingOf(given, options.preprocessing);
  const source = preprocessing ? withPreprocessing(given, preprocessing) : given;
  const targets = (options.targets ?? (options.size ? sizeTargets : defaultTargets)).map((name) => targetNamed(host, name));
  const passes = pipelineOf(host, options);
  const { module, records, warnings } = await runPipeline(source, passes, {
    registry: host.ops,
    executor: options.executor ?? interpreterExecutor(host.ops),
    data: options.data && preprocessing ? preprocess(options.data, preprocessing) : (options.data ?? null),
    evaluator: options.evaluator ?? null,
    target: targets[0] ?? null,
    seed: options.seed ?? 0,
    signal: options.signal ?? null,
    ...(options.hooks ? { hooks: options.hooks } : {}),
    verifyEach: options.verifyEach ?? true,
    stopAfter: options.stopAfter ?? null,
  });
  const lowering = loweringOptions(host, options);
  const plans = targets.filter((t) => t.manifest !== null).map((target) => planFor(module, target, host.ops, lowering));
  const pipeline = printPipeline(passes.map((p) => p.item));
  const bytes = emit(module, host, targets, plans, pipeline, options);
  return {
    bytes,
    module,
    pipeline,
    records,
    warnings: [...warnings, ...plans.flatMap((plan) => warningsOf(module, plan, host))],
    plans,
    host,
  };
}

/** What is declared for this compilation; null when nothing is. @throws TersorError E0915. */
export function preprocessingOf(source: Module, declaration: PreprocessingDeclaration | undefined): ImagePreprocessing | null {
  return declaration === undefined ? modulePreprocessing(source) : declaredPreprocessing(source, declaration, "the declaration");
}

/** The passes of a compilation, in order. @throws TersorError E07xx. */
export function pipelineOf(host: Host, options: Pick<CompileOptions, "pipeline" | "preset">): readonly ResolvedPass[] {
  const middle = options.pipeline ?? (options.preset === undefined ? "" : presetText(host, options.preset));
  const parts = [preparePipeline, middle, middle.trim() === "" ? "" : finishPipeline].filter((part) => part.trim() !== "");
  return resolvePipeline(host, parts.join(","));
}

/** @throws TersorError E0804 with the names there are. */
export function targetNamed(host: Host, name: string): TargetSpec {
  const target = host.targets.get(name);
  if (target) return target;
  throw new TersorError({ code: "E0804", message: `unknown target "${name}"; there are: ${[...host.targets.keys()].join(", ")}` });
}

/** @throws TersorError E0804 for a backend that no ops fall back to. */
export function loweringOptions(host: Host, { fallback: backend }: Pick<CompileOptions, "fallback">): LowerOptions {
  if (backend === undefined) return {};
  const fallback = backend === "wasm" ? [...host.targets.values()].find((t) => t.backend === backend && t.manifest !== null) : undefined;
  if (fallback) return { fallback };
  throw new TersorError({ code: "E0804", message: `no ops fall back to "${backend}"; there is: wasm` });
}

function emit(
  module: Module,
  host: Host,
  targets: readonly TargetSpec[],
  plans: readonly Lowered[],
  pipeline: string,
  options: CompileOptions,
): Uint8Array {
  const preprocessing = modulePreprocessing(module);
  const build: BuildInfo = {
    tersor: compilerVersion,
    pipeline,
    plugins: host.plugins.map(({ name, version }) => ({ name, version })),
    seed: options.seed ?? 0,
    ...(options.modelSha256 === undefined ? {} : { modelSha256: options.modelSha256 }),
    ...(options.data ? { dataSha256: options.data.hash } : {}),
  };
  return emitFile({
    ...(targets.some((t) => t.manifest === null) ? { source: module } : {}),
    plans: plans.map((plan) => ({ target: plan.target, module: plan.module })),
    build,
    ...(preprocessing ? { preprocessing: storedPreprocessing(preprocessing) } : {}),
    codecs: codecsOf(module, host),
    ...(options.size ? { metadata: "compact" as const } : {}),
  });
}

/** @throws TersorError E0805 when the module asks for a codec that no plugin brings. */
export function codecsOf(module: Module, host: Host): readonly WeightEncoder[] {
  const listed = module.meta?.get(codecsMeta);
  if (listed?.kind !== "list") return [];
  return listed.value.map((item) => {
    const codec = item.kind === "string" ? host.codecs.get(item.value) : undefined;
    if (codec) return codec;
    throw new TersorError({ code: "E0805", message: `no plugin brings the codec ${item.kind === "string" ? item.value : item.kind}` });
  });
}

function warningsOf(module: Module, plan: Lowered, host: Host): readonly string[] {
  const costs = costWarnings(module, plan, targetNamed(host, plan.target), host.ops);
  return [...planWarnings(plan), ...costs.map((warning) => `${plan.target}: ${warning}`)];
}

function planWarnings(plan: Lowered): readonly string[] {
  const float = plan.legalized?.float ?? [];
  return [
    ...describePlacement(plan),
    ...plan.materialized.map(
      ({ constant, extraBytes }) => `${plan.target}: no kernel rebuilds @${constant}; its value is stored too (${extraBytes} bytes)`,
    ),
    ...float.map((cluster) => `${plan.target}: quantized ${describeFloatCluster(cluster)}`),
  ];
}

export function sha256Hex(bytes: Uint8Array): string {
  return bytesToHex(sha256(bytes));
}
