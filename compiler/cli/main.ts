#!/usr/bin/env node
/** @file The command line: one command per file, one exit code per kind of failure. */
import { Command, CommanderError } from "commander";
import { compilerVersion } from "../version.ts";
import { addCompile } from "./commands/compile.ts";
import { addEval } from "./commands/eval.ts";
import { addInspect } from "./commands/inspect.ts";
import { addOpt } from "./commands/opt.ts";
import { addPrint } from "./commands/print.ts";
import { addRun } from "./commands/run.ts";
import { addStart } from "./commands/start.ts";
import { addVerify } from "./commands/verify.ts";
import { describeFailure, type Failure } from "./failure.ts";
import { createOutput, type Output } from "./output.ts";

const wantsJson = process.argv.includes("--json");
const output = (): Output => createOutput(wantsJson);

function buildProgram(): Command {
  const program = new Command("tersor")
    .description("makes trained neural networks small and fast")
    .version(compilerVersion)
    .option("--json", "print one JSON object on standard output and nothing else")
    .configureOutput({ writeErr: (text) => void (wantsJson || process.stderr.write(text)) })
    .exitOverride();
  for (const add of [addStart, addCompile, addRun, addEval, addOpt, addPrint, addInspect, addVerify]) add(program, output);
  for (const command of program.commands)
    command
      .option("--json", "print one JSON object on standard output and nothing else")
      .exitOverride()
      .showHelpAfterError("(--help shows what it takes)");
  return program;
}

function fail(failure: Failure): void {
  if (wantsJson)
    process.stdout.write(`${JSON.stringify({ error: { code: failure.code, message: failure.message, where: failure.where } })}\n`);
  else process.stderr.write(`${failure.text}\n`);
  process.exitCode = failure.exitCode;
}

async function main(): Promise<void> {
  try {
    await buildProgram().parseAsync(process.argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) return fail(describeFailure(error));
    if (error.exitCode === 0) return;
    const shown = { code: "E0001", message: error.message, where: "command line", text: "", exitCode: 2 } as const;
    if (wantsJson) fail(shown);
    process.exitCode = 2;
  }
}

await main();
