/** @file How a pass turns stored elements into codes: plain rounding, HQQ, or a method that looks at what the layer multiplies, with the Gram matrices it needs. */
import type { Layer, PassContext } from "../../compiler/index.ts";
import { type LayerMatrix, layerMatrixOf, layersByLeaf } from "../../compiler/index.ts";
import type { Module } from "../../ir-spec/index.ts";
import { type Blocks, type Grid, gridError, gridFor, type RangeRule, roundToGrid } from "./grid.ts";
import { halfQuadratic } from "./hqq.ts";
import { importances, type MatrixCodes, type MatrixMethod, roundMatrix } from "./round-matrix.ts";

export const methods = ["round", "gptq", "adaround", "hqq"] as const;

export interface CoderOptions {
  readonly method: (typeof methods)[number];
  readonly bits: number;
  readonly scheme: "symmetric" | "affine";
  readonly calibration: RangeRule;
  readonly damping: number;
  readonly order: "natural" | "activations";
  readonly refine: boolean;
  readonly samples: number;
}

export interface Coded extends MatrixCodes {
  /** Mean squared error of the elements. */
  readonly error: number;
  /** What was done, where another method was asked for. */
  readonly method: CoderOptions["method"];
}

export interface Coder {
  /**
   * @param floors smallest step of each block
   * @param adjust makes other steps of those that were found, before anything is rounded
   */
  code(leaf: string, values: ArrayLike<number>, blocks: Blocks, floors?: ArrayLike<number>, adjust?: (grid: Grid) => Grid): Coded;
}

/** @param leaves what will be coded: only their layers are calibrated. @throws what calibration raises */
export async function coderFor(module: Module, ctx: PassContext, options: CoderOptions, leaves: ReadonlySet<string>): Promise<Coder> {
  const matrices = await matricesOf(module, ctx, options, leaves);
  return {
    code(leaf, values, blocks, floors = [], adjust = (grid) => grid) {
      const matrix = matrices.get(leaf) ?? null;
      const weights = matrix && importances(values.length, matrix);
      const found = gridFor(values, blocks, {
        bits: options.bits,
        affine: options.scheme === "affine",
        rule: options.calibration,
        weights,
      });
      const grid = adjust(options.method === "hqq" ? halfQuadratic(values, found) : found);
      const rounded = matrix && roundMatrix(values, grid, matrix, matrixMethod(options), (block) => floors[block] ?? 0);
      if (matrix && !rounded) ctx.warn(`${leaf}: its Gram matrix has no Cholesky factor: rounded to nearest; raise damping`);
      const made = rounded ?? { grid, codes: roundToGrid(values, grid) };
      const used = options.method === "hqq" ? "hqq" : rounded ? options.method : "round";
      return { ...made, error: gridError(values, made.grid, made.codes), method: used };
    },
  };
}

function matrixMethod({ method, damping, order, refine }: CoderOptions): MatrixMethod {
  return { method: method === "adaround" ? method : "gptq", damping, order, refine };
}

async function matricesOf(
  module: Module,
  ctx: PassContext,
  options: CoderOptions,
  leaves: ReadonlySet<string>,
): Promise<ReadonlyMap<string, LayerMatrix>> {
  const matrices = new Map<string, LayerMatrix>();
  if (options.method !== "gptq" && options.method !== "adaround") return matrices;
  if (!ctx.calibration) {
    ctx.warn(`method=${options.method} looks at what layers multiply, and there is no data: weights are rounded to nearest`);
    return matrices;
  }
  const layers = [...layersByLeaf(module)].filter(([leaf]) => leaves.has(leaf));
  const grams: readonly Layer[] = layers.flatMap(([, list]) => list);
  const progress = (fraction: number, note?: string) => ctx.progress(fraction * 0.9, note);
  const findings = await ctx.calibration.collect(module, { grams }, { samples: options.samples, progress });
  for (const [leaf, list] of layers) {
    const matrix = layerMatrixOf(module, ctx.registry, list, findings);
    if (matrix) matrices.set(leaf, matrix);
  }
  for (const leaf of leaves) {
    if (!matrices.has(leaf)) ctx.warn(`${leaf}: no Gram matrix of what it multiplies: rounded to nearest`);
  }
  return matrices;
}
