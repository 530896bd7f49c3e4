/**
 * @file Calibration: runs samples through the module once and shows intermediate values to observers. Samples are spread evenly over the data set (one that is sorted
 * by class is seen in all its classes) and the batch size follows from the shapes alone: same data, same module, same result.
 */
import {
  type Func,
  type HostTensor,
  type Module,
  mainFunction,
  type TensorType,
  TersorError,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";
import type { DataSet } from "../data/dataset.ts";
import type { Executor } from "../pass/pass.ts";
import { type Feed, feedOf } from "./feed.ts";
import { type Observer, type Range, RangeObserver } from "./observer.ts";

export interface CalibrationOptions {
  readonly executor: Executor;
  /** Unlabelled samples, preprocessed as the model wants them. */
  readonly data: DataSet;
  /** At most so many samples. Default 256. */
  readonly samples?: number;
  /** Samples a run; default: as many as keep the tapped values below 64 MiB, at most 32. */
  readonly batch?: number;
  readonly signal?: AbortSignal | null;
  readonly progress?: (fraction: number, note?: string) => void;
}

export interface Calibrated {
  /** Samples that were run. */
  readonly samples: number;
}

export const defaultSamples = 256;
const mostBatch = 32;
const tappedBytes = 64 * 2 ** 20;

/**
 * Shows the values of `main` (parameters among them) to their observers, batch by batch.
 * @throws TersorError E0721 when the data does not fit the inputs, E0723 when it has too few samples; the signal's reason when it is aborted.
 */
export async function calibrate(
  module: Module,
  observers: ReadonlyMap<ValueId, Observer>,
  options: CalibrationOptions,
): Promise<Calibrated> {
  const { module: named, names } = withNames(module, [...observers.keys()]);
  const func = mainFunction(named);
  const { runs, batch, chosen, feed } = batchesOf(func, options, (free) => options.batch ?? free([...observers.keys()]));
  const taps = [...observers.keys()].filter((id) => !func.params.includes(id)).map((id) => names.get(id) as string);
  let samples = 0;
  for (let run = 0; run < runs; run++) {
    options.signal?.throwIfAborted();
    const inputs = feed.inputs(chosen.slice(run * batch, (run + 1) * batch));
    const result = await options.executor.run(named, inputs, { taps });
    for (const [id, observer] of observers) await observer.observe(seen(names.get(id) as string, inputs, result.taps));
    samples += Math.min(batch, chosen.length - run * batch);
    options.progress?.((run + 1) / runs, `${samples} samples`);
  }
  return { samples };
}

export interface Batches {
  readonly feed: Feed;
  /** Samples that are used, spread over the data. */
  readonly chosen: readonly number[];
  readonly batch: number;
  readonly runs: number;
}

/** How the data goes through the function. @throws TersorError E0721, E0723. */
export function batchesOf(
  func: Func,
  { data, samples }: Pick<CalibrationOptions, "data" | "samples">,
  batchWhere: (free: (values: readonly ValueId[]) => number) => number,
): Batches {
  const feed = feedOf(func, data);
  const batch = feed.fixedBatch ?? batchWhere((values) => batchFor(func, values));
  const chosen = spread(data.count, samples ?? defaultSamples);
  const runs = Math.floor(chosen.length / batch) + (feed.fixedBatch === null && chosen.length % batch > 0 ? 1 : 0);
  if (runs === 0)
    throw new TersorError({ code: "E0723", message: `calibration data ${data.name} has ${chosen.length} samples, a batch takes ${batch}` });
  return { feed, chosen, batch, runs };
}

/** Smallest and largest element of each value. @throws as `calibrate`. */
export async function calibrateRanges(
  module: Module,
  values: Iterable<ValueId>,
  options: CalibrationOptions,
): Promise<ReadonlyMap<ValueId, Range>> {
  const observers = new Map([...values].map((id) => [id, new RangeObserver()]));
  await calibrate(module, observers, options);
  return new Map([...observers].map(([id, observer]) => [id, observer.range]));
}

function seen(name: string, inputs: Readonly<Record<string, HostTensor>>, taps: Readonly<Record<string, HostTensor>>): HostTensor {
  const value = Object.hasOwn(taps, name) ? taps[name] : inputs[name];
  if (!value) throw new RangeError(`the executor did not return %${name}`);
  return value;
}

/** `wanted` indices of `count`, evenly spread, in order. */
function spread(count: number, wanted: number): readonly number[] {
  const n = Math.min(count, wanted);
  return Array.from({ length: n }, (_, i) => Math.floor((i * count) / n));
}

/** Unnamed values get names, so that they can be tapped. */
function withNames(module: Module, ids: readonly ValueId[]): { readonly module: Module; readonly names: ReadonlyMap<ValueId, string> } {
  const func = mainFunction(module);
  const taken = new Set(func.values.map((value) => value.name));
  const names = new Map<ValueId, string>();
  const values = [...func.values];
  for (const id of ids) {
    const info = valueInfo(func, id);
    let name = info.name ?? `value${id}`;
    if (info.name === null) while (taken.has(name)) name = `${name}_`;
    taken.add(name);
    names.set(id, name);
    values[id] = { ...info, name };
  }
  return { module: { ...module, functions: new Map([...module.functions, ["main", { ...func, values }]]) }, names };
}

function batchFor(func: Func, ids: readonly ValueId[]): number {
  const bytes = ids.reduce((sum, id) => sum + sampleBytes(valueInfo(func, id).type), 0);
  return Math.max(1, Math.min(mostBatch, Math.floor(tappedBytes / Math.max(1, bytes))));
}

/** Bytes of the value for one sample, symbolic sizes taken as 1. */
export function sampleBytes(type: TensorType): number {
  return 4 * type.shape.reduce<number>((product, dim) => product * (typeof dim === "number" ? dim : 1), 1);
}
