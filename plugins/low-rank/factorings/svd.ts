/**
 * @file The layer's matrix `[outputs, channels * kernel]` cut by its SVD: first the layer's own window with r filters, then r -> outputs. For convolutions this is Zhang et al., "Accelerating Very
 * Deep Convolutional Networks" (2015), for fully connected layers Denton et al. (2014). With the Gram matrix of the inputs the cut is made where the outputs change least: `G = L Lᵀ`, the SVD is
 * that of `W L`, and the squared error of the outputs is the sum of the dropped squared singular values (Wang et al., "SVD-LLM", 2024).
 */
import type { Random } from "../../../compiler/index.ts";
import { allAxes, type Factoring, type Factors, oneRankLadder, type Ranks, type StageShape } from "../factoring.ts";
import type { LayerView } from "../layer-view.ts";
import { solveRight } from "../linear-algebra/cholesky.ts";
import { firstRows, type Matrix, multiply, scaledColumns, scaledRows, transposed } from "../linear-algebra/matrix.ts";
import { lazySvd } from "../linear-algebra/randomized.ts";

/** @param root L of the inputs' (damped) Gram matrix; null: the error of the weights decides */
export function svdFactoring(view: LayerView, random: Random, root: Matrix | null): Factoring {
  const svd = lazySvd(root ? multiply(view.matrix, root) : view.matrix, random);
  const shapes = ([rank = 1]: Ranks): readonly StageShape[] => [
    { part: "in", outputs: rank, channels: view.channels, groups: 1, axes: allAxes(view) },
    { part: "out", outputs: view.outputs, channels: rank, groups: 1, axes: [] },
  ];
  return {
    method: root ? "whitened" : "svd",
    ladder: oneRankLadder(view, svd.most, shapes),
    uniform: (rank) => [Math.min(rank, svd.most)],
    lost: ([rank = 1]) => (svd.total === 0 ? 0 : svd.dropped(rank) / svd.total),
    shapes,
    factor([rank = 1]): Factors {
      const { left, values, right } = svd.upTo(rank);
      // The root of a singular value goes to each side: both factors have the same scale for a quantizer.
      const roots = values.subarray(0, rank).map(Math.sqrt);
      const scaled = scaledRows(firstRows(right, rank), roots);
      const map = root ? solveRight(scaled, root) : scaled;
      const last = scaledColumns(transposed(firstRows(left, rank)), roots);
      const [first, end] = shapes([rank]) as [StageShape, StageShape];
      return { stages: [{ ...first, values: map.data }], end, last, map };
    },
  };
}
