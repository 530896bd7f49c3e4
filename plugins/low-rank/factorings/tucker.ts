/**
 * @file Tucker-2 (Kim et al., "Compression of Deep Convolutional Neural Networks for Fast and Low Power Mobile Applications", 2016): 1x1 to fewer channels, the window on those, 1x1 back to all.
 * The factors start from the singular vectors of both unfoldings (HOSVD) and are improved in turn (HOOI, De Lathauwer et al. 2000).
 */
import type { Random } from "../../../compiler/index.ts";
import { allAxes, type Factoring, type Factors, isSmaller, type Ranks, type StageShape } from "../factoring.ts";
import type { LayerView } from "../layer-view.ts";
import { firstRows, type Matrix, multiply, sumOfSquares, transposed } from "../linear-algebra/matrix.ts";
import { lazySvd } from "../linear-algebra/randomized.ts";
import { swapped } from "./unfold.ts";

const sweeps = 4;

/** For convolutions with a window. Ranks are `[outputs, channels]`. */
export function tuckerFactoring(view: LayerView, random: Random): Factoring {
  const outputs = lazySvd(view.matrix, random);
  const channels = lazySvd(swapped(view.matrix, view.channels), random);
  const most: Ranks = [outputs.most, channels.most];
  const shapes = ([out = 1, into = 1]: Ranks): readonly StageShape[] => [
    { part: "in", outputs: into, channels: view.channels, groups: 1, axes: [] },
    { part: "core", outputs: out, channels: into, groups: 1, axes: allAxes(view) },
    { part: "out", outputs: view.outputs, channels: out, groups: 1, axes: [] },
  ];
  return {
    method: "tucker",
    ladder: steps(outputs.upTo(view.outputs).values, channels.upTo(view.channels).values).filter((ranks) => isSmaller(view, shapes(ranks))),
    uniform: (rank) => most.map((limit) => Math.min(rank, limit)),
    // What both projections drop together is a bound (De Lathauwer et al., property 10); HOOI does no worse than HOSVD.
    lost: ([out = 1, into = 1]) => (outputs.total === 0 ? 0 : Math.min(1, (outputs.dropped(out) + channels.dropped(into)) / outputs.total)),
    shapes,
    factor([out = 1, into = 1]): Factors {
      const start = { left: firstRows(outputs.upTo(out).left, out), right: firstRows(channels.upTo(into).left, into) };
      const { left, right } = improved(view, start, random);
      const core = multiply(left, projected(view, right));
      const [first, middle, end] = shapes([out, into]) as [StageShape, StageShape, StageShape];
      return {
        stages: [
          { ...first, values: right.data },
          { ...middle, values: core.data },
        ],
        end,
        last: transposed(left),
        map: restored(core, right),
      };
    },
  };
}

interface Bases {
  /** `[out, outputs]`, orthonormal rows. */
  readonly left: Matrix;
  /** `[into, channels]`. */
  readonly right: Matrix;
}

/** The path along which the next rank goes to the cut with the larger singular value: the larger gain. */
function steps(outputs: Float64Array, channels: Float64Array): readonly Ranks[] {
  const path: Ranks[] = [[1, 1]];
  let [out, into] = [1, 1];
  while (out < outputs.length || into < channels.length) {
    if ((outputs[out] ?? -1) >= (channels[into] ?? -1)) out++;
    else into++;
    path.push([out, into]);
  }
  return path;
}

/** HOOI: each basis anew from the tensor projected on the other. */
function improved(view: LayerView, start: Bases, random: Random): Bases {
  let { left, right } = start;
  let kept = 0;
  for (let sweep = 0; sweep < sweeps; sweep++) {
    left = leading(projected(view, right), left.rows, random);
    const cut = multiply(left, view.matrix);
    right = leading(swapped(cut, view.channels), right.rows, random);
    const next = sumOfSquares(multiply(left, projected(view, right)).data);
    if (next <= kept * (1 + 1e-9)) break;
    kept = next;
  }
  return { left, right };
}

const leading = (a: Matrix, rank: number, random: Random): Matrix => firstRows(lazySvd(a, random).upTo(rank).left, rank);

/** W with its channels replaced by their coordinates: `[outputs, into * kernel]`. */
function projected(view: LayerView, right: Matrix): Matrix {
  return swapped(multiply(right, swapped(view.matrix, view.channels)), view.outputs);
}

/** `[out, channels * kernel]`: the core after the first projection, as a map of the window. */
function restored(core: Matrix, right: Matrix): Matrix {
  return swapped(multiply(transposed(right), swapped(core, right.rows)), core.rows);
}

export const hasWindow = ({ kernel }: LayerView): boolean => kernel.some((size) => size > 1);
