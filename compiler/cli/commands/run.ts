/** @file `tersor run FILE --input NAME=F.npy`: runs a `.tsr` file once. */
import { join } from "node:path";
import type { Command } from "commander";
import { load, RuntimeError, type Session, type Tensor } from "../../../runtime/index.ts";
import { readNpy, writeNpy } from "../../data/npy.ts";
import { backendNamed, backendNames } from "../backends.ts";
import { UsageError } from "../failure.ts";
import { readBytes, writeWhole } from "../files.ts";
import { seededInputs } from "../inputs.ts";
import type { Output } from "../output.ts";

interface Flags {
  readonly input: readonly string[];
  readonly backend: string;
  readonly output?: string;
  readonly seed?: string;
  readonly dim: readonly string[];
}

export function addRun(program: Command, output: () => Output): void {
  program
    .command("run")
    .description("run a .tsr file once and print its outputs")
    .argument("<file>", "the .tsr file")
    .option("-i, --input <NAME=FILE.npy...>", "inputs", [])
    .option("--seed <n>", "fill inputs that are not given with seeded noise")
    .option("--dim <N=4...>", "sizes of symbolic dims of seeded inputs", [])
    .option("-b, --backend <name>", backendNames.join(" | "), "wasm")
    .option("-o, --output <folder>", "write each output as NAME.npy into this folder")
    .addHelpText("after", "\nExample:\n  tersor run model.tsr --input image=digit.npy")
    .action(async (file: string, flags: Flags) => {
      const session = await load(await readBytes(file), { backends: [backendNamed(flags.backend).make()] });
      const outputs = await session.run(await gatherInputs(session, flags));
      session.dispose();
      if (flags.output !== undefined) {
        for (const [name, tensor] of Object.entries(outputs))
          await writeWhole(join(flags.output, `${name.replaceAll("/", "_")}.npy`), writeNpy(tensor));
      }
      const list = Object.entries(outputs).map(([name, t]) => ({
        name,
        dtype: t.dtype,
        shape: t.shape,
        values: numbers(t).slice(0, 1000),
      }));
      output().result({ model: file, backend: flags.backend, outputs: list }, list.map(describe).join("\n"));
    });
}

async function gatherInputs(session: Session, flags: Flags): Promise<Record<string, Tensor>> {
  const given: Record<string, Tensor> = {};
  for (const item of flags.input) {
    const at = item.indexOf("=");
    if (at < 1) throw new UsageError(`--input ${item}: expected NAME=FILE.npy`);
    given[item.slice(0, at)] = readNpy(await readBytes(item.slice(at + 1)));
  }
  const missing = Object.keys(session.inputs).filter((name) => !(name in given));
  if (missing.length === 0) return given;
  if (flags.seed === undefined)
    throw new RuntimeError("R0302", `input ${missing.join(", ")} is missing: give --input NAME=FILE.npy, or --seed`, "run");
  return { ...seededInputs(session.inputs, Number(flags.seed), flags.dim), ...given };
}

function numbers(tensor: Tensor): readonly number[] {
  return Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

function describe(output: {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}): string {
  const first = output.values.slice(0, 10).map((v) => Number(v.toPrecision(6)));
  const more = output.values.length > 10 ? ", ..." : "";
  return `${output.name}: ${output.dtype} [${output.shape.join(", ")}] = ${first.join(", ")}${more}`;
}
