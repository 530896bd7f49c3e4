/**
 * @file Bilinear resizing along one axis at a time. Half-pixel convention: pixel i covers [i, i + 1) and is sampled at i + 0.5, so that a picture keeps its
 * place at every size. When it shrinks, the triangle is widened by the factor and so averages every pixel that an output pixel covers (antialiased; Pillow's
 * BILINEAR does the same, OpenCV's INTER_LINEAR and a plain canvas do not). At equal size every pixel stays exactly itself.
 */

/** Which source pixels make output pixel i: `weights[i * reach + k]` of pixel `starts[i] + k`, k < `counts[i]`. They sum to 1. */
export interface Taps {
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  readonly weights: Float64Array;
  readonly reach: number;
}

/** `size` output pixels over the part [start, start + length) of a line of `available` pixels. */
export function tapsOf(available: number, start: number, length: number, size: number): Taps {
  const factor = length / size;
  const radius = Math.max(1, factor);
  const reach = Math.ceil(2 * radius) + 1;
  const taps = { starts: new Int32Array(size), counts: new Int32Array(size), weights: new Float64Array(size * reach), reach };
  for (let i = 0; i < size; i++) writeTaps(taps, i, start + (i + 0.5) * factor, radius, available);
  return taps;
}

function writeTaps({ starts, counts, weights, reach }: Taps, i: number, center: number, radius: number, available: number): void {
  const first = Math.max(0, Math.ceil(center - radius - 0.5));
  const last = Math.min(available - 1, Math.floor(center + radius - 0.5));
  let sum = 0;
  for (let pixel = first; pixel <= last; pixel++) {
    const weight = Math.max(0, 1 - Math.abs(pixel + 0.5 - center) / radius);
    weights[i * reach + pixel - first] = weight;
    sum += weight;
  }
  starts[i] = first;
  counts[i] = last - first + 1;
  for (let k = 0; k <= last - first; k++) weights[i * reach + k] = (weights[i * reach + k] as number) / sum;
}

/** Resizes one row of interleaved channels into `out`, from `offset`. */
export function resizeRow(
  row: Float32Array,
  channels: number,
  { starts, counts, weights, reach }: Taps,
  out: Float32Array,
  offset: number,
): void {
  for (let x = 0; x < starts.length; x++) {
    const [start, count] = [starts[x] as number, counts[x] as number];
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let k = 0; k < count; k++) sum += (weights[x * reach + k] as number) * (row[(start + k) * channels + c] as number);
      out[offset + x * channels + c] = sum;
    }
  }
}

/** Output row `y` of rows of `stride` values, into `out`. */
export function resizeColumnRow(
  rows: Float32Array,
  stride: number,
  { starts, counts, weights, reach }: Taps,
  y: number,
  out: Float32Array,
): void {
  const [start, count] = [starts[y] as number, counts[y] as number];
  for (let i = 0; i < stride; i++) {
    let sum = 0;
    for (let k = 0; k < count; k++) sum += (weights[y * reach + k] as number) * (rows[(start + k) * stride + i] as number);
    out[i] = sum;
  }
}
