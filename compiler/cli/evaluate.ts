/** @file Top-1 accuracy and latency of a loaded session on labelled data. */
import { imagePreprocessing, RuntimeError, type Session, Tensor } from "../../runtime/index.ts";
import { type DataSet, sampleSize } from "../data/dataset.ts";
import { DataError } from "../data/errors.ts";
import { preprocess } from "../data/preprocessing.ts";

export interface Evaluation {
  readonly metric: "top1";
  readonly value: number;
  readonly correct: number;
  readonly count: number;
  /** The answer for each sample. */
  readonly predictions: Int32Array;
}

/** The samples as the file declares that it wants them. */
export function preparedFor(session: Session, data: DataSet): DataSet {
  const wanted = imagePreprocessing(session.info);
  return wanted ? preprocess(data, wanted) : data;
}

/** Runs every sample, in batches where the batch is symbolic. */
export async function evaluateSession(
  session: Session,
  data: DataSet,
  onProgress: (fraction: number) => void = () => undefined,
): Promise<Evaluation> {
  if (data.unlabelled) throw new DataError("D0105", data.name, "the samples have no labels: pictures lie in one folder per class");
  const feed = feedOf(session, data);
  const step = feed.fixedBatch ?? Math.min(64, data.count);
  const predictions = new Int32Array(data.count);
  for (let start = 0; start < data.count; start += step) {
    const count = Math.min(step, data.count - start);
    const outputs = await session.run(feed.inputs(start, count));
    const scores = outputs[feed.output];
    if (!scores) throw new RuntimeError("R0302", `no output ${feed.output}`, "eval");
    writeArgmax(scores, count, predictions, start);
    onProgress(start / data.count);
  }
  const correct = predictions.reduce((n, prediction, i) => n + (prediction === data.labels[i] ? 1 : 0), 0);
  return { metric: "top1", value: correct / data.count, correct, count: data.count, predictions };
}

/** Median and minimum milliseconds of single-sample runs, after warm-up. */
export async function measureLatency(
  session: Session,
  data: DataSet,
  runs = 100,
): Promise<{ readonly median: number; readonly min: number; readonly runs: number }> {
  const feed = feedOf(session, data);
  const times: number[] = [];
  const warmUp = Math.ceil(runs / 5);
  for (let i = 0; i < runs + warmUp; i++) {
    const inputs = feed.inputs(i % data.count, 1);
    const start = performance.now();
    await session.run(inputs);
    if (i >= warmUp) times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  return { median: times[times.length >> 1] ?? 0, min: times[0] ?? 0, runs };
}

interface Feed {
  readonly output: string;
  /** The batch that the model is fixed to, if it is. */
  readonly fixedBatch: number | null;
  inputs(start: number, count: number): Record<string, Tensor>;
}

/** Matches the data's one input with the model's one input, and finds the output that holds the scores. */
function feedOf(session: Session, data: DataSet): Feed {
  const names = Object.keys(session.inputs);
  const sources = Object.keys(data.inputs);
  const [name, source] = [names[0], sources[0]];
  if (names.length !== 1 || sources.length !== 1 || name === undefined || source === undefined) {
    throw new RuntimeError(
      "R0305",
      `the model has inputs ${names.join(", ")}, the data ${sources.join(", ")}: one of each is needed`,
      "eval",
    );
  }
  const model = session.inputs[name];
  const sample = data.inputs[source];
  const output = Object.keys(session.outputs)[0];
  if (!model || !sample || output === undefined) throw new RuntimeError("R0305", "the model has no output", "eval");
  const batch = model.shape[0];
  const rest = model.shape.slice(1);
  if (rest.some((d) => typeof d !== "number") || rest.reduce<number>((n, d) => n * Number(d), 1) !== sampleSize(sample)) {
    throw new RuntimeError(
      "R0305",
      `input ${name} takes [${model.shape.join(", ")}], a sample of ${data.name} is [${sample.shape.join(", ")}]`,
      "eval",
    );
  }
  return {
    output,
    fixedBatch: typeof batch === "number" ? batch : null,
    inputs(start, count) {
      const values = data.batch(start, count)[source];
      if (!values) throw new RuntimeError("R0305", `the data has no ${source}`, "eval");
      return { [name]: new Tensor("f32", Float32Array.from(values), [count, ...(rest as number[])]) };
    },
  };
}

function writeArgmax(scores: Tensor, count: number, predictions: Int32Array, start: number): void {
  const values = scores.data as Float32Array;
  const classes = values.length / count;
  for (let i = 0; i < count; i++) {
    let best = 0;
    for (let c = 1; c < classes; c++) if ((values[i * classes + c] as number) > (values[i * classes + best] as number)) best = c;
    predictions[start + i] = best;
  }
}
