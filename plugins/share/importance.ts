/**
 * @file What the squared error of each weight counts in the layer's outputs: the diagonal of the Hessian of the squared output error, `E[x_i^2]` of the input that the weight multiplies (Choi,
 * El-Khamy, Lee, "Towards the Limit of Network Quantization", 2017, with the Gram matrix in place of the loss). Scaled to a mean of 1 over a layer.
 */
import { type Gram, type Layer, layerElements, layers, type PassContext, type Weight } from "../../compiler/index.ts";
import {
  type Constant,
  dataConstant,
  encodeTensor,
  evaluateConstant,
  hostTensor,
  type Module,
  ModuleEditor,
  staticShape,
  toNumbers,
} from "../../ir-spec/index.ts";

/** Least weight, beside a mean of 1: inputs that were always 0 in the data still count a little. */
const floor = 1e-3;

/** Exact in f32. */
const mostPositions = 2 ** 24;

/** By leaf, of each of its stored elements. Leaves that no layer's inputs are known of are not in it. */
export async function importances(
  module: Module,
  ctx: PassContext,
  weights: readonly Weight[],
  samples: number,
): Promise<ReadonlyMap<string, Float64Array>> {
  const found = new Map<string, Float64Array>();
  const { calibration } = ctx;
  if (!calibration) return found;
  const named = new Map(weights.map((weight) => [weight.name, weight]));
  const wanted = ctx.analysis(layers, module).filter((layer) => named.has(layer.weight));
  const findings = await calibration.collect(
    module,
    { grams: wanted },
    { samples, progress: (part, note) => ctx.progress(part / 2, note) },
  );
  for (const layer of wanted) {
    const gram = findings.gram(layer);
    const positions = gram ? storedPositions(module, ctx, layer) : null;
    if (!gram || !positions) continue;
    const sums = found.get(layer.leaf) ?? new Float64Array(positions.count);
    found.set(layer.leaf, sums);
    elementMoments(layer, gram).forEach((moment, i) => {
      const at = positions.of[i] as number;
      if (at > 0) sums[at - 1] = (sums[at - 1] as number) + moment;
    });
  }
  for (const [leaf, sums] of found) found.set(leaf, normalized(sums));
  return found;
}

/** `E[x^2]` for every element of the layer's constant, in its order. */
function elementMoments(layer: Layer, { matrix, size, groups }: Gram): Float64Array {
  const { outputs, inputs } = layer;
  const moments = new Float64Array(outputs * inputs);
  for (let o = 0; o < outputs; o++) {
    const base = Math.floor((o * groups) / outputs) * size * size;
    for (let i = 0; i < inputs; i++) moments[o * inputs + i] = matrix[base + i * size + i] as number;
  }
  return layerElements(moments, layer);
}

/** For every element of the weight 1 + its place in the leaf, 0 for structural zeros: the definition evaluated over places instead of values. */
function storedPositions(
  module: Module,
  ctx: PassContext,
  layer: Layer,
): { readonly of: ArrayLike<number>; readonly count: number } | null {
  const leaf = module.constants.get(layer.leaf) as Constant;
  const shape = staticShape(leaf.type.shape) ?? [];
  const count = shape.reduce((product, size) => product * size, 1);
  const places = Float32Array.from({ length: count }, (_, i) => i + 1);
  if (layer.leaf === layer.weight) return { of: places, count };
  if (leaf.type.dtype !== "f32" || count >= mostPositions) return null;
  const editor = new ModuleEditor(module, ctx.registry);
  editor.setConstant(dataConstant(leaf.name, leaf.type, encodeTensor(hostTensor("f32", shape, places))));
  return { of: toNumbers(evaluateConstant(editor.freeze(), ctx.registry, layer.weight)), count };
}

function normalized(sums: Float64Array): Float64Array {
  const mean = sums.reduce((sum, value) => sum + value, 0) / Math.max(1, sums.length);
  return mean > 0 && Number.isFinite(mean) ? sums.map((value) => Math.max(floor, value / mean)) : sums.fill(1);
}
