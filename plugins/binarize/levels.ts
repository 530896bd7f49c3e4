/** @file Activations of two levels, from the histogram of a value: a threshold, and what stands for each side of it. */
import type { Histogram } from "../../compiler/index.ts";

export const thresholds = ["none", "zero", "mean", "given"] as const;
export const scalings = ["levels", "symmetric", "none"] as const;

export interface LevelOptions {
  readonly activations: (typeof thresholds)[number];
  readonly threshold: number;
  readonly scaling: (typeof scalings)[number];
}

export interface Levels {
  readonly threshold: number;
  /** Where the value is not above the threshold. */
  readonly low: number;
  readonly high: number;
}

/** @param histogram null only with a threshold of zero or given and no scaling */
export function levelsOf(histogram: Histogram | null, { activations, threshold: given, scaling }: LevelOptions): Levels {
  const all = averageOf(histogram, () => true);
  const threshold = activations === "mean" ? all.mean : activations === "given" ? given : 0;
  if (scaling === "none") return { threshold, low: -1, high: 1 };
  // XNOR-Net's magnitude, around the threshold.
  const size = averageOf(
    histogram,
    () => true,
    (value) => Math.abs(value - threshold),
  ).mean;
  if (scaling === "symmetric") return { threshold, low: threshold - size, high: threshold + size };
  const [low, high] = [averageOf(histogram, (value) => value <= threshold), averageOf(histogram, (value) => value > threshold)];
  return { threshold, low: low.count > 0 ? low.mean : threshold, high: high.count > 0 ? high.mean : threshold };
}

function averageOf(histogram: Histogram | null, counts: (value: number) => boolean, of = (value: number) => value) {
  const { most = 0, counts: bins = new Float64Array(0) } = histogram ?? {};
  let [sum, count] = [0, 0];
  bins.forEach((n, i) => {
    const value = ((i + 0.5) / bins.length) * 2 * most - most;
    if (n === 0 || !counts(value)) return;
    sum += n * of(value);
    count += n;
  });
  return { mean: count > 0 ? sum / count : 0, count };
}
