/**
 * @file Pruning of parameters by what the layer's inputs are: Wanda (Sun et al., "A Simple and Effective Pruning Approach for Large Language Models", 2023: |w| times the root mean square of its input, within each
 * output) and SparseGPT (see sparse-gpt.ts: the weights that stay are corrected, too). Patterns: single weights, N of M, blocks. Needs the Gram matrix of each layer's input and nothing else; without data the inputs
 * count as equal, which is magnitude pruning.
 */
import {
  type CalibrationFindings,
  definePass,
  type Gram,
  type Layer,
  layerElements,
  layerMatrix,
  layers as layersAnalysis,
  leafValues,
  matchesAny,
  option,
  type PassContext,
} from "../../compiler/index.ts";
import { type Constant, type Module, ModuleEditor } from "../../ir-spec/index.ts";
import { mask as storeMasked } from "./magnitude.ts";
import { maskOf, type Pattern, parsePattern } from "./pattern.ts";
import { sparseGpt } from "./sparse-gpt.ts";
import { damped } from "./symmetric.ts";

interface Options {
  readonly method: "wanda" | "sparse-gpt";
  readonly sparsity: number;
  readonly pattern: string;
  readonly damping: number;
  readonly samples: number;
  readonly min: number;
  readonly keep: readonly string[];
}

export const pruneCalibrated = definePass({
  name: "prune-calibrated",
  doc: "Removes weights by what their inputs are (Wanda), or corrects those that stay as well (SparseGPT): single ones, N of M, or blocks.",
  stage: "compress",
  before: ["share-weights", "quantize"],
  options: {
    method: option.oneOf(["sparse-gpt", "wanda"], "Whether the weights that stay are corrected.", "sparse-gpt"),
    sparsity: option.number("Share of each layer's weights to remove; a pattern N:M has its own.", 0.5, { min: 0, max: 0.999 }),
    pattern: option.string('single, N:M like "2:4" (N of M neighbouring inputs stay), or blocks ROWSxCOLUMNS like "4x1".', "single"),
    damping: option.number("Part of the mean diagonal added to the diagonal of the moments.", 0.01, { min: 0, max: 1 }),
    samples: option.integer("Samples of the data that are looked at.", 256, { min: 1 }),
    min: option.integer("Layers with fewer weights are left alone.", 256, { min: 0 }),
    keep: option.names("Weights to leave alone, as globs over constant names.", []),
  },
  async run(module, ctx, options) {
    const pattern = parsePattern(options.pattern);
    const chosen = candidatesOf(module, ctx, options);
    const findings = await gather(module, chosen, ctx, options);
    const editor = new ModuleEditor(module, ctx.registry);
    for (const [i, uses] of chosen.entries()) {
      ctx.signal?.throwIfAborted();
      ctx.progress(0.5 + (0.5 * i) / chosen.length, uses[0].weight);
      pruneOne(module, editor, uses, momentsOf(uses, findings), pattern, options, ctx);
    }
    return editor.freeze();
  },
});

/** Layers of one weight. */
type Uses = readonly [Layer, ...Layer[]];

/** By weight; those that cannot be pruned here are told. */
function candidatesOf(module: Module, ctx: PassContext, options: Options): readonly Uses[] {
  const byWeight = new Map<string, Uses>();
  for (const layer of ctx.analysis(layersAnalysis, module)) {
    if (layer.outputs * layer.inputs < options.min || matchesAny(layer.weight, options.keep)) continue;
    const known = byWeight.get(layer.weight);
    byWeight.set(layer.weight, known ? [...known, layer] : [layer]);
  }
  return [...byWeight.values()].filter(([first, ...others]) => {
    const why = refusal(module, first, others);
    if (why !== null) ctx.warn(`${first.weight}: ${why}; left alone`);
    return why === null;
  });
}

function refusal(module: Module, first: Layer, others: readonly Layer[]): string | null {
  const values = leafValues(module, first.weight);
  if (!values) return "it is a definition already (pruned, shared, quantized or moved)";
  if (!values.every(Number.isFinite)) return "it has values that are not finite";
  const differs = others.some(
    ({ inputs, groups, transposed }) => inputs !== first.inputs || groups !== first.groups || transposed !== first.transposed,
  );
  return differs ? "layers see it as different matrices" : null;
}

async function gather(module: Module, chosen: readonly Uses[], ctx: PassContext, options: Options): Promise<CalibrationFindings | null> {
  if (!ctx.calibration) {
    if (chosen.length > 0) ctx.warn("there is no data: all inputs count as equal, which is pruning by magnitude");
    return null;
  }
  const progress = (fraction: number, note?: string) => ctx.progress(0.5 * fraction, note);
  return ctx.calibration.collect(module, { grams: chosen.flat() }, { samples: options.samples, progress });
}

/** `E[x xᵀ]` of each group, over all layers of the weight; null where it is not known. */
function momentsOf(uses: Uses, findings: CalibrationFindings | null): readonly Float64Array[] | null {
  const grams = findings ? uses.map((layer) => findings.gram(layer)) : [null];
  if (grams.some((gram) => gram === null || !gram.matrix.every(Number.isFinite))) return null;
  const [{ inputs: size, groups }] = uses;
  return Array.from({ length: groups }, (_, group) => {
    const sum = new Float64Array(size * size);
    for (const gram of grams as readonly Gram[]) {
      for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (gram.matrix[group * sum.length + i] as number) / grams.length;
    }
    return sum;
  });
}

function pruneOne(
  module: Module,
  editor: ModuleEditor,
  [layer]: Uses,
  moments: readonly Float64Array[] | null,
  pattern: Pattern,
  options: Options,
  ctx: PassContext,
): void {
  const { outputs, inputs, groups, weight } = layer;
  const before = layerMatrix(module, ctx.registry, layer);
  const [after, masks] = [Float64Array.from(before), new Float64Array(before.length)];
  const rows = outputs / groups;
  let error = 0;
  for (let group = 0; group < groups; group++) {
    const from = group * rows * inputs;
    const part = before.subarray(from, from + rows * inputs);
    const made = pruneGroup(part, rows, inputs, moments?.[group] ?? null, pattern, options);
    after.set(made.weights, from);
    masks.set(made.mask, from);
    if (moments) error += outputError(part, made.weights, rows, inputs, moments[group] as Float64Array);
  }
  const stays = Uint8Array.from(layerElements(masks, layer));
  const leaf = module.constants.get(weight) as Constant;
  const elements = layerElements(after, layer);
  const kept =
    leaf.type.dtype === "f64" ? elements.filter((_, i) => stays[i] === 1) : Float32Array.from(elements.filter((_, i) => stays[i] === 1));
  if (kept.length === stays.length) return;
  if (kept.length === 0) ctx.warn(`${weight}: every weight is removed; keep="${weight}" spares it`);
  storeMasked(editor, leaf, stays, kept);
  const sparsity = 1 - kept.length / stays.length;
  ctx.report({
    subject: weight,
    note: `${(100 * sparsity).toFixed(1)} % of ${stays.length} weights are zero${moments ? "" : ", by magnitude"}`,
    numbers: { sparsity, kept: kept.length, ...(moments ? { outputError: error } : {}) },
  });
}

function pruneGroup(
  weights: Float64Array,
  rows: number,
  columns: number,
  moments: Float64Array | null,
  pattern: Pattern,
  { method, sparsity, damping }: Options,
): { readonly weights: Float64Array; readonly mask: Uint8Array } {
  if (moments && method === "sparse-gpt") return sparseGpt(weights, rows, columns, damped(moments, columns, damping), pattern, sparsity);
  const scores = weights.map((w, i) => {
    const column = i % columns;
    return Math.abs(w) * (moments ? Math.sqrt(Math.max(0, moments[column * columns + column] as number)) : 1);
  });
  const mask = maskOf(scores, rows, columns, pattern, sparsity);
  return { weights: weights.map((w, i) => (mask[i] === 1 ? w : 0)), mask };
}

/** Mean squared error of the group's outputs, `sum_r d_r G d_rᵀ`. */
export function outputError(before: Float64Array, after: Float64Array, rows: number, columns: number, moments: Float64Array): number {
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const d = Float64Array.from(
      { length: columns },
      (_, i) => (after[row * columns + i] as number) - (before[row * columns + i] as number),
    );
    for (let i = 0; i < columns; i++) {
      if (d[i] === 0) continue;
      let sum = 0;
      for (let j = 0; j < columns; j++) sum += (moments[i * columns + j] as number) * (d[j] as number);
      total += (d[i] as number) * sum;
    }
  }
  return total;
}
