/**
 * @file The values that codes of few bits can stand for: `w = s (q - z)`, with a scale and, for affine grids, an integer zero point per tensor, per channel or per group. The range of a
 * block is its smallest and largest element (min-max), or the clipped range of least squared error on a grid of 0.3 .. 1.0 of it (MSE), where elements may count by how much the
 * layer's inputs weigh them. From: Jacob et al., 2018; Banner, Nahshan, Soudry, 2019.
 */

export interface Blocks {
  /** Elements whose index has the same block number share a scale. */
  readonly blockOf: (index: number) => number;
  readonly count: number;
}

export type RangeRule = "minmax" | "mse";

export interface Grid {
  readonly blocks: Blocks;
  /** Steps, rounded to f32, one per block; 1 where all its values are 0. */
  readonly scales: Float32Array;
  /** The codes of 0; null for symmetric grids: all 0. */
  readonly zeros: Int8Array | null;
  /** Smallest and largest code. */
  readonly least: number;
  readonly most: number;
}

export interface GridOptions {
  /** 2..8. Symmetric codes lie in `-(2^(bits-1) - 1) .. 2^(bits-1) - 1`, affine ones in `-2^(bits-1) .. 2^(bits-1) - 1`. */
  readonly bits: number;
  readonly affine?: boolean;
  readonly rule: RangeRule;
  /** How much the squared error of each element counts; default 1. */
  readonly weights?: ArrayLike<number> | null;
}

export function gridFor(values: ArrayLike<number>, blocks: Blocks, options: GridOptions): Grid {
  const { bits, affine = false, rule } = options;
  const most = 2 ** (bits - 1) - 1;
  const limits = { least: affine ? -most - 1 : -most, most };
  const ends = endsOf(values, blocks, affine);
  const full = clipped(ends, blocks, limits, affine, 1);
  return rule === "mse" ? refined(values, full, ends, affine, options.weights ?? null) : full;
}

type Ends = readonly [low: Float64Array, high: Float64Array];

/** Smallest and largest element of each block, 0 always among them; symmetric ones mirror the larger. */
function endsOf(values: ArrayLike<number>, { blockOf, count }: Blocks, affine: boolean): Ends {
  const [low, high] = [new Float64Array(count), new Float64Array(count)];
  for (let i = 0; i < values.length; i++) {
    const [block, value] = [blockOf(i), values[i] as number];
    if (value < (low[block] as number)) low[block] = value;
    if (value > (high[block] as number)) high[block] = value;
  }
  if (affine) return [low, high];
  const most = high.map((value, i) => Math.max(value, -(low[i] as number)));
  return [most.map((value) => -value), most];
}

function clipped([low, high]: Ends, blocks: Blocks, { least, most }: Pick<Grid, "least" | "most">, affine: boolean, share: number): Grid {
  const scales = Float32Array.from(low, (value, i) => {
    const scale = affine ? ((high[i] as number) - value) / (most - least) : (high[i] as number) / most;
    return Math.fround(scale) === 0 ? 1 : Math.fround(scale) * share;
  });
  const zeros = affine
    ? Int8Array.from(low, (value, i) => Math.max(least, Math.min(most, Math.round(least - (value * share) / (scales[i] as number)))))
    : null;
  return { blocks, scales, zeros, least, most };
}

const gridSteps = 36;

function refined(values: ArrayLike<number>, full: Grid, ends: Ends, affine: boolean, weights: ArrayLike<number> | null): Grid {
  const { blocks } = full;
  const best = new Float64Array(blocks.count).fill(Number.POSITIVE_INFINITY);
  const [scales, zeros] = [Float32Array.from(full.scales), full.zeros && Int8Array.from(full.zeros)];
  for (let step = 0; step < gridSteps; step++) {
    const trial = clipped(ends, blocks, full, affine, 1 - (0.7 * step) / (gridSteps - 1));
    const errors = new Float64Array(blocks.count);
    for (let i = 0; i < values.length; i++) {
      const [block, value] = [blocks.blockOf(i), values[i] as number];
      const gap = value - nearest(trial, block, value);
      errors[block] = (errors[block] as number) + gap * gap * (weights ? (weights[i] as number) : 1);
    }
    errors.forEach((error, block) => {
      if (!(error < (best[block] as number))) return;
      best[block] = error;
      scales[block] = trial.scales[block] as number;
      if (zeros && trial.zeros) zeros[block] = trial.zeros[block] as number;
    });
  }
  return { ...full, scales, zeros };
}

/** Round half to even, saturated: what `quant.quantize` does. */
export function encode({ scales, zeros, least, most }: Grid, block: number, value: number): number {
  const x = value / (scales[block] as number);
  const floor = Math.floor(x);
  const rest = x - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
  const code = rounded + (zeros ? (zeros[block] as number) : 0);
  return code < least ? least : code > most ? most : code;
}

export function decode({ scales, zeros }: Grid, block: number, code: number): number {
  return (code - (zeros ? (zeros[block] as number) : 0)) * (scales[block] as number);
}

function nearest(grid: Grid, block: number, value: number): number {
  return decode(grid, block, encode(grid, block, value));
}

/** Each value to its nearest code. */
export function roundToGrid(values: ArrayLike<number>, grid: Grid): Int8Array {
  return Int8Array.from(values, (value, i) => encode(grid, grid.blocks.blockOf(i), value));
}

/** Mean squared error of codes. */
export function gridError(values: ArrayLike<number>, grid: Grid, codes: Int8Array): number {
  let error = 0;
  for (let i = 0; i < values.length; i++) error += ((values[i] as number) - decode(grid, grid.blocks.blockOf(i), codes[i] as number)) ** 2;
  return values.length === 0 ? 0 : error / values.length;
}
