/**
 * @file Which weights of a row-major matrix go, given a score of each: a share of each row, of blocks of a fixed shape, or all but N of every M along the inputs. A mask has 1 where the weight stays; ties go to
 * the first, so that masks depend on the scores alone.
 */

export type Pattern =
  | { readonly kind: "single" }
  /** All but `keep` of every `of` neighbouring columns go; what is left at the end of a row stays. */
  | { readonly kind: "n:m"; readonly keep: number; readonly of: number }
  /** Blocks of `rows` x `columns` go or stay together; what does not fill a block stays. */
  | { readonly kind: "block"; readonly rows: number; readonly columns: number };

/** `single`, `2:4`, `4x1`. @throws RangeError for anything else */
export function parsePattern(text: string): Pattern {
  if (text === "single") return { kind: "single" };
  const [, n, m] = /^([1-9]\d?):([1-9]\d?)$/.exec(text) ?? [];
  if (n !== undefined && m !== undefined) {
    if (Number(n) >= Number(m)) throw new RangeError(`pattern "${text}": of ${m} weights fewer than ${m} must stay`);
    return { kind: "n:m", keep: Number(n), of: Number(m) };
  }
  const [, rows, columns] = /^([1-9]\d?)x([1-9]\d?)$/.exec(text) ?? [];
  if (rows === undefined || columns === undefined)
    throw new RangeError(`pattern "${text}" is none: single, N:M like "2:4", or ROWSxCOLUMNS like "4x1"`);
  return { kind: "block", rows: Number(rows), columns: Number(columns) };
}

/** Indices of the `count` smallest scores, the first of equal ones. */
function smallest(scores: Float64Array, count: number): readonly number[] {
  const order = Array.from(scores, (_, i) => i);
  order.sort((a, b) => (scores[a] as number) - (scores[b] as number) || a - b);
  return order.slice(0, count);
}

/** 0.29 * 100 is a little less than 29. */
export const shareOf = (count: number, share: number): number => Math.floor(count * share + 1e-6);

/**
 * @param scores `[rows, columns]`, what a weight is worth
 * @param sparsity share that goes; N:M has its own
 */
export function maskOf(scores: Float64Array, rows: number, columns: number, pattern: Pattern, sparsity: number): Uint8Array {
  const mask = new Uint8Array(scores.length).fill(1);
  if (pattern.kind === "block") clearBlocks(mask, scores, rows, columns, pattern, sparsity);
  else for (let row = 0; row < rows; row++) clearRow(mask, scores, row * columns, columns, pattern, sparsity);
  return mask;
}

function clearRow(
  mask: Uint8Array,
  scores: Float64Array,
  from: number,
  columns: number,
  pattern: Exclude<Pattern, { readonly kind: "block" }>,
  sparsity: number,
): void {
  const [size, gone] = pattern.kind === "single" ? [columns, shareOf(columns, sparsity)] : [pattern.of, pattern.of - pattern.keep];
  for (let start = 0; start + size <= columns && size > 0; start += size) {
    for (const i of smallest(scores.subarray(from + start, from + start + size), gone)) mask[from + start + i] = 0;
  }
}

/** The blocks of least total score, over the whole matrix. */
function clearBlocks(
  mask: Uint8Array,
  scores: Float64Array,
  rows: number,
  columns: number,
  { rows: height, columns: width }: Extract<Pattern, { readonly kind: "block" }>,
  sparsity: number,
): void {
  const [down, across] = [Math.floor(rows / height), Math.floor(columns / width)];
  const totals = new Float64Array(down * across);
  const each = (block: number, visit: (at: number) => void): void => {
    const [top, left] = [Math.floor(block / across) * height, (block % across) * width];
    for (let r = 0; r < height; r++) for (let c = 0; c < width; c++) visit((top + r) * columns + left + c);
  };
  for (let block = 0; block < totals.length; block++) {
    each(block, (at) => {
      totals[block] = (totals[block] as number) + (scores[at] as number);
    });
  }
  for (const block of smallest(totals, shareOf(totals.length, sparsity))) {
    each(block, (at) => {
      mask[at] = 0;
    });
  }
}
