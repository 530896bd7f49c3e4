/** @file Dense matrices in f64, row-major, and the few products that factorings need. Loops run along rows of both operands, so that memory is read in order. */

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /** Row-major, `rows * columns`. */
  readonly data: Float64Array;
}

/** @throws RangeError when the data does not have `rows * columns` elements. */
export function matrix(rows: number, columns: number, data: Float64Array = new Float64Array(rows * columns)): Matrix {
  if (data.length !== rows * columns) throw new RangeError(`${data.length} elements are no ${rows} x ${columns} matrix`);
  return { rows, columns, data };
}

export const rowOf = ({ columns, data }: Matrix, row: number): Float64Array => data.subarray(row * columns, (row + 1) * columns);

export function transposed({ rows, columns, data }: Matrix): Matrix {
  const result = matrix(columns, rows);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) result.data[c * rows + r] = data[r * columns + c] as number;
  return result;
}

/** `a b`. */
export function multiply(a: Matrix, b: Matrix): Matrix {
  if (a.columns !== b.rows) throw new RangeError(`${a.rows} x ${a.columns} times ${b.rows} x ${b.columns}`);
  const result = matrix(a.rows, b.columns);
  for (let r = 0; r < a.rows; r++) {
    const into = rowOf(result, r);
    for (let k = 0; k < a.columns; k++) addScaled(into, rowOf(b, k), a.data[r * a.columns + k] as number);
  }
  return result;
}

/** `a transpose(b)`. */
export function multiplyTransposed(a: Matrix, b: Matrix): Matrix {
  if (a.columns !== b.columns) throw new RangeError(`${a.rows} x ${a.columns} times transposed ${b.rows} x ${b.columns}`);
  const result = matrix(a.rows, b.rows);
  for (let r = 0; r < a.rows; r++) {
    const left = rowOf(a, r);
    for (let c = 0; c < b.rows; c++) result.data[r * b.rows + c] = dot(left, rowOf(b, c));
  }
  return result;
}

/** `y += factor * x`. */
export function addScaled(y: Float64Array, x: Float64Array, factor: number): void {
  if (factor === 0) return;
  for (let i = 0; i < y.length; i++) y[i] = (y[i] as number) + factor * (x[i] as number);
}

export function dot(x: Float64Array, y: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += (x[i] as number) * (y[i] as number);
  return sum;
}

export const sumOfSquares = (x: Float64Array): number => dot(x, x);

export function difference(a: Matrix, b: Matrix): Matrix {
  return matrix(
    a.rows,
    a.columns,
    a.data.map((value, i) => value - (b.data[i] as number)),
  );
}

/** The first rows. */
export const firstRows = ({ columns, data }: Matrix, rows: number): Matrix => matrix(rows, columns, data.slice(0, rows * columns));

/** The first columns. */
export function firstColumns(a: Matrix, columns: number): Matrix {
  const result = matrix(a.rows, columns);
  for (let r = 0; r < a.rows; r++) rowOf(result, r).set(rowOf(a, r).subarray(0, columns));
  return result;
}

/** Row r times `factors[r]`. */
export function scaledRows(a: Matrix, factors: ArrayLike<number>): Matrix {
  return matrix(
    a.rows,
    a.columns,
    a.data.map((value, i) => value * (factors[Math.floor(i / a.columns)] as number)),
  );
}

/** Column c times `factors[c]`. */
export function scaledColumns(a: Matrix, factors: ArrayLike<number>): Matrix {
  return matrix(
    a.rows,
    a.columns,
    a.data.map((value, i) => value * (factors[i % a.columns] as number)),
  );
}
