/** @file Statistics per channel of a value: for batch-norm re-estimation, bias correction, equalization, AWQ and scores by activation. */
import type { HostTensor } from "../../ir-spec/index.ts";
import type { Observer } from "./observer.ts";

/** Arrays of one number a channel. */
export interface ChannelStatistics {
  /** The axis whose places are the channels. */
  readonly axis: number;
  readonly mean: Float64Array;
  /** Over all elements of the channel, not corrected for their number. */
  readonly variance: Float64Array;
  /** E|x|. */
  readonly meanAbs: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  /** Elements of each channel. */
  readonly count: number;
}

/** Axis 1 of pictures, volumes and sequences of ONNX's layout (`[N, C, ...]`, rank 4 and more, and rank 3 of convolutions by request); else the last. */
export function channelAxis(rank: number): number {
  return rank >= 4 ? 1 : Math.max(0, rank - 1);
}

export class ChannelObserver implements Observer {
  private readonly wanted: number | null;
  private axis = 0;
  private sums: readonly [sum: Float64Array, squares: Float64Array, abs: Float64Array, min: Float64Array, max: Float64Array] | null = null;
  private count = 0;

  constructor(axis: number | null = null) {
    this.wanted = axis;
  }

  observe({ shape, data }: HostTensor): void {
    this.axis = this.wanted ?? channelAxis(shape.length);
    const channels = shape[this.axis] ?? 1;
    const inner = shape.slice(this.axis + 1).reduce((product, size) => product * size, 1);
    const zeros = (value = 0) => new Float64Array(channels).fill(value);
    this.sums ??= [zeros(), zeros(), zeros(), zeros(Number.POSITIVE_INFINITY), zeros(Number.NEGATIVE_INFINITY)];
    const [sum, squares, abs, min, max] = this.sums;
    for (let i = 0; i < data.length; i++) {
      const channel = Math.floor(i / inner) % channels;
      const value = Number(data[i]);
      sum[channel] = (sum[channel] as number) + value;
      squares[channel] = (squares[channel] as number) + value * value;
      abs[channel] = (abs[channel] as number) + Math.abs(value);
      if (value < (min[channel] as number)) min[channel] = value;
      if (value > (max[channel] as number)) max[channel] = value;
    }
    this.count += data.length / Math.max(1, channels);
  }

  get statistics(): ChannelStatistics {
    const [sum, squares, abs, min, max] = this.sums ?? [0, 0, 0, 0, 0].map(() => new Float64Array(0));
    const per = (values: Float64Array | undefined) => (values ?? new Float64Array(0)).map((value) => value / Math.max(1, this.count));
    const mean = per(sum);
    const variance = per(squares).map((square, i) => Math.max(0, square - (mean[i] as number) ** 2));
    const kept = (values: Float64Array | undefined) => values ?? new Float64Array(0);
    return { axis: this.axis, mean, variance, meanAbs: per(abs), min: kept(min), max: kept(max), count: this.count };
  }
}
