/** @file What the tests of passes share: reading text, and running a pipeline of general and plugin passes with the interpreter. */

import {
  type ManagerOptions,
  type Pass,
  PassRegistry,
  type PipelineResult,
  parsePipeline,
  type ResolvedPass,
  runPipeline,
} from "../../compiler/index.ts";
import { interpreterExecutor } from "../../compiler/interpret/executor.ts";
import { generalPasses } from "../../compiler/passes/index.ts";
import { printModule, readModule } from "../../compiler/text/index.ts";
import { createCoreRegistry, type Module, TersorError } from "../../ir-spec/index.ts";
import { binarize } from "../../plugins/binarize/index.ts";
import { entropy } from "../../plugins/entropy/index.ts";
import { lowRank } from "../../plugins/low-rank/index.ts";
import { prune } from "../../plugins/prune/index.ts";
import { quantize } from "../../plugins/quantize/index.ts";
import { repair } from "../../plugins/repair/index.ts";
import { share } from "../../plugins/share/index.ts";

export const registry = createCoreRegistry();

const plugins = [prune(), lowRank(), share(), quantize(), binarize(), repair(), entropy()];

export const passes = new PassRegistry([
  { owner: "core", passes: generalPasses },
  ...plugins.map((plugin) => ({ owner: plugin.name, passes: plugin.passes ?? [] })),
]);

/** `tersor 1.0` and `module @m` are put around the text. */
export function readBody(body: string): Module {
  return readModule(`tersor 1.0\nmodule @m {\n${body}\n}\n`, { registry, file: "test.tir" });
}

export function resolve(pipeline: string, table: PassRegistry = passes): readonly ResolvedPass[] {
  return parsePipeline(pipeline).map((item) => table.resolve(item));
}

export function run(
  module: Module,
  pipeline: string | readonly ResolvedPass[],
  options: Partial<ManagerOptions> = {},
): Promise<PipelineResult> {
  const resolved = typeof pipeline === "string" ? resolve(pipeline) : pipeline;
  return runPipeline(module, resolved, { registry, executor: interpreterExecutor(registry), ...options });
}

export async function optimized(module: Module, pipeline: string): Promise<string> {
  return printModule((await run(module, pipeline)).module);
}

/** Resolved as if a plugin of that name had brought them. */
export function resolved(list: readonly Pass[], owner = "test"): readonly ResolvedPass[] {
  return list.map((pass) => new PassRegistry([{ owner, passes: [pass] }]).resolve({ pass: pass.name, options: {} }));
}

/** The error that the call ends with. */
export async function failure(call: () => unknown): Promise<TersorError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof TersorError) return error;
    throw error;
  }
  throw new Error("no error");
}
