/**
 * @file Linear prediction of a code from the sixteen before it and, where asked, from its neighbours in the two filters above: normalized least mean squares (Widrow and Hoff 1960; as
 * lossless audio coders use it). Most weights are noise to it; bases of Fourier transforms, smooth kernels and the near-copies in detection heads are not.
 */

/** Step sizes by the predictor's number; the number's bit 2 adds the filters above. */
const rates = [0.05, 0.1, 0.2, 0.4];
const behind = 16;
const above = 6;

/** Numbers of predictors: 0 is none. */
export const predictorCount = 8;

export class Predictor {
  private readonly values: Int8Array;
  private readonly row: number;
  private readonly lowest: number;
  private readonly rate: number;
  private readonly taps: number;
  private readonly weights: Float64Array;
  private readonly inputs: Float64Array;
  private raw = 0;
  private energy = 0;

  /**
   * @param number 1..8
   * @param values all codes; those before the current one are known
   * @param row codes in a filter
   * @param width bits of a code
   */
  constructor(number: number, values: Int8Array, row: number, width: number) {
    this.values = values;
    this.row = row;
    this.lowest = -(1 << (width - 1));
    this.rate = rates[(number - 1) & 3] as number;
    this.taps = behind + (number > 4 ? above : 0);
    this.weights = new Float64Array(this.taps);
    this.inputs = new Float64Array(this.taps);
  }

  /** A code in range for the one at `i`. */
  predict(i: number): number {
    const { values, inputs, weights, taps, row } = this;
    for (let k = 0; k < behind; k++) inputs[k] = i > k ? (values[i - 1 - k] as number) : 0;
    for (let k = behind; k < taps; k++) {
      const away = k - behind < 3 ? row : 2 * row;
      const at = i - away + ((k - behind) % 3) - 1;
      inputs[k] = at >= 0 && at < i ? (values[at] as number) : 0;
    }
    let sum = 0;
    let energy = 0.001 * this.lowest * this.lowest;
    for (let k = 0; k < taps; k++) {
      const x = inputs[k] as number;
      sum += (weights[k] as number) * x;
      energy += x * x;
    }
    this.raw = sum;
    this.energy = energy;
    return Math.max(this.lowest, Math.min(-1 - this.lowest, Math.floor(sum + 0.5)));
  }

  /** The code that was predicted last. */
  learn(value: number): void {
    const step = ((value - this.raw) * this.rate) / this.energy;
    for (let k = 0; k < this.taps; k++) this.weights[k] = (this.weights[k] as number) + step * (this.inputs[k] as number);
  }
}
