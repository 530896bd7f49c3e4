/** @file `tersor bench MODEL`: latency on one or more backends, taking turns with ONNX Runtime on the same inputs; one thread each. */
import type { Command } from "commander";
import { type Module, TersorError } from "../../../ir-spec/index.ts";
import { fileTargets, openFile, RuntimeError, referenceTarget, type Session, type Tensor } from "../../../runtime/index.ts";
import { loweringOptions, targetNamed } from "../../compile.ts";
import type { DimSizes } from "../../cost/step.ts";
import { readSource, toolExpansion } from "../../emit/read-source.ts";
import { exportOnnx } from "../../export/index.ts";
import type { Lowered } from "../../lower/lower.ts";
import { planFor, predictPlan } from "../../lower/plan.ts";
import { createHost } from "../../plugin/host.ts";
import { backendNamed, backendNames } from "../backends.ts";
import { type ConfigFlags, type Configuration, loadConfig } from "../config.ts";
import { UsageError } from "../failure.ts";
import { inputSizes, seededInputs } from "../inputs.ts";
import { openModel } from "../models.ts";
import { type OrtModel, openInOnnxRuntime } from "../onnxruntime.ts";
import { type Output, table } from "../output.ts";
import { loadRunnable, openRunnable, type Runnable } from "../runnable.ts";
import { type Contender, interleaved } from "../stopwatch.ts";
import { milliseconds } from "./check.ts";

interface Flags extends ConfigFlags {
  readonly backend?: string;
  readonly runs: string;
  readonly warmup: string;
  readonly batch?: string;
  readonly dim: readonly string[];
  readonly seed: string;
}

/** Kernels and ONNX Runtime alike. */
const threads = 1;

interface Entry {
  readonly backend: string;
  readonly module: Module | null;
  readonly session: Session;
  readonly predict: ((sizes: DimSizes) => number | null) | null;
}

export function addBench(program: Command, output: () => Output): void {
  program
    .command("bench")
    .description("latency of a model, one thread, taking turns with ONNX Runtime where onnxruntime-node is installed")
    .argument("<model>", ".onnx, .tir or .tsr")
    .option("-b, --backend <names>", `one or more of ${backendNames.join(", ")}, comma-separated (default: wasm)`)
    .option("--runs <n>", "timed runs of each", "50")
    .option("--warmup <n>", "runs before them", "10")
    .option("--batch <n>", "size of the symbol N")
    .option("--dim <N=4...>", "sizes of symbolic dims; others are the smallest that the model takes", [])
    .option("--seed <n>", "seed of the inputs", "0")
    .addHelpText("after", "\nExample:\n  tersor bench model.onnx --backend wasm,ort --runs 100")
    .action((model: string, flags: Flags) => bench(model, flags, output()));
}

async function bench(model: string, flags: Flags, output: Output): Promise<void> {
  const runs = wholeNumber("--runs", flags.runs, 1);
  const warmUp = wholeNumber("--warmup", flags.warmup, 0);
  const dims = flags.batch === undefined ? flags.dim : [`N=${wholeNumber("--batch", flags.batch, 1)}`, ...flags.dim];
  const config = await loadConfig(flags);
  const names = (flags.backend ?? config.backend ?? "wasm").split(",").map((name) => name.trim());
  const entries: Entry[] = [];
  for (const name of names) entries.push(await openEntry(model, name, config, output));
  const [first] = entries;
  if (!first) throw new UsageError("--backend names no backend");
  const inputs = seededInputs(first.session.inputs, wholeNumber("--seed", flags.seed, 0), inputSizes(first.module, dims));
  const rival = await openRival(model, first.session, inputs, config, output);
  const bar = output.progress("bench");
  const contenders: Contender[] = entries.map(({ backend, session }) => ({ name: backend, run: () => session.run(inputs) }));
  const times = await interleaved(rival ? [...contenders, rival.contender] : contenders, runs, warmUp, (f) => bar.update(f));
  bar.done();
  const theirs = rival ? times[entries.length] : undefined;
  const sizes = symbolSizes(first.session, inputs);
  const results = entries.map(({ backend, predict }, i) => {
    const predictedMs = predict?.(sizes) ?? null;
    const { median, min } = times[i] as (typeof times)[number];
    const rivals =
      rival && theirs
        ? [{ name: "onnxruntime-node", version: rival.version, msMedian: theirs.median, msMin: theirs.min, ratio: theirs.median / median }]
        : [];
    return { backend, threads, msMedian: median, msMin: min, runs, predictedMs, rivals };
  });
  for (const { session } of entries) session.dispose();
  await rival?.dispose();
  const shapes = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, tensor.shape]));
  output.result({ model, ...results[0], warmUp, inputs: shapes, backends: results }, render(results, shapes));
}

function wholeNumber(flag: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= 0xffffffff) return value;
  throw new UsageError(`${flag} ${text} must be a whole number from ${least}`);
}

async function openEntry(model: string, backend: string, config: Configuration, output: Output): Promise<Entry> {
  const runnable = await openRunnable(model, backend, config);
  if (runnable.format === "tsr" && runnable.made)
    output.note(`note: ${model} holds no plan for ${backend}; its source was compiled here, uncompressed`);
  return {
    backend,
    module: runnable.module,
    session: await loadRunnable(runnable, backend, config),
    predict: predictor(runnable, backend, config),
  };
}

/** Milliseconds by the target's cost model for sizes of symbols; null where it has none, or the file keeps no source to ask about. */
function predictor({ bytes, made }: Runnable, backend: string, config: Configuration): ((sizes: DimSizes) => number | null) | null {
  const host = createHost(config.plugins);
  const target = targetNamed(host, backendNamed(backend).target);
  if (!target.manifest) return null;
  if (!made && !fileTargets(openFile(bytes, { maxExpandedBytes: toolExpansion(bytes) })).includes(referenceTarget)) return null;
  const plan: Lowered | undefined = made
    ? made[0]
    : planFor(readSource(bytes), target, host.ops, loweringOptions(host, { fallback: "wasm" }));
  if (!plan) return null;
  return (runs) => milliseconds(predictPlan(target, plan, runs).total);
}

/** Sizes that the inputs give to symbols that stand alone in their types. */
function symbolSizes({ inputs }: Session, given: Readonly<Record<string, Tensor>>): DimSizes {
  const pairs = Object.entries(given).flatMap(([name, { shape }]) =>
    shape.map((size, axis): readonly [string, number] => [String(inputs[name]?.shape[axis] ?? ""), size]),
  );
  return new Map(pairs.filter(([dim]) => /^[A-Z]/.test(dim)));
}

interface Rival {
  readonly version: string;
  readonly contender: Contender;
  dispose(): Promise<void>;
}

/** ONNX Runtime on the original file, or on what the exporter makes of the module; null, with a note, where one of them is missing. */
async function openRival(
  model: string,
  session: Session,
  inputs: Readonly<Record<string, Tensor>>,
  config: Configuration,
  output: Output,
): Promise<Rival | null> {
  try {
    const onnx = await onnxOf(model, config);
    const theirs: OrtModel = await openInOnnxRuntime(onnx);
    const named = Object.fromEntries(
      Object.entries(inputs).flatMap(([name, tensor]) => [
        [name, tensor],
        [session.inputs[name]?.originalName ?? name, tensor],
      ]),
    );
    const { run } = theirs.prepare(named);
    return { version: theirs.version, contender: { name: "onnxruntime", run }, dispose: () => theirs.dispose() };
  } catch (error) {
    const known =
      (error instanceof TersorError && /^E0007|^E10/.test(error.code)) || (error instanceof RuntimeError && error.code === "R0207");
    if (!known) throw error;
    output.note(`note: no rival: ${error.message}`);
    return null;
  }
}

async function onnxOf(model: string, config: Configuration): Promise<Uint8Array> {
  const { ops } = createHost(config.plugins);
  const { format, bytes, module } = await openModel(model, { registry: ops });
  return format === "onnx" ? bytes : exportOnnx(module, { registry: ops });
}

interface Result {
  readonly backend: string;
  readonly msMedian: number;
  readonly msMin: number;
  readonly predictedMs: number | null;
  readonly runs: number;
  readonly rivals: readonly { readonly version: string; readonly msMedian: number; readonly msMin: number; readonly ratio: number }[];
}

function render(results: readonly Result[], shapes: Readonly<Record<string, readonly number[]>>): string {
  const ms = (value: number | null) => (value === null ? "" : value.toFixed(4));
  const rows = results.map((r) => [r.backend, ms(r.msMedian), ms(r.msMin), ms(r.predictedMs), r.rivals[0]?.ratio.toFixed(3) ?? ""]);
  const [rival] = results[0]?.rivals ?? [];
  const theirs = rival ? [[`onnxruntime ${rival.version}`, ms(rival.msMedian), ms(rival.msMin), "", ""]] : [];
  const inputs = Object.entries(shapes).map(([name, shape]) => `${name} [${shape.join(", ")}]`);
  return [
    table(["backend", "median ms", "min ms", "predicted ms", "ONNX Runtime / ours"], [...rows, ...theirs]),
    `${results[0]?.runs} runs of each, taking turns, ${threads} thread, inputs ${inputs.join(", ")}`,
  ].join("\n");
}
