/** @file `tersor opt FILE --pipeline "..."`: text in, text out, for people who write passes. */
import type { Command } from "commander";
import { interpreterExecutor } from "../../interpret/executor.ts";
import { runPipeline } from "../../pass/manager.ts";
import { printPipeline } from "../../pass/pipeline-text.ts";
import { createHost, presetText, resolvePipeline } from "../../plugin/host.ts";
import { printModule } from "../../text/index.ts";
import { type ConfigFlags, loadConfig } from "../config.ts";
import { openPrepared } from "../data.ts";
import { writeWhole } from "../files.ts";
import { openModel } from "../models.ts";
import { bytesText, type Output, table } from "../output.ts";
import { hooksOf } from "./compile.ts";

interface Flags extends ConfigFlags {
  readonly pipeline?: string;
  readonly preset?: string;
  readonly output?: string;
  readonly data?: string;
  readonly seed: string;
  readonly elide?: string;
  readonly printBefore?: string;
  readonly printAfter?: string;
  readonly stopAfter?: string;
  readonly timing?: boolean;
  readonly printPipeline?: boolean;
}

export function addOpt(program: Command, output: () => Output): void {
  program
    .command("opt")
    .description("run exactly these passes over a module and print the result")
    .argument("<model>", ".tir, .onnx or .tsr")
    .option("--pipeline <text>", "passes with options", "")
    .option("-p, --preset <name>", "a named pipeline instead")
    .option("-o, --output <file>", "write the text here instead of standard output")
    .option("-d, --data <spec>", "samples for passes that calibrate")
    .option("--seed <n>", "seed of everything random", "0")
    .option("--elide <bytes>", "leave out data longer than this")
    .option("--print-before <pass>", "print before this pass (or `all`), on standard error")
    .option("--print-after <pass>", "print after this pass (or `all`), on standard error")
    .option("--stop-after <pass>", "run no pass after this one")
    .option("--timing", "a table of the passes on standard error")
    .option("--print-pipeline", "print the pipeline and run nothing")
    .addHelpText("after", '\nExample:\n  tersor opt model.tir --pipeline "fold-constants,canonicalize,dce"')
    .action((model: string, flags: Flags) => opt(model, flags, output()));
}

async function opt(model: string, flags: Flags, output: Output): Promise<void> {
  const config = await loadConfig(flags);
  const host = createHost(config.plugins);
  const passes = resolvePipeline(host, flags.preset === undefined ? (flags.pipeline ?? "") : presetText(host, flags.preset));
  const pipeline = printPipeline(passes.map((p) => p.item));
  if (flags.printPipeline) return output.result({ pipeline }, pipeline);
  const opened = await openModel(model, { registry: host.ops });
  const result = await runPipeline(opened.module, passes, {
    registry: host.ops,
    executor: interpreterExecutor(host.ops),
    data: flags.data === undefined ? null : await openPrepared(flags.data, opened.module, config.preprocessing),
    seed: Number(flags.seed),
    hooks: hooksOf(flags, output),
    stopAfter: flags.stopAfter ?? null,
  });
  if (flags.timing) {
    const rows = result.records.map((r) => [r.name, r.changed ? "changed" : "unchanged", r.ms.toFixed(2), bytesText(r.bytesAfter)]);
    output.note(table(["pass", "", "ms", "data bytes"], rows));
  }
  for (const warning of result.warnings) output.note(`warning: ${warning}`);
  const text = printModule(result.module, flags.elide === undefined ? {} : { elide: Number(flags.elide) });
  if (flags.output === undefined) return output.result({ model, pipeline, text, warnings: result.warnings }, text);
  await writeWhole(flags.output, text);
  output.result({ model, pipeline, output: flags.output, warnings: result.warnings }, "");
}
