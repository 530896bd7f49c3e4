/**
 * @file What calibration gathers about a value: an observer sees every batch once, in order, and keeps a summary. Ranges are here; histograms and Gram matrices are
 * observers of the same shape.
 */
import type { HostTensor } from "../../ir-spec/index.ts";

export interface Observer {
  /** The value for one batch. The array is not the observer's to keep or to change; the next batch comes when the promise, if any, is kept. */
  observe(value: HostTensor): void | Promise<void>;
}

export interface Range {
  /** Smallest and largest finite element; +inf and -inf where there was none. */
  readonly min: number;
  readonly max: number;
  /** Elements that were NaN or infinite. */
  readonly nonFinite: number;
  readonly count: number;
}

/** Smallest and largest element (min-max calibration). */
export class RangeObserver implements Observer {
  private low = Number.POSITIVE_INFINITY;
  private high = Number.NEGATIVE_INFINITY;
  private broken = 0;
  private seen = 0;

  observe({ data }: HostTensor): void {
    for (let i = 0; i < data.length; i++) {
      const value = Number(data[i]);
      if (!Number.isFinite(value)) {
        this.broken++;
        continue;
      }
      if (value < this.low) this.low = value;
      if (value > this.high) this.high = value;
    }
    this.seen += data.length;
  }

  get range(): Range {
    return { min: this.low, max: this.high, nonFinite: this.broken, count: this.seen };
  }
}
