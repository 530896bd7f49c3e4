/** @file `tersor run FILE --image PHOTO`: runs a model once, on arrays, a picture or seeded noise. */

import { join } from "node:path";
import type { Command } from "commander";
import type { Module } from "../../../ir-spec/index.ts";
import { imagePreprocessing, RuntimeError, type Session, type Tensor } from "../../../runtime/index.ts";
import { writeNpy } from "../../data/npy.ts";
import { backendNames } from "../backends.ts";
import { type ConfigFlags, loadConfig } from "../config.ts";
import { UsageError } from "../failure.ts";
import { writeWhole } from "../files.ts";
import { imageInput, inputSizes, inputsFromFiles, seededInputs } from "../inputs.ts";
import type { Output } from "../output.ts";
import { type Ranked, ranked, rankedText } from "../ranking.ts";
import { loadRunnable, openRunnable } from "../runnable.ts";

interface Flags extends ConfigFlags {
  readonly input: readonly string[];
  readonly image?: string;
  readonly backend?: string;
  readonly output?: string;
  readonly seed?: string;
  readonly dim: readonly string[];
}

export function addRun(program: Command, output: () => Output): void {
  program
    .command("run")
    .description("run a model once and print its outputs; of class scores, the five highest")
    .argument("<file>", "a .tsr file; .onnx and .tir are compiled first, uncompressed")
    .option("--image <file>", "a JPEG or PNG picture, prepared as the file declares")
    .option("-i, --input <NAME=FILE...>", "inputs: .npy arrays, or a picture for the input that declares preprocessing", [])
    .option("--seed <n>", "fill inputs that are not given with seeded noise")
    .option("--dim <N=4...>", "sizes of symbolic dims of seeded inputs", [])
    .option("-b, --backend <name>", `${backendNames.join(" | ")} (default: wasm)`)
    .option("-o, --output <folder>", "write each output as NAME.npy into this folder")
    .addHelpText("after", "\nExample:\n  tersor run model.tsr --image photo.jpg\n  tersor run model.tsr --input image=digit.npy")
    .action((file: string, flags: Flags) => run(file, flags, output()));
}

async function run(file: string, flags: Flags, output: Output): Promise<void> {
  const config = await loadConfig(flags);
  const backend = flags.backend ?? config.backend ?? "wasm";
  const runnable = await openRunnable(file, backend, config);
  const session = await loadRunnable(runnable, backend, config);
  const outputs = await session.run(await gatherInputs(session, runnable.module, flags));
  const labels = imagePreprocessing(session.info)?.labels ?? null;
  session.dispose();
  if (flags.output !== undefined) {
    for (const [name, tensor] of Object.entries(outputs))
      await writeWhole(join(flags.output, `${name.replaceAll("/", "_")}.npy`), writeNpy(tensor));
  }
  const list = Object.entries(outputs).map(([name, t]) => shown(name, t, labels));
  output.result({ model: file, backend, outputs: list }, list.map(describe).join("\n"));
}

async function gatherInputs(session: Session, module: Module | null, flags: Flags): Promise<Record<string, Tensor>> {
  if (flags.image !== undefined && flags.input.length > 0 && Object.keys(session.inputs).length === 1)
    throw new UsageError("the model has one input: give --image or --input, not both");
  const picture = flags.image === undefined ? {} : await imageInput(flags.image, session);
  const given = { ...picture, ...(await inputsFromFiles(flags.input, session)) };
  const missing = Object.keys(session.inputs).filter((name) => !Object.hasOwn(given, name));
  if (missing.length === 0) return given;
  if (flags.seed === undefined)
    throw new RuntimeError("R0302", `input ${missing.join(", ")} is missing: give --image, --input NAME=FILE or --seed`, "run");
  return { ...seededInputs(session.inputs, Number(flags.seed), inputSizes(module, flags.dim)), ...given };
}

interface Shown {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
  /** The classes with the highest scores, where the output is a list of scores. */
  readonly top: readonly Ranked[] | null;
}

function shown(name: string, tensor: Tensor, labels: readonly string[] | null): Shown {
  const values = Array.from(tensor.data.subarray(0, 1000) as ArrayLike<number | bigint>, Number);
  return { name, dtype: tensor.dtype, shape: tensor.shape, values, top: ranked(tensor, labels) };
}

function describe({ name, dtype, shape, values, top }: Shown): string {
  const kind = `${name}: ${dtype} [${shape.join(", ")}]`;
  if (top) return `${kind}, highest scores\n${rankedText(top)}`;
  const first = values.slice(0, 10).map((v) => Number(v.toPrecision(6)));
  return `${kind} = ${first.join(", ")}${values.length > 10 ? ", ..." : ""}`;
}
