/**
 * @file Spatial SVD (Jaderberg, Vedaldi, Zisserman, "Speeding up Convolutional Neural Networks with Low Rank Expansions", 2014, scheme 2): a k x k convolution becomes k x 1 with r filters, then
 * 1 x k. The matrix that is cut is `[channels * height, outputs * width]`.
 */
import type { Random } from "../../../compiler/index.ts";
import { type Factoring, type Factors, oneRankLadder, type Ranks, type StageShape } from "../factoring.ts";
import type { LayerView } from "../layer-view.ts";
import { firstRows, type Matrix, matrix, scaledRows } from "../linear-algebra/matrix.ts";
import { lazySvd } from "../linear-algebra/randomized.ts";

export const isSpatial = ({ kernel }: LayerView): boolean => kernel.length === 2 && kernel.every((size) => size > 1);

/** For convolutions with two spatial axes, both wider than 1. */
export function spatialFactoring(view: LayerView, random: Random): Factoring {
  const svd = lazySvd(unfolded(view), random);
  const shapes = ([rank = 1]: Ranks): readonly StageShape[] => [
    { part: "column", outputs: rank, channels: view.channels, groups: 1, axes: [0] },
    { part: "row", outputs: view.outputs, channels: rank, groups: 1, axes: [1] },
  ];
  return {
    method: "spatial",
    ladder: oneRankLadder(view, svd.most, shapes),
    uniform: (rank) => [Math.min(rank, svd.most)],
    lost: ([rank = 1]) => (svd.total === 0 ? 0 : svd.dropped(rank) / svd.total),
    shapes,
    factor([rank = 1]): Factors {
      const { left, values, right } = svd.upTo(rank);
      const roots = values.subarray(0, rank).map(Math.sqrt);
      // [rank, channels * height] and [rank, outputs * width].
      const columns = scaledRows(firstRows(left, rank), roots);
      const rows = scaledRows(firstRows(right, rank), roots);
      const [first, end] = shapes([rank]) as [StageShape, StageShape];
      return { stages: [{ ...first, values: columns.data }], end, last: lastMatrix(view, rows), map: mapOf(view, columns) };
    },
  };
}

/** `[channels * height, outputs * width]` of W. */
function unfolded(view: LayerView): Matrix {
  const [height, width] = sizes(view);
  const result = matrix(view.channels * height, view.outputs * width);
  let at = 0;
  for (let o = 0; o < view.outputs; o++)
    for (let row = 0; row < view.channels * height; row++)
      for (let x = 0; x < width; x++) result.data[row * result.columns + o * width + x] = view.matrix.data[at++] as number;
  return result;
}

/** `[outputs, rank * width]` of `[rank, outputs * width]`. */
function lastMatrix(view: LayerView, rows: Matrix): Matrix {
  const [, width] = sizes(view);
  const last = matrix(view.outputs, rows.rows * width);
  for (let r = 0; r < rows.rows; r++)
    for (let o = 0; o < view.outputs; o++)
      for (let x = 0; x < width; x++) last.data[o * last.columns + r * width + x] = rows.data[r * rows.columns + o * width + x] as number;
  return last;
}

/** `[rank * width, channels * height * width]`: column x of the window through the k x 1 filters. */
function mapOf(view: LayerView, columns: Matrix): Matrix {
  const [, width] = sizes(view);
  const map = matrix(columns.rows * width, columns.columns * width);
  for (let r = 0; r < columns.rows; r++)
    for (let x = 0; x < width; x++)
      for (let i = 0; i < columns.columns; i++)
        map.data[(r * width + x) * map.columns + i * width + x] = columns.data[r * columns.columns + i] as number;
  return map;
}

const sizes = ({ kernel }: LayerView): readonly [number, number] => [kernel[0] ?? 1, kernel[1] ?? 1];
