/**
 * @file Non-negative factors by multiplicative updates (Lee and Seung, "Algorithms for Non-negative Matrix Factorization", 2001). A weight with both signs is split, `W = W⁺ - W⁻`, and each
 * part gets factors of its own: half the rank for each. Parts can be looked at one by one, which is what it is for; for size and speed SVD is better at every rank.
 */
import type { Random } from "../../../compiler/index.ts";
import { allAxes, type Factoring, type Factors, oneRankLadder, type Ranks, type StageShape } from "../factoring.ts";
import type { LayerView } from "../layer-view.ts";
import {
  difference,
  type Matrix,
  matrix,
  multiply,
  multiplyTransposed,
  rowOf,
  sumOfSquares,
  transposed,
} from "../linear-algebra/matrix.ts";

const updates = 1000;
const settled = 1e-4;
/** Keeps divisions finite; of the order of f64's rounding beside weights of order 1. */
const tiny = 1e-16;

export function nmfFactoring(view: LayerView, random: Random): Factoring {
  const parts = [signPart(view.matrix, 1), signPart(view.matrix, -1)].filter(({ values }) => values.data.some((value) => value > 0));
  const total = sumOfSquares(view.matrix.data);
  const known = new Map<number, Product>();
  const at = (rank: number): Product => {
    const found = known.get(rank) ?? together(view, parts, rank, random);
    known.set(rank, found);
    return found;
  };
  const shapes = ([rank = 1]: Ranks): readonly StageShape[] => [
    { part: "in", outputs: rank, channels: view.channels, groups: 1, axes: allAxes(view) },
    { part: "out", outputs: view.outputs, channels: rank, groups: 1, axes: [] },
  ];
  const least = Math.max(1, parts.length);
  const whole = (rank: number) => Math.max(least, Math.floor(rank / least) * least);
  return {
    method: "nmf",
    ladder: oneRankLadder(view, Math.min(view.matrix.rows, view.matrix.columns), shapes).filter(([rank = 1]) => rank % least === 0),
    uniform: (rank) => [whole(rank)],
    lost: ([rank = 1]) => (total === 0 ? 0 : sumOfSquares(difference(view.matrix, multiply(at(rank).last, at(rank).map)).data) / total),
    shapes,
    factor([rank = 1]): Factors {
      const { last, map } = at(rank);
      const [first, end] = shapes([rank]) as [StageShape, StageShape];
      return { stages: [{ ...first, values: map.data }], end, last, map };
    },
  };
}

interface Product {
  readonly last: Matrix;
  readonly map: Matrix;
}

interface Part {
  readonly sign: number;
  /** Not negative. */
  readonly values: Matrix;
}

const signPart = ({ rows, columns, data }: Matrix, sign: number): Part => ({
  sign,
  values: matrix(
    rows,
    columns,
    data.map((value) => Math.max(0, sign * value)),
  ),
});

/** The parts' factors side by side; the sign goes into the last factor, so that the first has none. */
function together(view: LayerView, parts: readonly Part[], rank: number, random: Random): Product {
  const last = matrix(rank, view.outputs);
  const map = matrix(rank, view.matrix.columns);
  const each = Math.floor(rank / Math.max(1, parts.length));
  parts.forEach(({ sign, values }, i) => {
    const { left, right } = factorize(values, each, random);
    for (let r = 0; r < each; r++) {
      rowOf(last, i * each + r).set(rowOf(left, r).map((value) => sign * value));
      rowOf(map, i * each + r).set(rowOf(right, r));
    }
  });
  return { last: transposed(last), map };
}

/** `v ~ leftᵀ right`, all not negative; left `[rank, rows]`, right `[rank, columns]`. */
function factorize(v: Matrix, rank: number, random: Random): { readonly left: Matrix; readonly right: Matrix } {
  const mean = v.data.reduce((sum, value) => sum + value, 0) / Math.max(1, v.data.length);
  const draw = (count: number) => Float64Array.from({ length: count }, () => Math.sqrt(mean / Math.max(1, rank)) * (0.5 + random.float()));
  const left = matrix(rank, v.rows, draw(rank * v.rows));
  const right = matrix(rank, v.columns, draw(rank * v.columns));
  const turned = transposed(v);
  let before = Number.MAX_VALUE;
  for (let i = 0; i < updates; i++) {
    scale(right, multiply(left, v), multiply(multiplyTransposed(left, left), right));
    scale(left, multiply(right, turned), multiply(multiplyTransposed(right, right), left));
    if (i % 10 !== 9) continue;
    const error = sumOfSquares(difference(v, multiply(transposed(left), right)).data);
    if (before - error <= settled * before) break;
    before = error;
  }
  return { left, right };
}

/** The multiplicative update: error never rises, signs never change. */
function scale(factor: Matrix, up: Matrix, down: Matrix): void {
  for (let i = 0; i < factor.data.length; i++)
    factor.data[i] = ((factor.data[i] as number) * (up.data[i] as number)) / ((down.data[i] as number) + tiny);
}
