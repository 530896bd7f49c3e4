/**
 * @file The training loop: shuffles by seed, runs `@step` on an executor, feeds its results back, and at the end writes the leaves into the module.
 * The same module, data, options and executor give the same bits; the clock only feeds `onProgress`.
 */

import {
  evaluateConstant,
  type HostTensor,
  hostTensor,
  type Module,
  type OpRegistry,
  roundedTensor,
  staticShape,
  type TensorType,
} from "../../ir-spec/index.ts";
import { differentiable } from "../autodiff/differentiate.ts";
import { trainingError } from "../autodiff/errors.ts";
import { freeze, writeLeaves } from "../autodiff/freeze.ts";
import { relax } from "../autodiff/relax.ts";
import { batches, type DataSet, type LabelledBatch } from "../data/dataset.ts";
import { interpreterExecutor } from "../interpret/executor.ts";
import type { Executor } from "../pass/pass.ts";
import { Random } from "../random/random.ts";
import { type Feed, feedOf } from "./feed.ts";
import type { LossName } from "./loss.ts";
import type { Optimizer } from "./optimizers/optimizer.ts";
import type { Schedule } from "./schedule.ts";
import { type TrainStep, trainStep } from "./step.ts";

export interface TrainProgress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done, over all epochs. */
  readonly step: number;
  readonly steps: number;
  /** Mean loss of the step's batch, before its update. */
  readonly loss: number;
  /** By the mean time of the steps so far. */
  readonly secondsLeft: number;
}

export interface EpochRecord {
  readonly epoch: number;
  /** Mean over the samples of the epoch, each at the weights it was trained on. */
  readonly loss: number;
  /** What `onEpoch` returned, null without it. */
  readonly score: number | null;
}

export interface TrainOptions {
  readonly module: Module;
  readonly registry: OpRegistry;
  readonly data: DataSet;
  readonly epochs: number;
  /** Samples of a step. The last batch of an epoch may be shorter, or is left out where the module's batch is fixed. */
  readonly batch: number;
  readonly optimizer: Optimizer;
  readonly learningRate: Schedule;
  /** Decides the order of samples. */
  readonly seed: number;
  /** Default `softmax_cross_entropy`. */
  readonly loss?: LossName;
  /** The result that holds the scores; default the first. */
  readonly scores?: string;
  /** Default: every float weight and bias. */
  readonly leaves?: readonly string[];
  /** Default the interpreter. */
  readonly executor?: Executor;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainProgress) => void;
  /**
   * Called with the module as it stands; a returned score goes into the history, and the best epoch's weights (the first of equals) are kept. Those of the last
   * epoch where no call returns a score: null is for looking on.
   */
  readonly onEpoch?: (module: Module, epoch: number) => Promise<number | null> | number | null;
  /** Milliseconds; for `secondsLeft`. */
  readonly now?: () => number;
}

export interface Trained {
  readonly module: Module;
  readonly history: readonly EpochRecord[];
}

type Tensors = Readonly<Record<string, HostTensor>>;

/** Random stream of the order of samples; the epoch is the index. */
const ORDER_STREAM = 0x0bde;

/**
 * Trains `@main`. Quantized values are relaxed before and frozen after.
 * @throws TersorError E0901 .. E0907 before the first step, E0908 when the loss stops being finite; what `signal` gives when it aborts.
 */
export async function train(options: TrainOptions): Promise<Trained> {
  const run = new TrainingRun(options);
  const history: EpochRecord[] = [];
  let best: { readonly score: number; readonly state: Tensors } | null = null;
  for (let epoch = 1; epoch <= options.epochs; epoch++) {
    const loss = await run.epoch(epoch);
    const score = options.onEpoch ? await options.onEpoch(run.module(run.state), epoch) : null;
    if (score !== null && (best === null || score > best.score)) best = { score, state: run.state };
    history.push({ epoch, loss, score });
  }
  return { module: run.module(best?.state ?? run.state), history };
}

class TrainingRun {
  /** Leaves and optimizer state by parameter name. Replaced by every step, never written to. */
  state: Tensors;
  private readonly options: TrainOptions;
  private readonly relaxed: Module;
  private readonly made: TrainStep;
  private readonly program: Module;
  private readonly feed: Feed;
  private readonly executor: Executor;
  private readonly stepsPerEpoch: number;
  private readonly now: () => number;
  private readonly started: number;
  private steps = 0;

  constructor(options: TrainOptions) {
    const { module, registry, data, batch, scores, leaves } = options;
    checkCounts(options);
    this.options = options;
    this.relaxed = relax(module, registry);
    this.made = trainStep(this.relaxed, registry, {
      loss: options.loss ?? "softmax_cross_entropy",
      optimizer: options.optimizer,
      ...(scores === undefined ? {} : { scores }),
      ...(leaves === undefined ? {} : { leaves }),
    });
    this.program = asMain(this.made.module);
    this.feed = feedOf(differentiable(module, "main"), data);
    const { fixedBatch } = this.feed;
    if (fixedBatch !== null && fixedBatch !== batch)
      throw trainingError("E0907", `the module's batch is ${fixedBatch}, asked for ${batch}`);
    this.stepsPerEpoch = fixedBatch === null ? Math.ceil(data.count / batch) : Math.floor(data.count / batch);
    if (this.stepsPerEpoch === 0) throw trainingError("E0907", `${data.name} has ${data.count} samples, a batch takes ${batch}`);
    this.executor = options.executor ?? interpreterExecutor(registry);
    this.state = initialState(this.relaxed, registry, this.made);
    this.now = options.now ?? (() => performance.now());
    this.started = this.now();
  }

  module(state: Tensors): Module {
    const { registry } = this.options;
    const leaves = new Map([...this.made.leaves].map(([leaf, param]) => [leaf, tensorNamed(state, param)]));
    return this.relaxed === this.options.module ? writeLeaves(this.relaxed, registry, leaves) : freeze(this.relaxed, registry, leaves);
  }

  /** Mean loss of the epoch. */
  async epoch(epoch: number): Promise<number> {
    const { data, batch, seed } = this.options;
    let [sum, samples] = [0, 0];
    for (const labelled of batches(data, batch, new Random(seed, ORDER_STREAM, epoch))) {
      const count = labelled.labels.length;
      if (this.feed.fixedBatch !== null && count !== this.feed.fixedBatch) continue;
      this.options.signal?.throwIfAborted();
      const loss = await this.step(labelled);
      this.report(epoch, loss);
      sum += loss * count;
      samples += count;
    }
    return sum / samples;
  }

  private async step({ inputs, labels }: LabelledBatch): Promise<number> {
    const { made } = this;
    const rate = this.options.learningRate(this.steps, this.stepsPerEpoch * this.options.epochs);
    const { outputs } = await this.executor.run(this.program, {
      ...this.state,
      ...this.feed.tensors(inputs, labels.length),
      [made.labels]: hostTensor("i32", [labels.length], labels),
      [made.learningRate]: hostTensor("f32", [], Float32Array.of(rate)),
    });
    this.steps++;
    const loss = Number(tensorNamed(outputs, made.loss).data[0]);
    if (!Number.isFinite(loss)) throw trainingError("E0908", `${loss} at step ${this.steps}`, { hint: "a lower learning rate may help" });
    this.state = Object.fromEntries(Object.keys(this.state).map((name) => [name, tensorNamed(outputs, name)]));
    return loss;
  }

  private report(epoch: number, loss: number): void {
    if (!this.options.onProgress) return;
    const { epochs } = this.options;
    const steps = this.stepsPerEpoch * epochs;
    const perStep = (this.now() - this.started) / this.steps;
    this.options.onProgress({ epoch, epochs, step: this.steps, steps, loss, secondsLeft: (perStep * (steps - this.steps)) / 1000 });
  }
}

function checkCounts({ epochs, batch }: TrainOptions): void {
  if (!Number.isInteger(epochs) || epochs < 1) throw new RangeError(`epochs must be a positive integer, not ${epochs}`);
  if (!Number.isInteger(batch) || batch < 1) throw new RangeError(`batch must be a positive integer, not ${batch}`);
}

/** An executor runs `@main`. */
function asMain(step: Module): Module {
  const func = differentiable(step, "step");
  return { ...step, functions: new Map([["main", { ...func, name: "main" }]]) };
}

function initialState(module: Module, registry: OpRegistry, made: TrainStep): Tensors {
  const leaves = [...made.leaves].map(([leaf, param]) => [param, evaluateConstant(module, registry, leaf)] as const);
  const state = made.state.map(({ name, type, initial }) => [name, filled(type, initial)] as const);
  return Object.fromEntries([...leaves, ...state]);
}

function filled(type: TensorType, value: number): HostTensor {
  const shape = staticShape(type.shape) ?? [];
  return roundedTensor(type.dtype, shape, new Float64Array(shape.reduce((n, d) => n * d, 1)).fill(value));
}

function tensorNamed(tensors: Tensors, name: string): HostTensor {
  const tensor = tensors[name];
  if (!tensor) throw new RangeError(`the step returned no ${name}`);
  return tensor;
}
