/** @file `tersor eval FILE --data SPEC`: the metric and the latency of a model, in the process that was started for it. */
import type { Command } from "commander";
import { imagePreprocessing } from "../../../runtime/index.ts";
import { backendNames } from "../backends.ts";
import { type ConfigFlags, loadConfig } from "../config.ts";
import { openData } from "../data.ts";
import { evaluateSession, measureLatency, preparedFor } from "../evaluate.ts";
import { UsageError } from "../failure.ts";
import { bytesText, type Output } from "../output.ts";
import { loadRunnable, openRunnable } from "../runnable.ts";

interface Flags extends ConfigFlags {
  readonly data?: string;
  readonly backend?: string;
  readonly limit?: string;
  readonly runs: string;
}

export function addEval(program: Command, output: () => Output): void {
  program
    .command("eval")
    .description("accuracy and latency of a model on labelled data (its test split), prepared as the file declares")
    .argument("<file>", "a .tsr file; .onnx and .tir are compiled first, uncompressed")
    .option("-d, --data <spec>", "digits, mnist:DIR, cifar10:DIR, npz:FILE, images:DIR")
    .option("-b, --backend <name>", `${backendNames.join(" | ")} (default: wasm)`)
    .option("--limit <n>", "only the first n samples")
    .option("--runs <n>", "timed runs of one sample", "100")
    .addHelpText("after", "\nExample:\n  tersor eval model.tsr --data mnist:data/mnist")
    .action((file: string, flags: Flags) => evaluate(file, flags, output()));
}

async function evaluate(file: string, flags: Flags, output: Output): Promise<void> {
  const config = await loadConfig(flags);
  const spec = flags.data ?? config.data;
  if (spec === undefined) throw new UsageError("required option '-d, --data <spec>' not specified");
  const backend = flags.backend ?? config.backend ?? "wasm";
  const runnable = await openRunnable(file, backend, config);
  const session = await loadRunnable(runnable, backend, config);
  const limit = flags.limit === undefined ? undefined : Number(flags.limit);
  const data = preparedFor(session, await openData(spec, "test", limit, imagePreprocessing(session.info)));
  const bar = output.progress("eval");
  const { metric, value, correct, count } = await evaluateSession(session, data, (f) => bar.update(f));
  bar.done();
  const latency = await measureLatency(session, data, Number(flags.runs));
  session.dispose();
  const bytes = runnable.bytes.length;
  const facts = { model: file, backend, data: data.name, metric, value, correct, count, bytes };
  output.result(
    { ...facts, msMedian: latency.median, msMin: latency.min, runs: latency.runs },
    `${file}: ${(100 * value).toFixed(2)} % of ${count} right (${correct}), ${bytesText(bytes)} bytes, median ${latency.median.toFixed(3)} ms a sample (${backend})`,
  );
}
