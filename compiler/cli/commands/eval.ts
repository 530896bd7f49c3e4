/** @file `tersor eval FILE --data SPEC`: the metric and the latency of a `.tsr` file, in the process that was started for it. */
import type { Command } from "commander";
import { load } from "../../../runtime/index.ts";
import { backendNamed, backendNames } from "../backends.ts";
import { openData } from "../data.ts";
import { evaluateSession, measureLatency } from "../evaluate.ts";
import { readBytes } from "../files.ts";
import { bytesText, type Output } from "../output.ts";

interface Flags {
  readonly data: string;
  readonly backend: string;
  readonly limit?: string;
  readonly runs: string;
}

export function addEval(program: Command, output: () => Output): void {
  program
    .command("eval")
    .description("accuracy and latency of a .tsr file on labelled data (its test split)")
    .argument("<file>", "the .tsr file")
    .requiredOption("-d, --data <spec>", "digits, mnist:DIR, cifar10:DIR, npz:FILE")
    .option("-b, --backend <name>", backendNames.join(" | "), "wasm")
    .option("--limit <n>", "only the first n samples")
    .option("--runs <n>", "timed runs of one sample", "100")
    .addHelpText("after", "\nExample:\n  tersor eval model.tsr --data mnist:data/mnist")
    .action(async (file: string, flags: Flags) => {
      const data = await openData(flags.data, "test", flags.limit === undefined ? undefined : Number(flags.limit));
      const bytes = await readBytes(file);
      const session = await load(bytes, { backends: [backendNamed(flags.backend).make()] });
      const bar = output().progress("eval");
      const { metric, value, correct, count } = await evaluateSession(session, data, (f) => bar.update(f));
      bar.done();
      const latency = await measureLatency(session, data, Number(flags.runs));
      session.dispose();
      const object = {
        model: file,
        backend: flags.backend,
        data: data.name,
        metric,
        value,
        correct,
        count,
        bytes: bytes.length,
        msMedian: latency.median,
        msMin: latency.min,
        runs: latency.runs,
      };
      output().result(
        object,
        `${file}: ${(100 * value).toFixed(2)} % of ${count} right (${correct}), ${bytesText(bytes.length)} bytes, median ${latency.median.toFixed(3)} ms a sample (${flags.backend})`,
      );
    });
}
