/**
 * @file How far outputs move when a module changes: Kullback-Leibler divergence for classifiers, relative squared error otherwise. The sensitivity that layer-wise searches add up
 * (compression.md section 6). Variants run from their first changed op on, on activations that are kept.
 */
import {
  type Func,
  type HostTensor,
  isFloat,
  type Module,
  mainFunction,
  type Operand,
  type ValueId,
  valueInfo,
} from "../../ir-spec/index.ts";
import { batchesOf, type CalibrationOptions, defaultSamples, sampleBytes } from "./calibrate.ts";

export interface Divergence {
  /** `kl`: mean of KL(base || variant) over samples, in nats. `relative`: sum (y - y')^2 / sum y^2, the mean over outputs. */
  readonly measure: "kl" | "relative";
  readonly value: number;
  /** Classifiers: samples whose largest score is another; else 0. */
  readonly flipped: number;
  readonly samples: number;
}

/** Kept activations take at most so much; fewer samples are used where they would take more. */
const keptBytes = 256 * 2 ** 20;
const batchSize = 32;

type Outputs = Readonly<Record<string, HostTensor>>;

/**
 * Of each variant, on the same samples. A variant shares the parameters and results of `base`; what it shares of the ops is found by identity.
 * @throws TersorError E0721, E0723; the signal's reason when aborted
 */
export async function divergences(base: Module, variants: readonly Module[], options: CalibrationOptions): Promise<readonly Divergence[]> {
  const order = variants.map((variant, i) => ({ variant, i, from: firstChange(base, variant) })).sort((a, b) => a.from - b.from);
  const results: Divergence[] = new Array(variants.length);
  const samples = Math.min(options.samples ?? defaultSamples, ...order.map(({ from }) => samplesKept(mainFunction(base), from)));
  let kept = order.length === 0 ? null : await start(base, { ...options, samples });
  for (const [done, { variant, i, from }] of order.entries()) {
    if (kept) kept = await advance(base, kept, from, options);
    if (kept) results[i] = await diverge(kept, variant, options);
    options.progress?.((done + 1) / order.length, `${done + 1} of ${order.length} variants`);
  }
  return results;
}

/** Activations before op `from`, and the outputs, batch by batch. */
interface Kept {
  readonly from: number;
  readonly cut: readonly ValueId[];
  readonly batches: readonly { readonly live: Outputs; readonly outputs: Outputs }[];
}

const cutName = (id: ValueId): string => `cut${id}`;

/** Samples whose activations before op `from` may be kept. */
function samplesKept(func: Func, from: number): number {
  const bytes = liveAt(func, from).reduce((sum, id) => sum + sampleBytes(valueInfo(func, id).type), 0);
  return Math.max(1, Math.floor(keptBytes / Math.max(1, bytes)));
}

/** The inputs, and what they lead to. */
async function start(base: Module, { data, samples, batch: given, executor, signal }: CalibrationOptions): Promise<Kept> {
  const func = mainFunction(base);
  const cut = liveAt(func, 0);
  const { feed, chosen, batch, runs } = batchesOf(func, samples === undefined ? { data } : { data, samples }, () => given ?? batchSize);
  const whole = withMain(base, partOf(func, 0, func.ops.length, cut, null));
  const batches: { readonly live: Outputs; readonly outputs: Outputs }[] = [];
  for (let run = 0; run < runs; run++) {
    signal?.throwIfAborted();
    const inputs = feed.inputs(chosen.slice(run * batch, (run + 1) * batch));
    const live = Object.fromEntries(cut.map((id) => [cutName(id), inputs[valueInfo(func, id).name ?? ""] as HostTensor]));
    batches.push({ live, outputs: (await executor.run(whole, live)).outputs });
  }
  return { from: 0, cut, batches };
}

/** From one place to a later one: each op of the prefix runs once for all variants. */
async function advance(base: Module, kept: Kept, from: number, { executor, signal }: CalibrationOptions): Promise<Kept> {
  if (from === kept.from) return kept;
  const func = mainFunction(base);
  const cut = liveAt(func, from);
  const part = withMain(base, partOf(func, kept.from, from, kept.cut, cut));
  const batches: Kept["batches"][number][] = [];
  for (const { live, outputs } of kept.batches) {
    signal?.throwIfAborted();
    const passed = cut.filter((id) => kept.cut.includes(id)).map((id) => [cutName(id), live[cutName(id)] as HostTensor] as const);
    const made = cut.length === passed.length ? {} : (await executor.run(part, live)).outputs;
    batches.push({ live: { ...made, ...Object.fromEntries(passed) }, outputs });
  }
  return { from, cut, batches };
}

async function diverge({ from, cut, batches }: Kept, variant: Module, { executor, signal }: CalibrationOptions): Promise<Divergence> {
  const func = mainFunction(variant);
  const tail = withMain(variant, partOf(func, from, func.ops.length, cut, null));
  const total = new Total();
  for (const { live, outputs } of batches) {
    signal?.throwIfAborted();
    total.add(outputs, (await executor.run(tail, live)).outputs);
  }
  return total.divergence;
}

/** Place of the first op that differs, or that mentions a constant whose definition differs; the number of ops where none does. */
function firstChange(base: Module, variant: Module): number {
  const [old, fresh] = [mainFunction(base), mainFunction(variant)];
  const same = new Map<string, boolean>();
  const unchanged = (name: string): boolean => {
    const known = same.get(name);
    if (known !== undefined) return known;
    const [a, b] = [base.constants.get(name), variant.constants.get(name)];
    const answer = a === b && (a?.kind !== "derived" || a.operands.every((operand) => operand === null || unchanged(operand)));
    same.set(name, answer);
    return answer;
  };
  const at = old.ops.findIndex(
    (op, i) => fresh.ops[i] !== op || op.operands.some((operand) => typeof operand === "string" && !unchanged(operand)),
  );
  return at < 0 ? old.ops.length : at;
}

/** Values made before op `from` and used by it or later, parameters among them, in order. */
function liveAt(func: Func, from: number): readonly ValueId[] {
  const used = new Set<ValueId>();
  const use = (operand: Operand) => typeof operand === "number" && used.add(operand);
  for (const op of func.ops.slice(from)) for (const operand of op.operands) use(operand);
  for (const operand of func.returns) use(operand);
  const made = new Set(func.ops.slice(from).flatMap((op) => op.results));
  return [...used].filter((id) => !made.has(id)).sort((a, b) => a - b);
}

/** Ops `from` to `to` as a function of the values `cut`; it gives those of `next` that it makes, or the outputs where that is null. */
function partOf(func: Func, from: number, to: number, cut: readonly ValueId[], next: readonly ValueId[] | null): Func {
  const values = func.values.map((value, id) => (cut.includes(id) ? { ...value, name: cutName(id) } : value));
  const ends = next?.filter((id) => !cut.includes(id)).map((id) => ({ id, name: cutName(id), type: valueInfo(func, id).type }));
  const closed = ends ? { results: ends.map(({ name, type }) => ({ name, type })), returns: ends.map(({ id }) => id) } : {};
  return { ...func, values, params: cut, ops: func.ops.slice(from, to), carries: [], ...closed };
}

function withMain(module: Module, main: Func): Module {
  return { ...module, functions: new Map([...module.functions, ["main", main]]) };
}

/** Sums over batches. */
class Total {
  private samples = 0;
  private flipped = 0;
  private kl = 0;
  private measure: "kl" | "relative" = "relative";
  private readonly errors = new Map<string, { error: number; power: number }>();

  add(base: Outputs, variant: Outputs): void {
    const floats = Object.entries(base).filter(([, { dtype }]) => isFloat(dtype));
    this.samples += floats[0]?.[1].shape[0] ?? 1;
    for (const [name, y] of floats) {
      const other = variant[name];
      if (!other || other.data.length !== y.data.length) throw new RangeError(`the variant gives another ${name}`);
      if (floats.length === 1 && isScores(y)) this.addScores(y, other);
      else this.addValues(name, y, other);
    }
  }

  private addScores(y: HostTensor, other: HostTensor): void {
    this.measure = "kl";
    const classes = y.shape[1] as number;
    for (let row = 0; row < y.data.length; row += classes) {
      const [p, q] = [logProbabilities(y, row, classes), logProbabilities(other, row, classes)];
      for (let i = 0; i < classes; i++) {
        const log = p[i] as number;
        if (log > Number.NEGATIVE_INFINITY) this.kl += Math.exp(log) * (log - Math.max(q[i] as number, leastLog));
      }
      if (p.indexOf(Math.max(...p)) !== q.indexOf(Math.max(...q))) this.flipped++;
    }
  }

  private addValues(name: string, y: HostTensor, other: HostTensor): void {
    const sums = this.errors.get(name) ?? { error: 0, power: 0 };
    for (let i = 0; i < y.data.length; i++) {
      const value = Number(y.data[i]);
      sums.error += (value - Number(other.data[i])) ** 2;
      sums.power += value * value;
    }
    this.errors.set(name, sums);
  }

  get divergence(): Divergence {
    const { measure, flipped, samples } = this;
    const ratios = [...this.errors.values()].map(({ error, power }) => (power > 0 ? error / power : error));
    const value =
      measure === "kl" ? this.kl / Math.max(1, samples) : ratios.reduce((sum, ratio) => sum + ratio, 0) / Math.max(1, ratios.length);
    return { measure, value: Number.isNaN(value) ? Number.POSITIVE_INFINITY : Math.max(0, value), flipped, samples };
  }
}

/** A probability of 0 counts as this one, so that one lost class does not hide all others. */
const leastLog = Math.log(1e-12);

/** `[N, C]` with more than one class. */
function isScores({ shape }: HostTensor): boolean {
  return shape.length === 2 && (shape[1] as number) > 1;
}

/** Of a row of probabilities, or of logits through softmax. */
function logProbabilities({ data }: HostTensor, row: number, classes: number): readonly number[] {
  const values = Array.from({ length: classes }, (_, i) => Number(data[row + i]));
  const sum = values.reduce((total, value) => total + value, 0);
  if (Math.abs(sum - 1) < 1e-3 && values.every((value) => value >= 0)) return values.map((value) => Math.log(value));
  const most = Math.max(...values);
  const log = most + Math.log(values.reduce((total, value) => total + Math.exp(value - most), 0));
  return values.map((value) => value - log);
}
