/**
 * @file `tersor start [MODEL] [--data SPEC]`: the main job in one go. Compiles the model without and with the default pipeline, evaluates both files in fresh processes on
 * the test set, prints the table and writes the report. Without a model: the bundled network on the bundled digits.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Command } from "commander";
import { type CompileOptions, type CompileResult, compile, preprocessingOf } from "../../compile.ts";
import { createHost } from "../../plugin/host.ts";
import { type ConfigFlags, type Configuration, loadConfig } from "../config.ts";
import { openData } from "../data.ts";
import { UsageError } from "../failure.ts";
import { writeWhole } from "../files.ts";
import { measureTargets } from "../measure-targets.ts";
import { type OpenedModel, openModel } from "../models.ts";
import { bytesText, type Output, table } from "../output.ts";
import { bundledPlugins } from "../plugins.ts";
import { Baseline } from "../report/baseline.ts";
import { htmlReport, type MeasuredFile } from "../report/html.ts";
import { reportLayers } from "../report/layers.ts";
import { targetRows } from "../report/targets.ts";

interface Flags extends ConfigFlags {
  readonly data?: string;
  readonly preset?: string;
  readonly output: string;
}

const run = promisify(execFile);

export function addStart(program: Command, output: () => Output): void {
  program
    .command("start")
    .description("compress a model with the default pipeline, evaluate before and after in fresh processes, write a report")
    .argument("[model]", "an .onnx or .tir model; default: the bundled digit classifier")
    .option("-d, --data <spec>", "labelled data; default with the bundled model: digits")
    .option("-p, --preset <name>", "the pipeline (default: default)")
    .option("-o, --output <folder>", "where the files go", "out")
    .addHelpText("after", "\nExample:\n  npm start -- model.onnx --data mnist:data/mnist")
    .action((model: string | undefined, flags: Flags) => start(model, flags, output()));
}

async function start(model: string | undefined, flags: Flags, output: Output): Promise<void> {
  const config = await configurationFor(model, flags);
  const { plugins } = config;
  const data = flags.data ?? config.data ?? (model === undefined ? "digits" : null);
  if (data === null) throw new UsageError("give --data SPEC with a model of your own, e.g. --data mnist:DIR");
  const opened = await openModel(model ?? bundledModel(), { registry: createHost(plugins).ops, dynamicBatch: true });
  const name = basename(opened.path).replace(/\.(onnx|tir|tsr)$/, "");
  const declared = preprocessingOf(opened.module, config.preprocessing);
  const samples = await openData(data, "train", 1024, declared);
  const files = {
    before: join(flags.output, `${name}.plain.tsr`),
    after: join(flags.output, `${name}.tsr`),
    report: join(flags.output, `${name}.html`),
  };
  output.note(`${opened.path}: compiling, plain and compressed`);
  const shared = {
    plugins,
    seed: config.seed ?? 0,
    data: samples,
    modelSha256: opened.sha256,
    ...(declared ? { preprocessing: declared } : {}),
  };
  const plain = await compile(opened.module, { ...shared, pipeline: "" });
  const baseline = new Baseline();
  const small = await compile(opened.module, { ...shared, ...pipelineOf(flags, config), hooks: baseline.hooks });
  await writeWhole(files.before, plain.bytes);
  await writeWhole(files.after, small.bytes);
  output.note(`evaluating both files on ${data}, each in a fresh process`);
  const before = await evaluateFresh(files.before, data, config);
  const after = await evaluateFresh(files.after, data, config);
  const layers = reportLayers(baseline.module ?? plain.module, small);
  const targets = targetRows(small, await measureTargets(small.bytes, small.module, config));
  await writeWhole(
    files.report,
    htmlReport({ name, source: sourceFacts(opened), measured: { before, after }, layers, compiled: small, targets }),
  );
  summarize({ opened, before, after, files, compiled: small }, output);
}

/** A configuration is about a model of one's own; the bundled one takes none, unless it is given by name. */
async function configurationFor(model: string | undefined, flags: Flags): Promise<Configuration> {
  return model === undefined && flags.config === undefined ? { file: null, plugins: bundledPlugins() } : await loadConfig(flags);
}

function pipelineOf(flags: Flags, config: Configuration): Pick<CompileOptions, "preset" | "pipeline"> {
  if (flags.preset === undefined && config.passes !== undefined) return { pipeline: config.passes };
  return { preset: flags.preset ?? config.preset ?? "default" };
}

/** The model that the package ships in `examples/digits`, found from the package's root. */
function bundledModel(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return join(folder, "examples", "digits", "lenet5.tir");
}

/** `tersor eval` in a process of its own: nothing but the file's bytes reaches it. */
async function evaluateFresh(file: string, data: string, config: Configuration): Promise<MeasuredFile> {
  const cli = fileURLToPath(import.meta.url);
  const args = [...process.execArgv, process.argv[1] ?? cli, "eval", resolve(file), "--data", data, "--backend", "wasm", "--json"];
  if (config.file !== null) args.push("--config", config.file);
  const { stdout } = await run(process.execPath, args, { maxBuffer: 1 << 24, cwd: process.cwd() });
  return JSON.parse(stdout) as MeasuredFile;
}

function sourceFacts(opened: OpenedModel): { readonly path: string; readonly bytes: number } {
  return { path: basename(opened.path), bytes: opened.size };
}

interface Summary {
  readonly opened: OpenedModel;
  readonly before: MeasuredFile;
  readonly after: MeasuredFile;
  readonly files: { readonly before: string; readonly after: string; readonly report: string };
  readonly compiled: CompileResult;
}

function summarize({ opened, before, after, files, compiled }: Summary, output: Output): void {
  const row = (label: string, m: MeasuredFile) => [
    label,
    bytesText(m.bytes),
    `${(100 * m.value).toFixed(2)} %`,
    `${m.msMedian.toFixed(3)} ms`,
  ];
  const lines = [
    table(["", "bytes on disk", "accuracy", "median latency"], [row("before", before), row("after", after)]),
    `${(before.bytes / after.bytes).toFixed(1)} times smaller, ${(100 * (after.value - before.value)).toFixed(2)} points of accuracy on ${after.count} test samples (wasm, 1 thread, batch 1)`,
    ...compiled.warnings.map((w) => `warning: ${w}`),
    `model   ${resolve(files.after)}`,
    `report  ${resolve(files.report)}`,
  ];
  const object = {
    input: opened.path,
    output: files.after,
    report: files.report,
    before,
    after,
    ratio: before.bytes / after.bytes,
    pipeline: compiled.pipeline,
    warnings: compiled.warnings,
  };
  output.result(object, lines.join("\n"));
}
