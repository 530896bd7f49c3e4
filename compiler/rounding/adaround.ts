/**
 * @file AdaRound without gradients: whether each weight is rounded down or up, by coordinate descent on the layer's Gram matrix. The flip that lowers the error most is made, until none
 * does: `L(e + d) - L(e) = 2 d (e G)_j + d^2 G_jj`. Starts at plain rounding, so it is never worse. From: Nagel, Amjad, van Baalen, Louizos, Blankevoort, "Up or Down? Adaptive Rounding for
 * Post-Training Quantization", 2020 (the objective, its equation 20); the descent stands in for its relaxation and Adam.
 */
import { decodeAt, gradientOf, type Moments, type Row, roundRow } from "./rows.ts";

/** Codes of a row, no single flip of which between down and up would lower its error. */
export function adaround(row: Row, moments: Moments): Int8Array {
  const codes = roundRow(row);
  return descended(row, codes, moments, (code, i) => {
    const gap = (row.weights[i] as number) - decodeAt(row, i, codes[i] as number);
    const other = (codes[i] as number) + Math.sign(gap);
    return code === codes[i] ? [other] : [codes[i] as number];
  });
}

/** Descent over all codes from the given ones: a code may move up or down by one. */
export function descentFrom(row: Row, codes: Int8Array, moments: Moments): Int8Array {
  return descended(row, codes, moments, (code) => [code - 1, code + 1]);
}

type Neighbours = (code: number, column: number) => readonly number[];

/** Makes the move that helps most until none does. The errors of a row only ever fall, so it ends. */
function descended(row: Row, start: Int8Array, moments: Moments, neighbours: Neighbours): Int8Array {
  const { size, matrix } = moments;
  const codes = Int8Array.from(start);
  const { gradient } = gradientOf(row, codes, moments);
  const noise = -1e-12 * scaleOf(row, moments);
  for (let moves = 0; moves < 64 * size; moves++) {
    let [best, to, gain] = [-1, 0, noise];
    for (let j = 0; j < size; j++) {
      if (row.fixed[j] === 1) continue;
      for (const other of neighbours(codes[j] as number, j)) {
        if (other < row.least || other > row.most) continue;
        const step = (other - (codes[j] as number)) * (row.scales[j] as number);
        const change = step * (2 * (gradient[j] as number) + step * (matrix[j * size + j] as number));
        if (change < gain) [best, to, gain] = [j, other, change];
      }
    }
    if (best < 0) break;
    const step = (to - (codes[best] as number)) * (row.scales[best] as number);
    codes[best] = to;
    const from = best * size;
    for (let j = 0; j < size; j++) gradient[j] = (gradient[j] as number) + step * (matrix[from + j] as number);
  }
  return codes;
}

/** What a change must exceed to count: sums are not exact. */
function scaleOf({ scales }: Row, { size, matrix }: Moments): number {
  let largest = 0;
  for (let j = 0; j < size; j++) largest = Math.max(largest, (matrix[j * size + j] as number) * (scales[j] as number) ** 2);
  return largest;
}
