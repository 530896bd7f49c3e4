/**
 * @file Least squares with coefficients that are not negative: the active-set method of Lawson and Hanson ("Solving Least Squares Problems", 1974, chapter 23), its inner solves by
 * ml-matrix on the normal equations. Problems here have a dozen unknowns.
 */
import { Matrix, solve } from "ml-matrix";

/** x >= 0 that minimises |A x - b|². Columns of zeros get 0. */
export function nonNegativeLeastSquares(rows: readonly (readonly number[])[], b: readonly number[]): readonly number[] {
  const unknowns = rows[0]?.length ?? 0;
  const scale = columnScale(rows, unknowns);
  const a = new Matrix(rows.map((row) => row.map((value, j) => value / (scale[j] as number))));
  const gram = a.transpose().mmul(a);
  const moment = a.transpose().mmul(Matrix.columnVector([...b]));
  const x = activeSet(gram, moment, unknowns);
  return x.map((value, j) => value / (scale[j] as number));
}

/** Norms of the columns, so that the solves are well conditioned whatever the units. */
function columnScale(rows: readonly (readonly number[])[], unknowns: number): readonly number[] {
  return Array.from({ length: unknowns }, (_, j) => Math.sqrt(rows.reduce((sum, row) => sum + (row[j] as number) ** 2, 0)) || 1);
}

function activeSet(gram: Matrix, moment: Matrix, unknowns: number): number[] {
  const x = new Array<number>(unknowns).fill(0);
  const passive = new Set<number>();
  const tolerance = 1e-10 * Math.max(...moment.to1DArray().map(Math.abs), 1e-300);
  for (let round = 0; round < 4 * unknowns; round++) {
    const gradient = x.map((_, j) => moment.get(j, 0) - x.reduce((sum, value, i) => sum + gram.get(j, i) * value, 0));
    const best = gradient.reduce(
      (top, g, j) => (!passive.has(j) && g > (gradient[top] ?? Number.NEGATIVE_INFINITY) ? j : passive.has(top) ? j : top),
      0,
    );
    if (passive.has(best) || (gradient[best] as number) <= tolerance) return x;
    passive.add(best);
    retreat(gram, moment, x, passive);
  }
  return x;
}

/** Solves on the passive set; while that asks for a negative value, walks to the border and drops what reaches it. */
function retreat(gram: Matrix, moment: Matrix, x: number[], passive: Set<number>): void {
  while (passive.size > 0) {
    const free = [...passive].sort((p, q) => p - q);
    const wanted = solveOn(gram, moment, free);
    const falling = free.flatMap((j, i) =>
      (wanted[i] as number) <= 0 ? [(x[j] as number) / ((x[j] as number) - (wanted[i] as number))] : [],
    );
    const step = falling.length === 0 ? 1 : Math.min(...falling.map((ratio) => (Number.isFinite(ratio) ? ratio : 0)));
    free.forEach((j, i) => {
      x[j] = (x[j] as number) + step * ((wanted[i] as number) - (x[j] as number));
    });
    if (falling.length === 0) return;
    for (const [i, j] of free.entries()) {
      if ((wanted[i] as number) > 0 || (x[j] as number) > 1e-14) continue;
      x[j] = 0;
      passive.delete(j);
    }
  }
}

/** A trace of ridge keeps two columns that are nearly one from blowing up. */
function solveOn(gram: Matrix, moment: Matrix, free: readonly number[]): readonly number[] {
  const square = new Matrix(free.map((i) => free.map((j) => gram.get(i, j) + (i === j ? 1e-9 : 0))));
  return solve(square, Matrix.columnVector(free.map((i) => moment.get(i, 0)))).to1DArray();
}
