/** @file `tersor compile MODEL -o OUT`: import, run the pipeline, emit, report. */
import { basename } from "node:path";
import type { Command } from "commander";
import { type Module, TersorError } from "../../../ir-spec/index.ts";
import { wasm } from "../../../runtime/backends/wasm/index.ts";
import { sessionExecutor } from "../../calibrate/index.ts";
import { type CompileOptions, type CompileResult, compile, defaultTargets, preprocessingOf, targetNamed } from "../../compile.ts";
import { declaredPreprocessing, type PreprocessingDeclaration } from "../../emit/preprocessing.ts";
import { interpreterExecutor } from "../../interpret/executor.ts";
import type { ManagerHooks } from "../../pass/manager.ts";
import type { Executor } from "../../pass/pass.ts";
import { createHost, type Host } from "../../plugin/host.ts";
import { printModule } from "../../text/index.ts";
import { type ConfigFlags, type Configuration, loadConfig } from "../config.ts";
import { openData } from "../data.ts";
import { UsageError } from "../failure.ts";
import { readBytes, writeWhole } from "../files.ts";
import { measureTargets } from "../measure-targets.ts";
import { type OpenedModel, openModel } from "../models.ts";
import { bytesText, type Output, table } from "../output.ts";
import { Baseline } from "../report/baseline.ts";
import { compileReport } from "../report/html.ts";
import { type TargetRow, targetRows, targetTable } from "../report/targets.ts";

interface Flags extends ConfigFlags {
  readonly output: string;
  readonly preprocess?: string;
  readonly target?: string;
  readonly preset?: string;
  readonly passes?: string;
  readonly data?: string;
  readonly seed?: string;
  readonly size?: boolean;
  readonly report?: string;
  readonly printBefore?: string;
  readonly printAfter?: string;
  readonly stopAfter?: string;
  readonly keepBatch?: boolean;
  readonly measure?: boolean;
}

export function addCompile(program: Command, output: () => Output): void {
  program
    .command("compile")
    .description("compile a model (.onnx, .tir, .tsr) to one .tsr file")
    .argument("<model>", "the model")
    .requiredOption("-o, --output <file>", "the .tsr file to write")
    .option("-t, --target <names>", `targets, comma-separated (default: ${defaultTargets.join(",")})`)
    .option("-p, --preset <name>", "a named pipeline: default, none")
    .option("--passes <pipeline>", 'pipeline text, e.g. "prune-magnitude{sparsity=60%},share-weights{clusters=16}"; "" compresses nothing')
    .option("-d, --data <spec>", "unlabelled samples for passes that calibrate: digits, mnist:DIR, npz:FILE, images:DIR")
    .option(
      "--preprocess <file>",
      'JSON that says how pictures become the input, e.g. {"scale": 0.00392156862745098, "mean": 0.5, "std": 0.5}',
    )
    .option("--report <file>", "write an HTML report: per layer what was done, bytes, error, time")
    .option("--size", "size mode, for small models: names and the build record are dropped, default target wasm-simd alone")
    .option("--seed <n>", "seed of everything random (default: 0)")
    .option("--print-before <pass>", "print the module before this pass (or `all`), on standard error")
    .option("--print-after <pass>", "print the module after this pass (or `all`), on standard error")
    .option("--stop-after <pass>", "run no pass after this one")
    .option("--no-measure", "do not time the file on the targets that run here")
    .option("--keep-batch", "keep a batch of 1 fixed in the model instead of making it symbolic")
    .addHelpText("after", "\nExample:\n  tersor compile model.onnx -o model.tsr --preset default --data mnist:data/mnist")
    .action(async (model: string, flags: Flags) => {
      const config = await loadConfig(flags);
      const { opened, result, baseline } = await compileModel(model, flags, config, output());
      await writeWhole(flags.output, result.bytes);
      const page = flags.report ?? config.report;
      const targets = targetRows(result, flags.measure ? await measureTargets(result.bytes, result.module, config) : []);
      if (page !== undefined) await writeWhole(page, compileReport({ opened, compiled: result, baseline, targets }));
      report(opened, result, { flags, page, targets }, output());
    });
}

export async function compileModel(
  model: string,
  flags: Flags,
  config: Configuration,
  output: Output,
): Promise<{ readonly opened: OpenedModel; readonly result: CompileResult; readonly baseline: Module }> {
  if (flags.preset !== undefined && flags.passes !== undefined) throw new UsageError("give --preset or --passes, not both");
  const host = createHost(config.plugins);
  const opened = await openModel(model, { registry: host.ops, dynamicBatch: !flags.keepBatch });
  const options = { ...optionsOf(flags, config), ...(await preprocessingFor(opened.module, flags, config)) };
  const spec = flags.data ?? config.data;
  const data = spec === undefined ? null : await openData(spec, "train", 1024, preprocessingOf(opened.module, options.preprocessing));
  const bar = output.progress(basename(model));
  const baseline = new Baseline(hooksOf(flags, output, (f, n) => bar.update(f, n)));
  const result = await compile(opened.module, {
    ...options,
    data,
    executor: calibrationExecutor(host),
    modelSha256: opened.sha256,
    hooks: baseline.hooks,
  });
  bar.done();
  return { opened, result, baseline: baseline.module ?? opened.module };
}

/** Calibration runs on wasm; on what it has no kernels for, on the interpreter. */
function calibrationExecutor(host: Host): Executor {
  const fallback = interpreterExecutor(host.ops);
  return sessionExecutor({ registry: host.ops, target: targetNamed(host, "wasm-simd"), backend: wasm(), fallback });
}

/** Flags win over the configuration. */
function optionsOf(flags: Flags, config: Configuration): CompileOptions {
  const seed = flags.seed === undefined ? (config.seed ?? 0) : Number(flags.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
    throw new UsageError(`--seed ${flags.seed} must be an integer from 0 to 4294967295`);
  const targets = flags.target?.split(",").map((t) => t.trim()) ?? config.targets;
  return {
    plugins: config.plugins,
    seed,
    ...pipelineOf(flags, config),
    ...(targets === undefined ? {} : { targets }),
    ...(flags.size ? { size: true } : {}),
    ...(config.fallback === undefined ? {} : { fallback: config.fallback }),
    ...(flags.stopAfter === undefined ? {} : { stopAfter: flags.stopAfter }),
  };
}

function pipelineOf(flags: Flags, config: Configuration): Pick<CompileOptions, "preset" | "pipeline"> {
  if (flags.passes !== undefined) return { pipeline: flags.passes };
  if (flags.preset !== undefined) return { preset: flags.preset };
  return config.passes === undefined ? { preset: config.preset ?? "default" } : { pipeline: config.passes };
}

/** What is declared here, checked against the model, so that an error names the file that says it. */
async function preprocessingFor(
  module: Module,
  { preprocess }: Flags,
  config: Configuration,
): Promise<Pick<CompileOptions, "preprocessing">> {
  const declared = preprocess === undefined ? config.preprocessing : await readPreprocessing(preprocess);
  if (declared === undefined) return {};
  return { preprocessing: declaredPreprocessing(module, declared, preprocess ?? config.file ?? "the declaration") };
}

/** @throws TersorError E0915 when the file is no JSON record; its fields are checked against the model later. */
async function readPreprocessing(path: string): Promise<PreprocessingDeclaration> {
  const text = new TextDecoder().decode(await readBytes(path));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new TersorError({ code: "E0915", message: cause instanceof Error ? cause.message : String(cause), where: path });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as PreprocessingDeclaration;
  throw new TersorError({ code: "E0915", message: "expected a JSON record", where: path });
}

export function hooksOf(
  flags: { readonly printBefore?: string; readonly printAfter?: string },
  output: Output,
  progress: (fraction: number, note: string) => void = () => undefined,
): ManagerHooks {
  const wanted = (flag: string | undefined, name: string) => flag === "all" || flag === name;
  return {
    beforePass(pass, module) {
      if (wanted(flags.printBefore, pass.pass.name)) output.note(`// before ${pass.pass.name}\n${printModule(module, { elide: 256 })}`);
    },
    afterPass(pass, module, record) {
      if (record.changed && wanted(flags.printAfter, pass.pass.name))
        output.note(`// after ${pass.pass.name}\n${printModule(module, { elide: 256 })}`);
    },
    progress: (pass, index, count, fraction) => progress((index + fraction) / count, pass.pass.name),
  };
}

interface Reported {
  readonly flags: Flags;
  readonly page: string | undefined;
  readonly targets: readonly TargetRow[];
}

function report(opened: OpenedModel, result: CompileResult, { flags, page, targets }: Reported, output: Output): void {
  const passes = result.records.map(({ name, ms, bytesBefore, bytesAfter, changed }) => ({ name, ms, bytesBefore, bytesAfter, changed }));
  const rows = passes.map((p) => [
    p.name,
    p.changed ? "" : "unchanged",
    p.ms.toFixed(1),
    bytesText(p.bytesAfter),
    signed(p.bytesAfter - p.bytesBefore),
  ]);
  const text = [
    table(["pass", "", "ms", "data bytes", "change"], rows),
    ...result.warnings.map((w) => `warning: ${w}`),
    targetTable(targets),
    `${opened.path}: ${bytesText(opened.size)} bytes -> ${flags.output}: ${bytesText(result.bytes.length)} bytes (${(opened.size / result.bytes.length).toFixed(2)} times smaller)`,
  ].join("\n");
  const target = result.plans.map((p) => p.target).join(",");
  const object = {
    input: opened.path,
    output: flags.output,
    target,
    bytesIn: opened.size,
    bytesOut: result.bytes.length,
    pipeline: result.pipeline,
    passes,
    warnings: result.warnings,
    targets,
    copies: result.plans.flatMap(copiesOf),
    ...(page === undefined ? {} : { report: page }),
  };
  output.result(object, text);
}

/** Copies between backends, where a plan has any. */
function copiesOf({ target, crossings }: CompileResult["plans"][number]) {
  return crossings.map(({ direction, values, bytes, microseconds }) => ({
    ...{ target, direction, bytes, microseconds },
    values: values.map(({ name }) => name),
  }));
}

function signed(n: number): string {
  return n === 0 ? "" : `${n > 0 ? "+" : ""}${bytesText(n)}`;
}
