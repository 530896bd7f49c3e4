/** @file `tersor verify MODEL.onnx`: our answer beside ONNX Runtime's, whole outputs, on given or seeded inputs. Nothing is compressed. */
import type { Command } from "commander";
import { TersorError } from "../../../ir-spec/index.ts";
import { load, type Tensor } from "../../../runtime/index.ts";
import { compile } from "../../compile.ts";
import { toolExpansion } from "../../emit/read-source.ts";
import { createHost } from "../../plugin/host.ts";
import { backendNamed, backendNames } from "../backends.ts";
import { type ConfigFlags, loadConfig } from "../config.ts";
import { UsageError } from "../failure.ts";
import { inputSizes, inputsFromFiles, seededInputs } from "../inputs.ts";
import { openModel } from "../models.ts";
import { runOnnxRuntime } from "../onnxruntime.ts";
import { type Output, table } from "../output.ts";
import { makeBackend } from "../runnable.ts";

interface Flags extends ConfigFlags {
  readonly backend: string;
  readonly input: readonly string[];
  readonly seed: string;
  readonly dim: readonly string[];
  readonly tolerance: string;
}

interface Difference {
  readonly name: string;
  readonly shape: readonly number[];
  readonly maxAbs: number;
  /** Relative to the output's largest magnitude in ONNX Runtime. */
  readonly maxRel: number;
}

/** Outputs smaller than this are compared as if they were as large: ONNX Runtime's own logistic function is off by 1e-7 near 0, whatever the largest probability. */
const floor = 0.01;

export function addVerify(program: Command, output: () => Output): void {
  program
    .command("verify")
    .description("compare with ONNX Runtime on the same inputs")
    .argument("<model>", "the .onnx model")
    .option("-b, --backend <name>", backendNames.join(" | "), "wasm")
    .option("-i, --input <NAME=FILE...>", "inputs, .npy or a picture where preprocessing is declared; others are seeded", [])
    .option("--seed <n>", "seed of inputs that are not given", "0")
    .option(
      "--dim <N=4...>",
      "sizes of symbolic dims (default: the smallest that the model takes); N=1,4 runs both, several lists every combination",
      [],
    )
    .option("--tolerance <x>", "largest error relative to the output's largest magnitude (to 0.01 where that is smaller)", "1e-4")
    .addHelpText("after", "\nExample:\n  tersor verify model.onnx --backend wasm --seed 3 --dim N=1,4\nNeeds the package onnxruntime-node.")
    .action(async (model: string, flags: Flags) => {
      const report = await verify(model, flags);
      const rows = report.outputs.map((o) => [o.name, `[${o.shape.join(", ")}]`, o.maxAbs.toExponential(2), o.maxRel.toExponential(2)]);
      output().result(
        { ...report },
        `${table(["output", "shape", "max abs", "max rel"], rows)}\n${report.ok ? "ok" : `FAILED: above ${flags.tolerance}`}`,
      );
      if (!report.ok) process.exitCode = 1;
    });
}

export async function verify(model: string, flags: Flags) {
  const { target, make } = backendNamed(flags.backend);
  const config = await loadConfig(flags);
  const { plugins, preprocessing, fallback } = config;
  const host = createHost(plugins);
  const opened = await openModel(model, { registry: host.ops });
  if (opened.format !== "onnx") throw new UsageError(`${model} is no ONNX model: ONNX Runtime cannot run it`);
  const { bytes } = await compile(opened.module, {
    plugins,
    targets: [target],
    modelSha256: opened.sha256,
    ...(preprocessing === undefined ? {} : { preprocessing }),
    ...(fallback === undefined ? {} : { fallback }),
  });
  const own = make();
  const companions = (own.companions ?? []).map((name) => makeBackend(name, config));
  const session = await load(bytes, { backends: [own, ...companions], target, maxExpandedBytes: toolExpansion(bytes) });
  const given = await inputsFromFiles(flags.input, session);
  const outputs: Difference[] = [];
  for (const dims of dimChoices(flags.dim)) {
    const inputs = { ...seededInputs(session.inputs, Number(flags.seed), inputSizes(opened.module, dims)), ...given };
    const ours = await session.run(inputs);
    const theirs = await runOnnxRuntime(opened.bytes, inputs);
    outputs.push(...Object.entries(theirs).map(([name, tensor]) => difference(name, ours[name], tensor)));
  }
  session.dispose();
  const maxAbs = Math.max(...outputs.map((o) => o.maxAbs));
  const maxRel = Math.max(...outputs.map((o) => o.maxRel));
  const tolerance = Number(flags.tolerance);
  const ok = outputs.every((output) => output.maxRel <= tolerance || output.maxAbs <= floor * tolerance);
  return { model, backend: flags.backend, ok, maxAbs, maxRel, outputs };
}

/** Every combination of the sizes in `N=1,4`, each as `--dim` takes one. */
export function dimChoices(dims: readonly string[]): readonly (readonly string[])[] {
  return dims.reduce<readonly (readonly string[])[]>(
    (choices, item) => {
      const [name = "", sizes = ""] = item.split("=", 2);
      const items = item.includes("=") ? sizes.split(",").map((size) => `${name}=${size}`) : [item];
      return choices.flatMap((choice) => items.map((one) => [...choice, one]));
    },
    [[]],
  );
}

/** @throws TersorError E0006 when the outputs cannot be compared. */
export function difference(name: string, ours: Tensor | undefined, theirs: Tensor): Difference {
  if (!ours || ours.dtype !== theirs.dtype || ours.shape.join() !== theirs.shape.join()) {
    const got = ours ? `${ours.dtype} [${ours.shape.join(", ")}]` : "nothing";
    throw new TersorError({
      code: "E0006",
      message: `output ${name}: ONNX Runtime gives ${theirs.dtype} [${theirs.shape.join(", ")}], we give ${got}`,
    });
  }
  let maxAbs = 0;
  let largest = 0;
  for (let i = 0; i < theirs.data.length; i++) {
    const a = Number(ours.data[i]);
    const b = Number(theirs.data[i]);
    largest = Math.max(largest, Math.abs(b));
    const gap = Object.is(a, b) || a === b ? 0 : Math.abs(a - b);
    maxAbs = Number.isNaN(gap) ? Number.POSITIVE_INFINITY : Math.max(maxAbs, gap);
  }
  return { name, shape: theirs.shape, maxAbs, maxRel: maxAbs === 0 ? 0 : maxAbs / (largest || 1) };
}
