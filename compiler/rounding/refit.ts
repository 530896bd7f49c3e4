/** @file The steps that are best for given codes of a row, block after block, in least squares under the Gram matrix: `s += -(u G e) / (u G u)` for the block's codes u and the row's errors e. */
import { gradientOf, type Moments, type Row } from "./rows.ts";

/** Sweeps over the blocks; each step lowers the row's error. */
const sweeps = 4;

/**
 * @param blocks of each column; -1 where the column has no code
 * @returns the new step of each block that has a better one, rounded to f32
 */
export function refitRow(row: Row, codes: Int8Array, blocks: Int32Array, { size, matrix }: Moments): ReadonlyMap<number, number> {
  const { gradient } = gradientOf(row, codes, { size, matrix });
  const members = new Map<number, number[]>();
  const scales = new Map<number, number>();
  blocks.forEach((block, column) => {
    if (block < 0) return;
    const list = members.get(block);
    if (list) list.push(column);
    else members.set(block, [column]);
    scales.set(block, row.scales[column] as number);
  });
  const unit = (column: number) => (codes[column] as number) - (row.zeros[column] as number);
  const changed = new Map<number, number>();
  for (let sweep = 0; sweep < (members.size > 1 ? sweeps : 1); sweep++) {
    for (const [block, columns] of members) {
      const slope = columns.reduce((sum, c) => sum + unit(c) * (gradient[c] as number), 0);
      const along = product(columns, unit, { size, matrix });
      const curvature = columns.reduce((sum, c) => sum + unit(c) * (along[c] as number), 0);
      const old = scales.get(block) as number;
      const next = Math.fround(old - slope / curvature);
      const step = next - old;
      if (!(next > 0) || !(2 * step * slope + step * step * curvature < 0)) continue;
      scales.set(block, next);
      changed.set(block, next);
      for (let j = 0; j < size; j++) gradient[j] = (gradient[j] as number) + step * (along[j] as number);
    }
  }
  return changed;
}

/** `u G` for the codes of one block. */
function product(columns: readonly number[], unit: (column: number) => number, { size, matrix }: Moments): Float64Array {
  const result = new Float64Array(size);
  for (const column of columns) {
    const [value, from] = [unit(column), column * size];
    if (value === 0) continue;
    for (let j = 0; j < size; j++) result[j] = (result[j] as number) + value * (matrix[from + j] as number);
  }
  return result;
}
