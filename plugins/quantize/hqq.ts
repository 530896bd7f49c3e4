/**
 * @file HQQ: steps for which the error is small in an l_p norm with p < 1, which cares less about outliers than squares do; no data. Half-quadratic splitting alternates between the sparse
 * part of the error (a generalized soft threshold) and the step of least squares for the rest. From: Badri and Shaji, "Half-Quadratic Quantization of Large Machine Learning Models", 2023.
 * There the zero point is a float and is what is fitted; here it is an integer code, so the step is fitted and the zero point kept.
 */
import { decode, encode, type Grid } from "./grid.ts";

const [norm, startBeta, growth, rounds] = [0.7, 10, 1.01, 20];

/** The grid with refitted steps; each block keeps the best it has had. */
export function halfQuadratic(values: ArrayLike<number>, grid: Grid): Grid {
  const { blocks, zeros } = grid;
  const spread = spreads(values, grid);
  let current = grid;
  const best = Float32Array.from(grid.scales);
  let least = lpErrors(values, grid);
  for (let [round, beta] = [0, startBeta]; round < rounds; round++, beta *= growth) {
    const [products, squares] = [new Float64Array(blocks.count), new Float64Array(blocks.count)];
    for (let i = 0; i < values.length; i++) {
      const [block, value] = [blocks.blockOf(i), values[i] as number];
      const code = encode(current, block, value);
      const unit = code - (zeros ? (zeros[block] as number) : 0);
      // Values in units of their block's spread, so that the threshold means the same in every layer.
      const outlier = shrunk((value - decode(current, block, code)) / (spread[block] as number), beta) * (spread[block] as number);
      products[block] = (products[block] as number) + unit * (value - outlier);
      squares[block] = (squares[block] as number) + unit * unit;
    }
    const scales = current.scales.map((scale, b) => {
      const fitted = Math.fround((products[b] as number) / (squares[b] as number));
      return fitted > 0 && Number.isFinite(fitted) ? fitted : scale;
    });
    current = { ...current, scales };
    const errors = lpErrors(values, current);
    errors.forEach((error, b) => {
      if (error < (least[b] as number)) best[b] = scales[b] as number;
    });
    least = least.map((error, b) => Math.min(error, errors[b] as number));
  }
  return { ...grid, scales: best };
}

/** sign(x) max(0, |x| - |x|^(p - 1) / beta). */
function shrunk(x: number, beta: number): number {
  const size = Math.abs(x);
  return size === 0 ? 0 : Math.sign(x) * Math.max(0, size - size ** (norm - 1) / beta);
}

/** Root mean square of each block; 1 where all is 0. */
function spreads(values: ArrayLike<number>, { blocks }: Grid): Float64Array {
  const [squares, counts] = [new Float64Array(blocks.count), new Float64Array(blocks.count)];
  for (let i = 0; i < values.length; i++) {
    const block = blocks.blockOf(i);
    squares[block] = (squares[block] as number) + (values[i] as number) ** 2;
    counts[block] = (counts[block] as number) + 1;
  }
  return squares.map((square, b) => Math.sqrt(square / (counts[b] as number)) || 1);
}

/** Sum of |error|^p of each block. */
export function lpErrors(values: ArrayLike<number>, grid: Grid): Float64Array {
  const errors = new Float64Array(grid.blocks.count);
  for (let i = 0; i < values.length; i++) {
    const [block, value] = [grid.blocks.blockOf(i), values[i] as number];
    errors[block] = (errors[block] as number) + Math.abs(value - decode(grid, block, encode(grid, block, value))) ** norm;
  }
  return errors;
}
