/** @file `tersor print MODEL`: the canonical text of an .onnx, .tir or .tsr file. */
import type { Command } from "commander";
import { createHost } from "../../plugin/host.ts";
import { printModule } from "../../text/index.ts";
import { type ConfigFlags, loadConfig } from "../config.ts";
import { openModel } from "../models.ts";
import type { Output } from "../output.ts";

export function addPrint(program: Command, output: () => Output): void {
  program
    .command("print")
    .description("print the canonical text of a model on standard output")
    .argument("<model>", ".onnx, .tir or .tsr")
    .option("--elide <bytes>", "leave out data longer than this")
    .addHelpText("after", "\nExample:\n  tersor print model.onnx --elide 64 | less")
    .action(async (model: string, flags: ConfigFlags & { readonly elide?: string }) => {
      const { plugins } = await loadConfig(flags);
      const opened = await openModel(model, { registry: createHost(plugins).ops });
      const text = printModule(opened.module, flags.elide === undefined ? {} : { elide: Number(flags.elide) });
      output().result({ model, format: opened.format, text }, text);
    });
}
