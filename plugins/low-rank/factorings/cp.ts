/**
 * @file CP decomposition (Lebedev et al., "Speeding-up Convolutional Neural Networks Using Fine-tuned CP-Decomposition", 2015): W is a sum of R outer products, so that the layer becomes 1x1, one
 * depthwise convolution per spatial axis, 1x1. Found by alternating least squares from the unfoldings' singular vectors. Known to be unstable: components that cancel each other can grow without
 * bound (De Silva and Lim 2008). A ridge on the normal equations holds them, the columns' lengths are balanced at the end, and the report has the error that was reached.
 */
import type { Random } from "../../../compiler/index.ts";
import { type Factoring, type Factors, oneRankLadder, type Ranks, type StageShape } from "../factoring.ts";
import type { LayerView } from "../layer-view.ts";
import { cholesky, damped, solveNormal } from "../linear-algebra/cholesky.ts";
import { type Matrix, matrix, multiplyTransposed, rowOf, sumOfSquares, transposed } from "../linear-algebra/matrix.ts";
import { lazySvd } from "../linear-algebra/randomized.ts";

const maxSweeps = 60;
const settled = 1e-5;
const ridge = 1e-8;

/** For convolutions with a window. */
export function cpFactoring(view: LayerView, random: Random): Factoring {
  const sizes = [view.outputs, view.channels, ...view.kernel];
  const total = sumOfSquares(view.matrix.data);
  const known = new Map<number, Decomposed>();
  const at = (rank: number): Decomposed => {
    const found = known.get(rank) ?? alternate(view.matrix.data, sizes, rank, random);
    known.set(rank, found);
    return found;
  };
  const axes = [...view.kernel.keys()].filter((axis) => (view.kernel[axis] as number) > 1);
  const shapes = ([rank = 1]: Ranks): readonly StageShape[] => [
    { part: "in", outputs: rank, channels: view.channels, groups: 1, axes: [] },
    ...axes.map((axis) => ({ part: `axis${axis}`, outputs: rank, channels: 1, groups: rank, axes: [axis, ...flatAxes(view, axis, axes)] })),
    { part: "out", outputs: view.outputs, channels: rank, groups: 1, axes: [] },
  ];
  return {
    method: "cp",
    ladder: oneRankLadder(view, Math.max(view.outputs, view.channels) * 2, shapes),
    uniform: (rank) => [rank],
    lost: ([rank = 1]) => (total === 0 ? 0 : at(rank).error / total),
    shapes,
    factor([rank = 1]): Factors {
      const [outs, ins, ...windows] = at(rank).factors as [Matrix, Matrix, ...Matrix[]];
      const list = shapes([rank]);
      const values = [transposed(ins).data, ...axes.map((axis) => transposed(windows[axis] as Matrix).data)];
      return {
        stages: list.slice(0, -1).map((shape, i) => ({ ...shape, values: values[i] as Float64Array })),
        end: list.at(-1) as StageShape,
        last: outs,
        map: transposed(khatriRao([ins, ...windows])),
      };
    },
  };
}

/** Axes on which the kernel is 1 wide go along with the first that is not, stride and padding included. */
function flatAxes({ kernel }: LayerView, axis: number, wide: readonly number[]): readonly number[] {
  return axis === wide[0] ? [...kernel.keys()].filter((other) => kernel[other] === 1) : [];
}

interface Decomposed {
  /** Per mode `[size, rank]`. */
  readonly factors: readonly Matrix[];
  /** Squared, absolute. */
  readonly error: number;
}

function alternate(tensor: Float64Array, sizes: readonly number[], rank: number, random: Random): Decomposed {
  const factors = sizes.map((_, mode) => start(unfold(tensor, sizes, mode), rank, random));
  const unfoldings = sizes.map((_, mode) => unfold(tensor, sizes, mode));
  const total = sumOfSquares(tensor);
  let error = total;
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    let captured = 0;
    for (const mode of sizes.keys()) {
      const others = factors.filter((_, i) => i !== mode);
      const grams = others.map((factor) => multiplyTransposed(transposed(factor), transposed(factor)));
      const normal = grams.reduce((all, gram) =>
        matrix(
          rank,
          rank,
          all.data.map((value, i) => value * (gram.data[i] as number)),
        ),
      );
      const right = multiplyTransposed(unfoldings[mode] as Matrix, transposed(khatriRao(others)));
      const root = cholesky(damped(normal, ridge));
      if (!root) break;
      const next = solveNormal(right, root);
      factors[mode] = next;
      const fit = multiplyTransposed(transposed(next), transposed(next));
      const own = fit.data.reduce((sum, value, i) => sum + value * (normal.data[i] as number), 0);
      captured = 2 * next.data.reduce((sum, value, i) => sum + value * (right.data[i] as number), 0) - own;
    }
    const before = error;
    error = Math.max(0, total - captured);
    if (before - error <= settled * before) break;
  }
  return { factors: balanced(factors), error };
}

/** Leading singular vectors of the unfolding; random columns where the rank exceeds its side. */
function start(unfolding: Matrix, rank: number, random: Random): Matrix {
  const { left } = lazySvd(unfolding, random).upTo(Math.min(rank, unfolding.rows));
  const columns = matrix(rank, unfolding.rows);
  for (let r = 0; r < rank; r++) {
    const row = rowOf(columns, r);
    if (r < left.rows) row.set(rowOf(left, r));
    else for (let i = 0; i < row.length; i++) row[i] = random.normal() / Math.sqrt(row.length);
  }
  return transposed(columns);
}

/** `[size of the mode, product of the others in order]`. */
function unfold(tensor: Float64Array, sizes: readonly number[], mode: number): Matrix {
  const inner = sizes.slice(mode + 1).reduce((product, size) => product * size, 1);
  const size = sizes[mode] as number;
  const result = matrix(size, tensor.length / size);
  for (let i = 0; i < tensor.length; i++) {
    const [outer, rest] = [Math.floor(i / (inner * size)), i % inner];
    result.data[(Math.floor(i / inner) % size) * result.columns + outer * inner + rest] = tensor[i] as number;
  }
  return result;
}

/** Column-wise Kronecker product of `[size, rank]`, the last index running fastest: `[product of sizes, rank]`. */
function khatriRao(factors: readonly Matrix[]): Matrix {
  return factors.reduce((left, right) => {
    const result = matrix(left.rows * right.rows, left.columns);
    for (let i = 0; i < left.rows; i++)
      for (let j = 0; j < right.rows; j++) {
        const into = rowOf(result, i * right.rows + j);
        const [x, y] = [rowOf(left, i), rowOf(right, j)];
        for (let r = 0; r < into.length; r++) into[r] = (x[r] as number) * (y[r] as number);
      }
    return result;
  });
}

/** Component r has the same length in every mode. */
function balanced(factors: readonly Matrix[]): readonly Matrix[] {
  const rank = factors[0]?.columns ?? 0;
  const lengths = factors.map((factor) => Array.from({ length: rank }, (_, r) => Math.sqrt(sumOfSquares(rowOf(transposed(factor), r)))));
  return factors.map((factor, mode) => {
    const scale = Array.from({ length: rank }, (_, r) => {
      const mean = lengths.reduce((product, own) => product * (own[r] as number), 1) ** (1 / factors.length);
      const own = lengths[mode]?.[r] as number;
      return own === 0 ? 0 : mean / own;
    });
    return matrix(
      factor.rows,
      rank,
      factor.data.map((value, i) => value * (scale[i % rank] as number)),
    );
  });
}
