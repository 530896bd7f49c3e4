/**
 * @file Codes of a layer's weights by a method that looks at its inputs: every row by GPTQ or AdaRound on a given grid, then the steps that are best for those codes, in least squares under
 * the Gram matrix.
 */

import type { LayerMatrix, Moments, CodedRow as Row } from "../../compiler/index.ts";
import { adaround, descentFrom, refitRow } from "../../compiler/index.ts";
import { type GptqOptions, gptq } from "./gptq.ts";
import { type Grid, roundToGrid } from "./grid.ts";

export interface MatrixMethod extends GptqOptions {
  readonly method: "gptq" | "adaround";
  /** Afterwards neighbouring codes and steps in turn, while that helps. */
  readonly refine: boolean;
}

export interface MatrixCodes {
  readonly grid: Grid;
  readonly codes: Int8Array;
}

/** How much the error of each stored element counts: the second moment of the input that it multiplies. */
export function importances(count: number, layer: LayerMatrix): Float64Array {
  const { columns, places, moments } = layer;
  const weights = new Float64Array(count);
  places.forEach((place, i) => {
    const { matrix } = moments[groupOf(Math.floor(i / columns), layer)] as Moments;
    const column = i % columns;
    if (place >= 0) weights[place] = (weights[place] as number) + (matrix[column * columns + column] as number);
  });
  // A block whose inputs are all 0 would have no best step: its weights count a little.
  const mean = weights.reduce((sum, value) => sum + value, 0) / Math.max(1, count);
  return weights.map((value) => value + 1e-6 * (mean || 1));
}

/**
 * @param leastScale steps do not become smaller than this
 * @returns null where the Gram matrix has no Cholesky factor
 */
export function roundMatrix(
  values: ArrayLike<number>,
  grid: Grid,
  matrix: LayerMatrix,
  method: MatrixMethod,
  leastScale: (block: number) => number = () => 0,
): MatrixCodes | null {
  const { rows, columns, places, moments } = matrix;
  const methods = moments.map((own) => (method.method === "gptq" ? gptq(own, method) : (row: Row) => adaround(row, own)));
  let made: MatrixCodes = { grid, codes: roundToGrid(values, grid) };
  const rounds = method.refine ? refinements : 0;
  for (let round = 0; round <= rounds; round++) {
    const codes = Int8Array.from(made.codes);
    for (let r = 0; r < rows; r++) {
      const own = places.subarray(r * columns, (r + 1) * columns);
      const row = rowOf(values, made.grid, own);
      const first = methods[groupOf(r, matrix)];
      if (!first) return null;
      const current = () => Int8Array.from(own, (place) => (place < 0 ? 0 : (codes[place] as number)));
      const chosen = round === 0 ? first(row) : descentFrom(row, current(), moments[groupOf(r, matrix)] as Moments);
      chosen.forEach((code, c) => {
        if ((own[c] as number) >= 0) codes[own[c] as number] = code;
      });
    }
    made = { codes, grid: refitted(values, made.grid, codes, matrix, leastScale) };
  }
  return made;
}

/** Rounds of descent and refitting after the first; most of the gain comes with two. */
const refinements = 4;

function groupOf(row: number, { rows, moments }: LayerMatrix): number {
  return Math.floor((row * moments.length) / rows);
}

/** The grid with the best steps for the codes, where no two rows share one; else the grid. */
function refitted(
  values: ArrayLike<number>,
  grid: Grid,
  codes: Int8Array,
  matrix: LayerMatrix,
  leastScale: (block: number) => number,
): Grid {
  const { rows, columns, places, moments } = matrix;
  const owner = new Int32Array(grid.blocks.count).fill(-1);
  const fitted = { ...grid, scales: Float32Array.from(grid.scales) };
  for (let r = 0; r < rows; r++) {
    const own = places.subarray(r * columns, (r + 1) * columns);
    const blocks = Int32Array.from(own, (place) => (place < 0 ? -1 : grid.blocks.blockOf(place)));
    for (const block of blocks) {
      if (block >= 0 && owner[block] !== -1 && owner[block] !== r) return grid;
      if (block >= 0) owner[block] = r;
    }
    const rowCodes = Int8Array.from(own, (place) => (place < 0 ? 0 : (codes[place] as number)));
    for (const [block, scale] of refitRow(rowOf(values, grid, own), rowCodes, blocks, moments[groupOf(r, matrix)] as Moments))
      if (scale >= leastScale(block)) fitted.scales[block] = scale;
  }
  return fitted;
}

function rowOf(values: ArrayLike<number>, { blocks, scales, zeros, least, most }: Grid, places: Int32Array): Row {
  const at = (read: (place: number) => number, none: number) => Float64Array.from(places, (place) => (place < 0 ? none : read(place)));
  return {
    weights: at((place) => values[place] as number, 0),
    scales: at((place) => scales[blocks.blockOf(place)] as number, 1),
    zeros: at((place) => (zeros ? (zeros[blocks.blockOf(place)] as number) : 0), 0),
    fixed: Uint8Array.from(places, (place) => (place < 0 ? 1 : 0)),
    least,
    most,
  };
}
