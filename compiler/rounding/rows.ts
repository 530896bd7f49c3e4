/**
 * @file What the methods that look at inputs work on: rows of a layer's matrix, each element with the step, the zero point and the ends of its own block, and the error of a row under the
 * layer's Gram matrix, `(w - v) G (w - v)'`: the mean squared change of the layer's output.
 */

export interface Row {
  readonly weights: Float64Array;
  readonly scales: Float64Array;
  readonly zeros: Float64Array;
  /** 1 for elements that are 0 and have no code: places that pruning has emptied. */
  readonly fixed: Uint8Array;
  readonly least: number;
  readonly most: number;
}

/** A Gram matrix of one group: `[size, size]`, row-major, symmetric. */
export interface Moments {
  readonly size: number;
  readonly matrix: Float64Array;
}

export function encodeAt({ scales, zeros, least, most }: Row, column: number, value: number): number {
  const x = value / (scales[column] as number);
  const floor = Math.floor(x);
  const rest = x - floor;
  const code = (rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor) + (zeros[column] as number);
  return code < least ? least : code > most ? most : code;
}

export function decodeAt({ scales, zeros, fixed }: Row, column: number, code: number): number {
  return fixed[column] === 1 ? 0 : (code - (zeros[column] as number)) * (scales[column] as number);
}

export function roundRow(row: Row): Int8Array {
  return Int8Array.from(row.weights, (weight, i) => encodeAt(row, i, weight));
}

/** `e G` for the errors of a row. */
export function gradientOf(
  row: Row,
  codes: Int8Array,
  { size, matrix }: Moments,
): { readonly errors: Float64Array; readonly gradient: Float64Array } {
  const errors = row.weights.map((weight, i) => decodeAt(row, i, codes[i] as number) - weight);
  const gradient = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const error = errors[i] as number;
    if (error === 0) continue;
    const from = i * size;
    for (let j = 0; j < size; j++) gradient[j] = (gradient[j] as number) + error * (matrix[from + j] as number);
  }
  return { errors, gradient };
}

/** `(v - w) G (v - w)'`. */
export function rowError(row: Row, codes: Int8Array, moments: Moments): number {
  const { errors, gradient } = gradientOf(row, codes, moments);
  return errors.reduce((sum, error, i) => sum + error * (gradient[i] as number), 0);
}
