/** @file Second moments of layers' inputs, from calibration: about the mean where the layer's bias can take the difference of means, else about zero. */
import { type CalibrationFindings, type Gram, leafValues, type PassContext } from "../../compiler/index.ts";
import { countOf, type Module, staticShape } from "../../ir-spec/index.ts";
import type { LayerView } from "./layer-view.ts";
import { type Matrix, matrix } from "./linear-algebra/matrix.ts";

export interface Moments {
  /** `[inputs, inputs]`. */
  readonly second: Matrix;
  /** Mean input, when `second` is about it; the values of the bias that there is (zeros without one). */
  readonly centre: { readonly mean: Float64Array; readonly bias: Float64Array } | null;
}

export interface MomentOptions {
  readonly samples: number;
  readonly bias: boolean;
}

/** By weight; layers of too many columns, or that saw nothing finite, are not in it. */
export async function momentsOf(
  module: Module,
  ctx: PassContext,
  views: readonly LayerView[],
  { samples, bias }: MomentOptions,
): Promise<ReadonlyMap<string, Moments>> {
  const { calibration } = ctx;
  if (!calibration) return new Map();
  const grams = views.flatMap(({ layers }) => layers);
  const progress = (fraction: number, note?: string) => ctx.progress(fraction / 2, note);
  const findings = await calibration.collect(module, { grams }, { samples, progress });
  return new Map(
    views.flatMap((view): readonly (readonly [string, Moments])[] => {
      const second = together(view, findings);
      if (!second) return [];
      const centre = bias ? centreOf(module, view, findings) : null;
      return [[view.name, { second: centre ? aboutMean(second, centre.mean) : second, centre }]];
    }),
  );
}

/** Over all uses of the weight, by how many windows each saw. */
function together({ layers }: LayerView, findings: CalibrationFindings): Matrix | null {
  const grams = layers.map((layer) => findings.gram(layer)).filter((gram): gram is Gram => gram !== null);
  const windows = grams.reduce((sum, gram) => sum + gram.windows, 0);
  const [first] = grams;
  if (!first || windows === 0 || grams.length < layers.length) return null;
  const sum = matrix(first.size, first.size);
  for (const gram of grams)
    for (let i = 0; i < sum.data.length; i++) sum.data[i] = (sum.data[i] as number) + ((gram.matrix[i] as number) * gram.windows) / windows;
  return sum.data.every(Number.isFinite) ? sum : null;
}

/** null where means differ between uses, or the bias is computed. */
function centreOf(module: Module, { layers, outputs }: LayerView, findings: CalibrationFindings): Moments["centre"] {
  const [layer] = layers;
  const gram = findings.gram(layer);
  if (layers.length > 1 || !gram || layer.op.name === "nn.matmul") return null;
  const operand = layer.op.operands[2] ?? null;
  if (operand === null) return { mean: gram.mean, bias: new Float64Array(outputs) };
  const values = layer.bias === null ? null : leafValues(module, layer.bias);
  const shape = layer.bias === null ? null : staticShape(module.constants.get(layer.bias)?.type.shape ?? []);
  return values && shape && countOf(shape) === outputs ? { mean: gram.mean, bias: Float64Array.from(values) } : null;
}

function aboutMean(second: Matrix, mean: Float64Array): Matrix {
  const n = second.columns;
  return matrix(
    n,
    n,
    second.data.map((value, i) => value - (mean[Math.floor(i / n)] as number) * (mean[i % n] as number)),
  );
}
