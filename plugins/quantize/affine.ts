/**
 * @file Symmetric integer quantization of a tensor's values: q = round(x / s), s per tensor, per channel or per group. The range of each block is its largest
 * magnitude (min-max), or the clipped range of smallest squared error on a grid of 0.3 .. 1.0 of it (MSE; no data needed for weights).
 */

export interface Blocks {
  /** Elements whose index has the same block number share a scale. */
  readonly blockOf: (index: number) => number;
  readonly count: number;
}

export interface Quantized {
  readonly codes: Int8Array;
  /** One per block, already rounded to f32. */
  readonly scales: Float32Array;
  readonly error: number;
}

export type RangeRule = "minmax" | "mse";

/** @param bits 2..8; codes lie in -(2^(bits-1) - 1) .. 2^(bits-1) - 1. */
export function quantizeSymmetric(values: ArrayLike<number>, blocks: Blocks, bits: number, rule: RangeRule): Quantized {
  const scales = symmetricScales(values, blocks, bits, rule);
  return { scales, ...quantizeWithScales(values, blocks, bits, scales) };
}

/** One scale per block; 1 where all its values are 0. */
export function symmetricScales(values: ArrayLike<number>, blocks: Blocks, bits: number, rule: RangeRule): Float32Array {
  const limit = codeLimit(bits);
  const largest = new Float64Array(blocks.count);
  for (let i = 0; i < values.length; i++) {
    const block = blocks.blockOf(i);
    largest[block] = Math.max(largest[block] as number, Math.abs(values[i] as number));
  }
  const scales = Float32Array.from(largest, (max) => (max === 0 ? 1 : max / limit));
  if (rule === "mse") refine(values, blocks, limit, scales);
  return scales;
}

/** Codes under given scales, and the mean squared error. */
export function quantizeWithScales(
  values: ArrayLike<number>,
  blocks: Blocks,
  bits: number,
  scales: Float32Array,
): Pick<Quantized, "codes" | "error"> {
  const limit = codeLimit(bits);
  const codes = new Int8Array(values.length);
  let error = 0;
  for (let i = 0; i < values.length; i++) {
    const scale = scales[blocks.blockOf(i)] as number;
    codes[i] = encode(values[i] as number, scale, limit);
    error += ((values[i] as number) - (codes[i] as number) * scale) ** 2;
  }
  return { codes, error: values.length === 0 ? 0 : error / values.length };
}

function codeLimit(bits: number): number {
  return 2 ** (bits - 1) - 1;
}

/** Round half to even, saturated: what `quant.quantize` does. */
function encode(value: number, scale: number, limit: number): number {
  const x = value / scale;
  const floor = Math.floor(x);
  const rest = x - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  return Math.max(-limit, Math.min(limit, rounded));
}

const gridSteps = 36;

function refine(values: ArrayLike<number>, blocks: Blocks, limit: number, scales: Float32Array): void {
  const best = new Float64Array(blocks.count).fill(Number.POSITIVE_INFINITY);
  const full = Float32Array.from(scales);
  for (let step = 0; step < gridSteps; step++) {
    const share = 1 - (0.7 * step) / (gridSteps - 1);
    const trial = Float32Array.from(full, (scale) => scale * share);
    const errors = new Float64Array(blocks.count);
    for (let i = 0; i < values.length; i++) {
      const block = blocks.blockOf(i);
      const scale = trial[block] as number;
      errors[block] = (errors[block] as number) + ((values[i] as number) - encode(values[i] as number, scale, limit) * scale) ** 2;
    }
    errors.forEach((error, block) => {
      if (error >= (best[block] as number)) return;
      best[block] = error;
      scales[block] = trial[block] as number;
    });
  }
}
