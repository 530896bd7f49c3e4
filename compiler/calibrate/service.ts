/**
 * @file `ctx.calibration`: the data goes through a module once for everything that is asked of it together, and what was found is kept with the module, so that the next pass that asks
 * the same of an unchanged module runs nothing.
 */
import { type Module, mainFunction, type Op, type OpRegistry, type ValueId } from "../../ir-spec/index.ts";
import type { Layer } from "../analysis/layers.ts";
import type { DataSet } from "../data/dataset.ts";
import type { Executor } from "../pass/pass.ts";
import { calibrate, defaultSamples } from "./calibrate.ts";
import { ChannelObserver, type ChannelStatistics } from "./channels.ts";
import { type Divergence, divergences } from "./divergence.ts";
import { type Gram, GramObserver, gramProduct, mostGramSize, windowsFor } from "./gram.ts";
import { type Histogram, HistogramObserver } from "./histogram.ts";
import { type Observer, type Range, RangeObserver } from "./observer.ts";

/** What is wanted; values are those of `main`, parameters among them. */
export interface CalibrationRequest {
  readonly ranges?: Iterable<ValueId>;
  readonly histograms?: Iterable<ValueId>;
  readonly channels?: Iterable<ValueId>;
  readonly grams?: Iterable<Layer>;
}

export interface CalibrationRunOptions {
  /** At most so many samples, spread evenly over the data; default 256, at most 1,024. */
  readonly samples?: number;
  readonly progress?: (fraction: number, note?: string) => void;
}

/** What was asked for; asking for more is a RangeError. */
export interface CalibrationFindings {
  range(value: ValueId): Range;
  histogram(value: ValueId): Histogram;
  channels(value: ValueId): ChannelStatistics;
  /** null for layers of more than `mostGramSize` columns. */
  gram(layer: Layer): Gram | null;
}

export interface CalibrationService {
  readonly data: DataSet;
  /** @throws TersorError E0721 when the data does not fit the inputs, E0723 when it has too few samples; the signal's reason when aborted. */
  collect(module: Module, request: CalibrationRequest, options?: CalibrationRunOptions): Promise<CalibrationFindings>;
  /**
   * How far the outputs of each variant are from those of `module`. Variants that change late in the network cost little: what comes before is run once.
   * @throws as `collect`
   */
  divergences(module: Module, variants: readonly Module[], options?: CalibrationRunOptions): Promise<readonly Divergence[]>;
}

export interface CalibrationServiceOptions {
  readonly registry: OpRegistry;
  readonly executor: Executor;
  readonly data: DataSet;
  readonly signal?: AbortSignal | null;
}

/** Issue 6: passes look at no more unlabelled samples than this. */
export const mostSamples = 1024;

interface Wanted {
  readonly key: string;
  readonly value: ValueId;
  readonly observer: Observer;
  /** What is kept, when all batches were seen. */
  finish(): unknown | Promise<unknown>;
}

export function calibrationService(options: CalibrationServiceOptions): CalibrationService {
  const { registry, executor, data, signal = null } = options;
  const known = new WeakMap<Module, Map<string, unknown>>();
  const product = gramProduct(executor, registry);
  const samplesOf = (run: CalibrationRunOptions) => Math.max(1, Math.min(run.samples ?? defaultSamples, mostSamples, data.count));
  return {
    data,
    async collect(module, request, run = {}) {
      const samples = samplesOf(run);
      const found = known.get(module) ?? new Map<string, unknown>();
      known.set(module, found);
      const wanted = wantedOf(module, request, samples, (layer) => {
        return new GramObserver(layer, registry, product, Math.ceil(windowsFor(layer.inputs) / samples));
      });
      const missing = wanted.filter(({ key }) => !found.has(key));
      if (missing.length > 0) {
        const observers = new Map<ValueId, Observer>();
        for (const { value, observer } of missing) observers.set(value, both(observers.get(value), observer));
        await calibrate(module, observers, { executor, data, samples, signal, ...(run.progress ? { progress: run.progress } : {}) });
        for (const { key, finish } of missing) found.set(key, await finish());
      }
      return findings(module, found, samples);
    },
    divergences: (module, variants, run = {}) =>
      divergences(module, variants, {
        executor,
        data,
        samples: samplesOf(run),
        signal,
        ...(run.progress ? { progress: run.progress } : {}),
      }),
  };
}

function both(first: Observer | undefined, second: Observer): Observer {
  if (!first) return second;
  return {
    async observe(value) {
      await first.observe(value);
      await second.observe(value);
    },
  };
}

const keyOf = (kind: string, what: number, samples: number): string => `${kind} ${what} ${samples}`;

function placeOf(module: Module, op: Op): number {
  const place = mainFunction(module).ops.indexOf(op);
  if (place < 0) throw new RangeError(`${op.name} is not an op of this module's main`);
  return place;
}

function wantedOf(
  module: Module,
  { ranges = [], histograms = [], channels = [], grams = [] }: CalibrationRequest,
  samples: number,
  gramObserver: (layer: Layer) => GramObserver,
): readonly Wanted[] {
  const list: Wanted[] = [];
  const add = <T extends Observer>(kind: string, what: number, value: ValueId, observer: T, finish: () => unknown) =>
    list.push({ key: keyOf(kind, what, samples), value, observer, finish });
  for (const value of new Set(ranges)) {
    const observer = new RangeObserver();
    add("range", value, value, observer, () => observer.range);
  }
  for (const value of new Set(histograms)) {
    const observer = new HistogramObserver();
    add("histogram", value, value, observer, () => observer.histogram);
  }
  for (const value of new Set(channels)) {
    const observer = new ChannelObserver();
    add("channels", value, value, observer, () => observer.statistics);
  }
  for (const layer of new Set(grams)) {
    if (layer.inputs > mostGramSize) continue;
    const observer = gramObserver(layer);
    add("gram", placeOf(module, layer.op), layer.op.operands[layer.input] as ValueId, observer, () => observer.gram());
  }
  return list;
}

function findings(module: Module, found: ReadonlyMap<string, unknown>, samples: number): CalibrationFindings {
  const get = <T>(kind: string, what: number): T => {
    const key = keyOf(kind, what, samples);
    if (!found.has(key)) throw new RangeError(`calibration was not asked for the ${kind} of ${what}`);
    return found.get(key) as T;
  };
  return {
    range: (value) => get<Range>("range", value),
    histogram: (value) => get<Histogram>("histogram", value),
    channels: (value) => get<ChannelStatistics>("channels", value),
    gram: (layer) => (layer.inputs > mostGramSize ? null : get<Gram>("gram", placeOf(module, layer.op))),
  };
}
