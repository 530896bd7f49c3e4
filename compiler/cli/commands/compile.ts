/** @file `tersor compile MODEL -o OUT`: import, run the pipeline, emit, report. */
import { basename } from "node:path";
import type { Command } from "commander";
import { type CompileOptions, type CompileResult, compile, defaultTargets } from "../../compile.ts";
import type { ManagerHooks } from "../../pass/manager.ts";
import { createHost } from "../../plugin/host.ts";
import { printModule } from "../../text/index.ts";
import { openData } from "../data.ts";
import { UsageError } from "../failure.ts";
import { writeWhole } from "../files.ts";
import { type OpenedModel, openModel } from "../models.ts";
import { bytesText, type Output, table } from "../output.ts";
import { bundledPlugins } from "../plugins.ts";

interface Flags {
  readonly output: string;
  readonly target?: string;
  readonly preset?: string;
  readonly passes?: string;
  readonly data?: string;
  readonly seed: string;
  readonly report?: string;
  readonly printBefore?: string;
  readonly printAfter?: string;
  readonly stopAfter?: string;
  readonly keepBatch?: boolean;
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
    .option("-d, --data <spec>", "unlabelled samples for passes that calibrate: digits, mnist:DIR, npz:FILE")
    .option("--seed <n>", "seed of everything random", "0")
    .option("--print-before <pass>", "print the module before this pass (or `all`), on standard error")
    .option("--print-after <pass>", "print the module after this pass (or `all`), on standard error")
    .option("--stop-after <pass>", "run no pass after this one")
    .option("--keep-batch", "keep a batch of 1 fixed in the model instead of making it symbolic")
    .addHelpText("after", "\nExample:\n  tersor compile model.onnx -o model.tsr --preset default --data mnist:data/mnist")
    .action(async (model: string, flags: Flags) => {
      const { opened, result } = await compileModel(model, flags, output());
      await writeWhole(flags.output, result.bytes);
      report(opened, result, flags, output());
    });
}

export async function compileModel(
  model: string,
  flags: Flags,
  output: Output,
): Promise<{ readonly opened: OpenedModel; readonly result: CompileResult }> {
  if (flags.preset !== undefined && flags.passes !== undefined) throw new UsageError("give --preset or --passes, not both");
  const host = createHost(bundledPlugins());
  const opened = await openModel(model, { registry: host.ops, dynamicBatch: !flags.keepBatch });
  const data = flags.data === undefined ? null : await openData(flags.data, "train", 1024);
  const bar = output.progress(basename(model));
  const result = await compile(opened.module, {
    ...optionsOf(flags),
    data,
    modelSha256: opened.sha256,
    hooks: hooksOf(flags, output, (f, n) => bar.update(f, n)),
  });
  bar.done();
  return { opened, result };
}

function optionsOf(flags: Flags): CompileOptions {
  const seed = Number(flags.seed);
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff)
    throw new UsageError(`--seed ${flags.seed} must be an integer from 0 to 4294967295`);
  return {
    plugins: bundledPlugins(),
    seed,
    ...(flags.target === undefined ? {} : { targets: flags.target.split(",").map((t) => t.trim()) }),
    ...(flags.preset === undefined ? {} : { preset: flags.preset }),
    ...(flags.passes === undefined ? {} : { pipeline: flags.passes }),
    ...(flags.preset === undefined && flags.passes === undefined ? { preset: "default" } : {}),
    ...(flags.stopAfter === undefined ? {} : { stopAfter: flags.stopAfter }),
  };
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

function report(opened: OpenedModel, result: CompileResult, flags: Flags, output: Output): void {
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
    `${opened.path}: ${bytesText(opened.bytes.length)} bytes -> ${flags.output}: ${bytesText(result.bytes.length)} bytes (${(opened.bytes.length / result.bytes.length).toFixed(2)} times smaller)`,
  ].join("\n");
  const target = result.plans.map((p) => p.target).join(",");
  const object = {
    input: opened.path,
    output: flags.output,
    target,
    bytesIn: opened.bytes.length,
    bytesOut: result.bytes.length,
    pipeline: result.pipeline,
    passes,
    warnings: result.warnings,
  };
  output.result(object, text);
}

function signed(n: number): string {
  return n === 0 ? "" : `${n > 0 ? "+" : ""}${bytesText(n)}`;
}
