/**
 * @file What every factoring gives: a ladder of ranks from cheap to dear, what each rank loses and costs, and the chain of small layers for one of them. The product of the chain is always
 * `last map`: a matrix after a linear map of the window, so that errors and the least-squares fit of the last factor are written once.
 */
import type { LayerView } from "./layer-view.ts";
import type { Matrix } from "./linear-algebra/matrix.ts";

/** One rank per cut: SVD has one, Tucker-2 two (outputs, inputs). */
export type Ranks = readonly number[];

/** A small layer of the chain. */
export interface StageShape {
  /** Suffix of its constant's name. */
  readonly part: string;
  readonly outputs: number;
  /** Columns per group, without the window. */
  readonly channels: number;
  readonly groups: number;
  /** Spatial axes whose window, stride, padding and dilation the stage has; on the others it is 1 wide. */
  readonly axes: readonly number[];
}

export interface Stage extends StageShape {
  /** `[outputs, channels, kernel of its axes]`. */
  readonly values: Float64Array;
}

export interface Factors {
  /** All but the last. */
  readonly stages: readonly Stage[];
  /** The last: without values, they are `last`. */
  readonly end: StageShape;
  /** `[outputs, columns of the last stage]`. */
  readonly last: Matrix;
  /** `[columns of the last stage, inputs]`: what stands in front of the last stage, as a map of the window. */
  readonly map: Matrix;
}

export interface Factoring {
  /** For reports: `svd`, `tucker`. */
  readonly method: string;
  /** From the cheapest to the dearest, none dearer in weights and in MACs than the layer itself. May be empty. */
  readonly ladder: readonly Ranks[];
  /** The ranks that one number stands for. */
  uniform(rank: number): Ranks;
  /** Share of the sum of squares that is lost, 0..1: of W, or of what the whitened method looks at. Never rises along the ladder, but for numerical methods' noise. */
  lost(ranks: Ranks): number;
  shapes(ranks: Ranks): readonly StageShape[];
  factor(ranks: Ranks): Factors;
}

export interface Cost {
  /** Elements of the constants, biases left out. */
  readonly weights: number;
  /** Multiply-accumulates per position of the result; border effects left out. */
  readonly macs: number;
}

const product = (sizes: readonly number[]): number => sizes.reduce((all, size) => all * size, 1);

/** A stage in front of a stride works on as many more positions. */
export function costOf(view: LayerView, shapes: readonly StageShape[]): Cost {
  let [weights, macs] = [0, 0];
  const rest = new Set(view.strides.keys());
  for (const { outputs, channels, axes } of shapes) {
    for (const axis of axes) rest.delete(axis);
    const count = outputs * channels * product(axes.map((axis) => view.kernel[axis] as number));
    weights += count;
    macs += count * product([...rest].map((axis) => view.strides[axis] as number));
  }
  return { weights, macs };
}

/** Of the layer as it is. */
export const costOfLayer = ({ matrix }: LayerView): Cost => ({ weights: matrix.data.length, macs: matrix.data.length });

/** Worth building: fewer weights or fewer MACs, and not more of either. */
export function isSmaller(view: LayerView, shapes: readonly StageShape[]): boolean {
  const [before, after] = [costOfLayer(view), costOf(view, shapes)];
  return after.weights < before.weights && after.macs <= before.macs;
}

/** Ranks 1, 2, ... while `shapes` of them is smaller than the layer. */
export function oneRankLadder(view: LayerView, most: number, shapes: (ranks: Ranks) => readonly StageShape[]): readonly Ranks[] {
  const ladder: Ranks[] = [];
  for (let rank = 1; rank <= most && isSmaller(view, shapes([rank])); rank++) ladder.push([rank]);
  return ladder;
}

export const allAxes = ({ kernel }: LayerView): readonly number[] => [...kernel.keys()];
