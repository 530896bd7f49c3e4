#!/usr/bin/env node
/** @file The command line's start and end: one exit code per kind of failure. */
import { CommanderError } from "commander";
import { describeFailure, type Failure } from "./failure.ts";
import { createOutput, type Output } from "./output.ts";
import { buildProgram } from "./program.ts";

const wantsJson = process.argv.includes("--json");
const output = (): Output => createOutput(wantsJson);

function fail(failure: Failure): void {
  if (wantsJson)
    process.stdout.write(`${JSON.stringify({ error: { code: failure.code, message: failure.message, where: failure.where } })}\n`);
  else process.stderr.write(`${failure.text}\n`);
  process.exitCode = failure.exitCode;
}

async function main(): Promise<void> {
  try {
    await buildProgram(output, (text) => void (wantsJson || process.stderr.write(text))).parseAsync(process.argv);
  } catch (error) {
    if (!(error instanceof CommanderError)) return fail(describeFailure(error));
    if (error.exitCode === 0) return;
    const shown = { code: "E0001", message: error.message, where: "command line", text: "", exitCode: 2 } as const;
    if (wantsJson) fail(shown);
    process.exitCode = 2;
  }
}

await main();
