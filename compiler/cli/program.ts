/** @file Every command with what all of them take. */
import { Command } from "commander";
import { compilerVersion } from "../version.ts";
import { addBench } from "./commands/bench.ts";
import { addCalibrate } from "./commands/calibrate.ts";
import { addCheck } from "./commands/check.ts";
import { addCompile } from "./commands/compile.ts";
import { addConformance } from "./commands/conformance.ts";
import { addConvert } from "./commands/convert.ts";
import { addDiff } from "./commands/diff.ts";
import { addEval } from "./commands/eval.ts";
import { addInspect } from "./commands/inspect.ts";
import { addOpt } from "./commands/opt.ts";
import { addPrint } from "./commands/print.ts";
import { addRun } from "./commands/run.ts";
import { addStart } from "./commands/start.ts";
import { addVerify } from "./commands/verify.ts";
import type { Output } from "./output.ts";

const commands = [
  addStart,
  addCompile,
  addRun,
  addEval,
  addCheck,
  addVerify,
  addConformance,
  addBench,
  addCalibrate,
  addDiff,
  addInspect,
  addConvert,
  addOpt,
  addPrint,
];

/** @param writeError where commander's own complaints go */
export function buildProgram(output: () => Output, writeError: (text: string) => void): Command {
  const program = new Command("tersor")
    .description("makes trained neural networks small and fast")
    .version(compilerVersion)
    .option("--json", "print one JSON object on standard output and nothing else")
    .configureOutput({ writeErr: writeError })
    .exitOverride();
  for (const add of commands) add(program, output);
  for (const command of program.commands)
    command
      .option("--json", "print one JSON object on standard output and nothing else")
      .option("--cost-profile <file>", "what `tersor calibrate` wrote, instead of the shipped profile of its target")
      .option("--fallback <backend>", "wasm: where ops run that webgpu has no kernel for, with copies between (default: they are refused)")
      .option("--config <file>", "instead of tersor.config.ts in this folder")
      .exitOverride()
      .showHelpAfterError("(--help shows what it takes)");
  return program;
}
