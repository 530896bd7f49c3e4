/**
 * @file Runs a `.tir` filetest: input, how to run it and what to expect in one file, after LLVM's lit with FileCheck and Cranelift's filetests.
 * Every problem must be expected on its line and every expectation met.
 */
import type { Module } from "../../../ir-spec/core/graph.ts";
import { type Problem, TersorError } from "../../../ir-spec/core/problem.ts";
import type { OpRegistry } from "../../../ir-spec/ops/registry.ts";
import type { Executor } from "../../pass/pass.ts";
import type { ResourceReader } from "../../text/lower/module.ts";
import { printModule } from "../../text/print/module.ts";
import { parseModule } from "../../text/read.ts";
import { verifyModule } from "../../verify/verify.ts";
import { checkOutput } from "./check.ts";
import { type Command, type ExpectedError, FileTestError, type Part, readParts } from "./directives.ts";
import { checkRun } from "./run-line.ts";

export interface FileTestTools {
  readonly registry: OpRegistry;
  /** Runs `opt --pipeline "..."`. */
  readonly runPipeline?: (module: Module, pipeline: string) => Promise<Module>;
  /** Engines for `// run:` lines, by name; the interpreter is `reference`. One that is absent is a skip, told in the report. */
  readonly executors?: Readonly<Record<string, Executor>>;
  readonly resources?: ResourceReader;
}

export interface FileTestReport {
  /** Expectations looked at: a test with none of them fails. */
  readonly checks: number;
  /** In words, each with its line. */
  readonly failures: readonly string[];
  /** `line 3: wasm`: run lines whose engine was not given. */
  readonly skipped: readonly string[];
}

export async function runFileTest(text: string, file: string, tools: FileTestTools): Promise<FileTestReport> {
  const failures: string[] = [];
  const skipped: string[] = [];
  let checks = 0;
  try {
    for (const part of readParts(text)) {
      checks += part.checks.length + part.errors.length + part.runs.length + part.commands.length;
      if (part.commands.length === 0 && part.text.trim() !== "") failures.push("no RUN line, no expected-error and no run line");
      for (const command of part.commands) await runPart(part, command, file, tools, failures, skipped);
    }
  } catch (error) {
    if (!(error instanceof FileTestError)) throw error;
    failures.push(error.message);
  }
  if (checks === 0 && failures.length === 0) failures.push("the file expects nothing");
  return { checks, failures: failures.map((failure) => `${file}: ${failure}`), skipped };
}

async function runPart(
  part: Part,
  command: Command,
  file: string,
  tools: FileTestTools,
  failures: string[],
  skipped: string[],
): Promise<void> {
  const outcome = await execute(part.text, command, file, tools);
  failures.push(...compareErrors(part.errors, outcome.problems));
  if (part.checks.length > 0 && outcome.output !== null) failures.push(...checkOutput(part.checks, outcome.output));
  else if (part.checks.length > 0 && part.errors.length === 0) failures.push("CHECK lines, but no output");
  if (!outcome.module) return;
  for (const run of part.runs) {
    for (const backend of run.backends) {
      const executor = tools.executors?.[backend];
      const failure = executor ? await checkRun(outcome.module, tools.registry, run, backend, executor) : null;
      if (failure !== null) failures.push(`line ${run.line}: ${failure}`);
      if (!executor) skipped.push(`line ${run.line}: ${backend}`);
    }
  }
}

/** A problem with its place in the file, where it has one. */
type Placed = Problem & { readonly line?: number; readonly column?: number };

interface Outcome {
  readonly module: Module | null;
  readonly output: string | null;
  readonly problems: readonly Placed[];
}

async function execute(text: string, command: Command, file: string, tools: FileTestTools): Promise<Outcome> {
  const { registry, resources } = tools;
  const { module, problems } = parseModule(text, { registry, file, ...(resources ? { resources } : {}) });
  if (!module) return { module: null, output: null, problems };
  if (command.kind === "opt") return optimize(module, command.pipeline, tools);
  if (command.kind === "print") {
    const { elide, hexFloats } = command;
    return { module, output: printModule(module, { hexFloats, ...(elide === null ? {} : { elide }) }), problems: [] };
  }
  return { module, output: printModule(module), problems: command.kind === "verify" ? verifyModule(module, registry) : [] };
}

async function optimize(module: Module, pipeline: string, { runPipeline }: FileTestTools): Promise<Outcome> {
  if (!runPipeline) throw new FileTestError("RUN: opt, but the runner was given no pipeline");
  try {
    const result = await runPipeline(module, pipeline);
    return { module: result, output: printModule(result), problems: [] };
  } catch (error) {
    if (!(error instanceof TersorError)) throw error;
    return { module: null, output: null, problems: error.problems };
  }
}

/** Each problem takes the first expectation that fits: its line (problems without one fit any), its column if given, part of its text. */
function compareErrors(expected: readonly ExpectedError[], problems: readonly Placed[]): string[] {
  const open = [...expected];
  const failures: string[] = [];
  for (const problem of problems) {
    const where = problem.where && !problem.line ? `${problem.where}: ` : "";
    const text = `${problem.code}: ${where}${problem.message}${problem.hint ? ` ${problem.hint}` : ""}`;
    const found = open.findIndex((e) => {
      const placed = !problem.line || (e.line === problem.line && (e.column === null || e.column === problem.column));
      return placed && (text.includes(e.text) || problem.message.includes(e.text));
    });
    if (found >= 0) open.splice(found, 1);
    else failures.push(`line ${problem.line ?? "?"}:${problem.column ?? "?"}: not expected: ${text}`);
  }
  for (const e of open)
    failures.push(`line ${e.at}: expected on line ${e.line}${e.column === null ? "" : `:${e.column}`}, not reported: ${e.text}`);
  return failures;
}
