/** @file Top-1 accuracy of a module on labelled data, on any executor. */
import type { HostTensor, Module, OpRegistry } from "../../ir-spec/index.ts";
import { differentiable } from "../autodiff/differentiate.ts";
import { trainingError } from "../autodiff/errors.ts";
import type { DataSet } from "../data/dataset.ts";
import { interpreterExecutor } from "../interpret/executor.ts";
import type { Executor } from "../pass/pass.ts";
import { feedOf } from "./feed.ts";

export interface AccuracyOptions {
  readonly executor?: Executor;
  /** Samples of a run where the module's batch is symbolic; default 100. */
  readonly batch?: number;
  /** The result that holds the scores; default the first. */
  readonly scores?: string;
  readonly onProgress?: (fraction: number) => void;
}

/** Part of the samples, 0..1, whose largest score (the first of equals) is at their label. @throws TersorError E0907. */
export async function accuracy(module: Module, registry: OpRegistry, data: DataSet, options: AccuracyOptions = {}): Promise<number> {
  const func = differentiable(module, "main");
  const feed = feedOf(func, data);
  const executor = options.executor ?? interpreterExecutor(registry);
  const size = feed.fixedBatch ?? options.batch ?? 100;
  if (data.count === 0 || data.count % (feed.fixedBatch ?? 1) !== 0) {
    throw trainingError("E0907", `${data.count} samples do not fill batches of ${size}`);
  }
  const name = options.scores ?? func.results[0]?.name ?? "";
  let right = 0;
  for (let start = 0; start < data.count; start += size) {
    const count = Math.min(size, data.count - start);
    const { outputs } = await executor.run(module, feed.tensors(data.batch(start, count), count));
    const scores = outputs[name];
    if (!scores) throw trainingError("E0907", `the module has no result ${name}`);
    right += hits(scores, data.labels.subarray(start, start + count));
    options.onProgress?.((start + count) / data.count);
  }
  return right / data.count;
}

function hits(scores: HostTensor, labels: ArrayLike<number>): number {
  const classes = scores.data.length / labels.length;
  let count = 0;
  for (let i = 0; i < labels.length; i++) {
    const row = scores.data.subarray(i * classes, (i + 1) * classes);
    let best = 0;
    for (let c = 1; c < classes; c++) if ((row[c] as number) > (row[best] as number)) best = c;
    if (best === labels[i]) count++;
  }
  return count;
}
