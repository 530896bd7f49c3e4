/**
 * @file The probabilities of the context coder. Each decision is predicted in three contexts, and the predictions are mixed in the logistic domain with weights that learn (Mahoney, "Adaptive weighing of context models for
 * lossless data compression", 2005), where DeepCABAC averages two rates of one context. A probability moves by 1 / (times seen + start), so that early symbols count most.
 */
import { squashTable, stretchTable } from "./exact-math.ts";
import { binCount, magnitudeBin, nodeCount, priorTable } from "./magnitude-prior.ts";

/** One binary decision with the probability of a 1, of 65536: an encoder codes `bit`, a decoder ignores it and returns the decoded one. */
export interface ProbabilityCoder {
  code(probability: number, bit: number): number;
}

const patternCount = 27;
const patternSize = 2 * patternCount;
const startCount = 24;
const countLimit = 1000;
const mixingRate = 0.004;

const adaptation = Float64Array.from({ length: countLimit + 1 }, (_, n) => 1 / (n + 1.5));

const priors = new Map<number, Float32Array>();

/** Pure in `width`: made once. */
function priorOf(width: number): Float32Array {
  const known = priors.get(width) ?? priorTable(width);
  priors.set(width, known);
  return known;
}

export class ContextModel {
  /** Patterns of the first two decisions, then all decisions, then by the row's bin, then by the column's. */
  private readonly probabilities: Float32Array;
  private readonly counts: Uint16Array;
  private readonly weights = new Float64Array(3 * nodeCount).fill(1 / 3);
  private pattern = 0;
  private row = 0;
  private column = 0;
  /** false: decisions are priced, nothing is learned. */
  learning = true;

  constructor(width: number) {
    const prior = priorOf(width);
    const start = (width >= 8 ? 23 : width >= 4 ? 17 : 8) * nodeCount;
    const flat = patternSize + nodeCount;
    this.probabilities = new Float32Array(flat + 2 * binCount * nodeCount);
    this.probabilities.fill(0.5, 0, patternSize);
    for (let p = 0; p < patternCount; p++) this.probabilities[2 * p] = prior[start] as number;
    this.probabilities.set(prior.subarray(start, start + nodeCount), patternSize);
    this.probabilities.set(prior, flat);
    this.probabilities.set(prior, flat + binCount * nodeCount);
    this.counts = new Uint16Array(this.probabilities.length).fill(startCount);
    this.counts.fill(4, 0, patternSize);
  }

  /** The contexts of the next value: signs of three neighbours (0..26), and average magnitudes along the row and in the column. */
  at(pattern: number, row: number, column: number): void {
    const flat = patternSize + nodeCount;
    this.pattern = 2 * pattern;
    this.row = flat + magnitudeBin(row) * nodeCount;
    this.column = flat + (binCount + magnitudeBin(column)) * nodeCount;
  }

  /** A decision in its own context alone. */
  plain(coder: ProbabilityCoder, node: number, bit: number): number {
    const at = node < 2 ? this.pattern + node : patternSize + node;
    const p = Math.floor((this.probabilities[at] as number) * 65536);
    const coded = coder.code(p < 32 ? 32 : p > 65504 ? 65504 : p, bit);
    if (this.learning) this.learn(at, coded);
    return coded;
  }

  /** A decision predicted by the mixture. */
  mixed(coder: ProbabilityCoder, node: number, bit: number): number {
    const { probabilities, weights } = this;
    const a = node < 2 ? this.pattern + node : patternSize + node;
    const b = this.row + node;
    const c = this.column + node;
    const sa = stretchTable[((probabilities[a] as number) * 4096) | 0] as number;
    const sb = stretchTable[((probabilities[b] as number) * 4096) | 0] as number;
    const sc = stretchTable[((probabilities[c] as number) * 4096) | 0] as number;
    const w = 3 * node;
    const x = (weights[w] as number) * sa + (weights[w + 1] as number) * sb + (weights[w + 2] as number) * sc;
    const place = Math.floor(x * 128 + 2048.5);
    const p = squashTable[place < 0 ? 0 : place > 4095 ? 4095 : place] as number;
    const coded = coder.code(p, bit);
    if (!this.learning) return coded;
    const step = (coded - p / 65536) * mixingRate;
    weights[w] = (weights[w] as number) + step * sa;
    weights[w + 1] = (weights[w + 1] as number) + step * sb;
    weights[w + 2] = (weights[w + 2] as number) + step * sc;
    this.learn(a, coded);
    this.learn(b, coded);
    this.learn(c, coded);
    return coded;
  }

  private learn(at: number, bit: number): void {
    const n = this.counts[at] as number;
    const p = this.probabilities[at] as number;
    this.probabilities[at] = p + (bit * (1 - 2 * leastProbability) + leastProbability - p) * (adaptation[n] as number);
    if (n < countLimit) this.counts[at] = n + 1;
  }
}

/** Probabilities move towards this and its complement, never beyond. */
const leastProbability = 1 / 16384;
