/**
 * @file Ranges of activations from their histograms, for values whose largest elements are rare: by percentile, by least divergence (TensorRT's method: Migacz, "8-bit Inference with TensorRT",
 * 2017) or by least squared error. Each gives the ends of a range; all lie inside smallest and largest element.
 */
import type { Histogram } from "../../compiler/index.ts";

export const rangeRules = ["minmax", "percentile", "kl", "mse"] as const;
export type ActivationRule = (typeof rangeRules)[number];

export interface Ends {
  readonly min: number;
  readonly max: number;
}

export interface ClippingOptions {
  readonly range: ActivationRule;
  /** 50..100. */
  readonly percentile: number;
}

/** @returns the ends; min-max where the histogram has one bin or none */
export function clippedEnds(histogram: Histogram, { range, percentile }: ClippingOptions): Ends {
  const { min, max, most, count } = histogram;
  if (range === "minmax" || most === 0 || count === 0) return { min, max };
  const ends = range === "percentile" ? byPercentile(histogram, percentile) : range === "kl" ? byDivergence(histogram) : byError(histogram);
  return { min: Math.max(min, Math.min(ends.min, max)), max: Math.min(max, Math.max(ends.max, min)) };
}

const widthOf = ({ most, counts }: Histogram): number => (2 * most) / counts.length;

/** Left out at each end is at most `(100 - percentile) / 100` of the elements. */
function byPercentile(histogram: Histogram, percentile: number): Ends {
  const { counts, count, most } = histogram;
  const [cut, width] = [count * (1 - percentile / 100), widthOf(histogram)];
  const passed = (bins: Float64Array): number => {
    let [seen, at] = [bins[0] as number, 0];
    while (seen <= cut && at < bins.length - 1) seen += bins[++at] as number;
    return at * width;
  };
  return { min: passed(counts) - most, max: most - passed(Float64Array.from(counts).reverse()) };
}

const levels = 128;

/** The threshold on |x| for which the clipped distribution and its 128 levels diverge least. */
function byDivergence(histogram: Histogram): Ends {
  const { counts, most } = histogram;
  const half = counts.length / 2;
  const folded = Float64Array.from({ length: half }, (_, i) => (counts[half + i] as number) + (counts[half - 1 - i] as number));
  // What relu cuts is all in the first bin, which every grid holds exactly; spread over a level it would outweigh all else.
  folded[0] = folded[1] as number;
  let [best, least] = [half, Number.POSITIVE_INFINITY];
  let outside = folded.subarray(levels).reduce((sum, n) => sum + n, 0);
  for (let bins = levels; bins <= half; bins++) {
    const divergence = divergenceOf(folded.subarray(0, bins), outside);
    if (divergence < least) [best, least] = [bins, divergence];
    outside -= folded[bins] ?? 0;
  }
  // A threshold in the middle of its last bin, as TensorRT takes it.
  const threshold = ((best === half ? half : best + 0.5) / half) * most;
  return { min: -threshold, max: threshold };
}

/** KL(P || Q): P has what lies outside in its last bin, Q are the bins without it, spread over levels and back over the bins that are not empty. */
function divergenceOf(inside: Float64Array, outside: number): number {
  const total = inside.reduce((sum, n) => sum + n, 0);
  if (total === 0) return Number.POSITIVE_INFINITY;
  const spread = overLevels(inside);
  let divergence = 0;
  inside.forEach((n, i) => {
    const p = (n + (i === inside.length - 1 ? outside : 0)) / (total + outside);
    const q = Math.max((spread[i] as number) / total, smoothing);
    if (p > 0) divergence += p * Math.log(p / q);
  });
  return divergence;
}

const smoothing = 1e-9;

function overLevels(bins: Float64Array): Float64Array {
  const spread = new Float64Array(bins.length);
  for (let level = 0; level < levels; level++) {
    const [from, to] = [Math.floor((level * bins.length) / levels), Math.floor(((level + 1) * bins.length) / levels)];
    let [sum, filled] = [0, 0];
    for (let i = from; i < to; i++) {
      sum += bins[i] as number;
      if (bins[i] !== 0) filled++;
    }
    for (let i = from; i < to; i++) if (bins[i] !== 0) spread[i] = sum / filled;
  }
  return spread;
}

const steps = 24;

/** Both ends by turns on a grid of 0.2 .. 1.0 of the range, where the squared error of 256 levels over the histogram is least. */
function byError(histogram: Histogram): Ends {
  let ends: Ends = { min: Math.min(0, histogram.min), max: Math.max(0, histogram.max) };
  const full = ends;
  for (let round = 0; round < 2; round++) {
    for (const end of ["max", "min"] as const) {
      const trials = Array.from({ length: steps }, (_, i) => ({ ...ends, [end]: full[end] * (1 - (0.8 * i) / (steps - 1)) }));
      const errors = trials.map((trial) => errorOf(histogram, trial));
      ends = trials[errors.indexOf(Math.min(...errors))] ?? ends;
    }
  }
  return ends;
}

function errorOf(histogram: Histogram, { min, max }: Ends): number {
  const { counts, most } = histogram;
  const [width, step] = [widthOf(histogram), (max - min) / 255];
  let error = 0;
  counts.forEach((n, i) => {
    if (n === 0) return;
    const value = (i + 0.5) * width - most;
    // Inside, rounding errs by step^2 / 12 in the mean; a bin is too wide to see it.
    const beyond = value < min ? min - value : value > max ? value - max : 0;
    error += n * (beyond * beyond + (beyond > 0 ? 0 : (step * step) / 12));
  });
  return error;
}
