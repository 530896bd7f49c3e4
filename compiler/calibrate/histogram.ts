/**
 * @file A histogram whose range grows: bins over [-most, most], neighbours merged in pairs whenever a value lies outside. One look at the data is enough, and the result depends on the values
 * alone up to the width of a bin. For percentile, KL (TensorRT) and MSE calibration.
 */
import type { HostTensor } from "../../ir-spec/index.ts";
import type { Observer } from "./observer.ts";

export interface Histogram {
  /** Bins cover [-most, most] evenly; 0 where every value was 0. */
  readonly most: number;
  readonly counts: Float64Array;
  readonly min: number;
  readonly max: number;
  /** Finite elements. */
  readonly count: number;
  /** Elements that were NaN or infinite. */
  readonly nonFinite: number;
}

/** Bins; a power of two, so that pairs of them meet in the middle. */
export const histogramBins = 4096;

export class HistogramObserver implements Observer {
  private counts = new Float64Array(histogramBins);
  private most = 0;
  private min = Number.POSITIVE_INFINITY;
  private max = Number.NEGATIVE_INFINITY;
  private seen = 0;
  private zeros = 0;
  private broken = 0;

  observe({ data }: HostTensor): void {
    for (let i = 0; i < data.length; i++) this.add(Number(data[i]));
  }

  private add(value: number): void {
    if (!Number.isFinite(value)) {
      this.broken++;
      return;
    }
    this.seen++;
    if (value < this.min) this.min = value;
    if (value > this.max) this.max = value;
    if (this.most === 0) {
      if (value === 0) this.zeros++;
      else this.begin(Math.abs(value));
    }
    if (this.most === 0) return;
    while (Math.abs(value) > this.most) this.widen();
    const bin = Math.floor(((value + this.most) / (2 * this.most)) * histogramBins);
    const at = Math.min(histogramBins - 1, bin);
    this.counts[at] = (this.counts[at] as number) + 1;
  }

  /** The least power of two that holds the first value that is not 0: so every order of the same values gives the same bins. */
  private begin(magnitude: number): void {
    this.most = 2 ** Math.ceil(Math.log2(magnitude));
    while (this.most < magnitude) this.most *= 2;
    this.counts[histogramBins / 2] = this.zeros;
  }

  private widen(): void {
    const half = histogramBins / 2;
    const wide = new Float64Array(histogramBins);
    for (let i = 0; i < histogramBins; i++) {
      const to = half / 2 + Math.floor(i / 2);
      wide[to] = (wide[to] as number) + (this.counts[i] as number);
    }
    this.counts = wide;
    this.most *= 2;
  }

  get histogram(): Histogram {
    const { most, min, max, counts } = this;
    return { most, counts, min, max, count: this.seen, nonFinite: this.broken };
  }
}
