/**
 * @file Magnitude pruning of parameters (Han et al., "Learning both Weights and Connections", 2015): the smallest |w| become structural zeros.
 * The zeros are written as `sparse.expand {format = mask}` at once, so that no later pass revives them. How many go is a share of the weights or, with `energy`, of
 * their sum of squares: the relative squared error is what is held then, and a layer's own distribution decides how many weights that costs. Over the whole network
 * `energy` ranks by w^2 / (sum of squares of the layer), which gives the most zeros for a given sum of relative errors; a sum, since the errors of layers add up on the
 * way to the output, so that a deep network loses less per layer than a shallow one. Close to LAMP (Lee et al., "Layer-adaptive sparsity for the
 * magnitude-based pruning", 2021), which leaves out of the sum what is smaller than w.
 */

import {
  definePass,
  definitionOf,
  leafValues,
  matchesAny,
  option,
  type PassContext,
  type ReportRow,
  redefineAs,
  type Weight,
  weights,
} from "../../compiler/index.ts";
import {
  type Constant,
  constantBytes,
  type DerivedConstant,
  type DType,
  dataConstant,
  decodeTensor,
  elementCount,
  encodeTensor,
  hostTensor,
  type Module,
  ModuleEditor,
  tensorType,
} from "../../ir-spec/index.ts";

interface Candidate {
  readonly weight: Weight;
  readonly leaf: Constant;
  readonly values: Float32Array | Float64Array;
  /** The mask expansion above the leaf, when the weight was pruned before. */
  readonly expansion: DerivedConstant | null;
  /** What magnitudes are measured in. NaN, which no limit exceeds, keeps the weight whole. */
  readonly unit: number;
}

/** Values below `limit` units go, and the first `ties` of those that equal it: exact however many are equal. */
interface Cut {
  readonly limit: number;
  ties: number;
}

export const pruneMagnitude = definePass({
  name: "prune-magnitude",
  doc: "Removes the weights of smallest magnitude, per layer or over the whole network, as structural zeros.",
  stage: "compress",
  before: ["share-weights", "quantize"],
  options: {
    sparsity: option.number("Share of weights to remove.", 0.5, { min: 0, max: 0.999 }),
    energy: option.number(
      "Instead of sparsity, where above 0: share of a layer's sum of squares to remove; globally the sum of these shares.",
      0,
      {
        min: 0,
        max: 0.999,
      },
    ),
    cap: option.number("With energy: largest share of a layer's weights to remove.", 0.98, { min: 0, max: 0.999 }),
    scope: option.oneOf(["layer", "global"], "One threshold per layer, or one for all.", "layer"),
    min: option.integer("Layers with fewer weights are left alone.", 256, { min: 0 }),
    keep: option.names("Weights to leave alone, as globs over constant names.", []),
  },
  run(module, ctx, options) {
    const chosen = ctx.analysis(weights, module).filter((weight) => weight.count >= options.min && !matchesAny(weight.name, options.keep));
    const candidates = candidatesOf(module, chosen, ctx, options.energy > 0);
    const shared = options.scope === "global" ? cutOf(candidates, options) : null;
    const editor = new ModuleEditor(module, ctx.registry);
    for (const candidate of candidates) {
      const cut = shared ?? cutOf([candidate], options);
      const row = prune(module, editor, candidate, options.energy > 0 ? capped(cut, candidate, options.cap) : cut);
      if (row) ctx.report(row);
      if (row?.numbers?.kept === 0)
        ctx.warn(`${candidate.weight.name}: every weight is removed; keep="${candidate.weight.name}" spares it`);
    }
    return editor.freeze();
  },
});

/** One per leaf: weights that share their values are pruned once. */
function candidatesOf(module: Module, chosen: readonly Weight[], ctx: PassContext, relative: boolean): readonly Candidate[] {
  const seen = new Set<string>();
  return chosen.flatMap((weight): readonly Candidate[] => {
    if (seen.has(weight.leaf)) return [];
    seen.add(weight.leaf);
    const leaf = module.constants.get(weight.leaf);
    const values = leafValues(module, weight.leaf);
    const expansions = usersOf(module, weight.leaf).filter((user) => user.op === "sparse.expand");
    const [expansion = null] = expansions;
    if (!leaf || !values) {
      ctx.warn(`${weight.name}: @${weight.leaf} is defined by ${definitionOf(module, weight.leaf)}: prune before that; left alone`);
      return [];
    }
    if (expansions.length > 1 || (expansion && formatOf(expansion, ctx) !== "mask")) {
      ctx.warn(`${weight.name}: @${weight.leaf} are stored values of another pattern or of several weights; left alone`);
      return [];
    }
    return [{ weight, leaf, values, expansion, unit: relative ? rootEnergy(values) : 1 }];
  });
}

/** 1 for nothing but zeros, NaN where a value is not finite. */
function rootEnergy(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value * value;
  return Number.isFinite(sum) ? Math.sqrt(sum) || 1 : Number.NaN;
}

function usersOf(module: Module, name: string): readonly DerivedConstant[] {
  return [...module.constants.values()].flatMap((c) => (c.kind === "derived" && c.operands.includes(name) ? [c] : []));
}

function formatOf(expansion: DerivedConstant, { registry }: PassContext): unknown {
  return registry.attrs(registry.require(expansion.op), expansion.attrs).format;
}

function cutOf(candidates: readonly Candidate[], { sparsity, energy }: { readonly sparsity: number; readonly energy: number }): Cut {
  const magnitudes = sortedMagnitudes(candidates);
  return cutAfter(magnitudes, energy > 0 ? countOfEnergy(magnitudes, energy) : countOfShare(candidates, sparsity));
}

function cutAfter(sorted: Float64Array, remove: number): Cut {
  if (remove <= 0) return { limit: 0, ties: 0 };
  const limit = sorted[remove - 1] as number;
  return { limit, ties: remove - sorted.indexOf(limit) };
}

/** So that the zeros make up `sparsity` of all elements, rounded down, structural zeros included. */
function countOfShare(candidates: readonly Candidate[], sparsity: number): number {
  const total = candidates.reduce((n, c) => n + c.weight.count, 0);
  const stored = candidates.reduce((n, c) => n + c.values.length, 0);
  // 0.29 * 100 is a little less than 29.
  return Math.floor(total * sparsity + 1e-6) - (total - stored);
}

/** The most of the smallest whose squares sum to at most `allowed`. */
function countOfEnergy(sorted: Float64Array, allowed: number): number {
  let sum = 0;
  for (let i = 0; i < sorted.length; i++) {
    sum += (sorted[i] as number) ** 2;
    // Not `sum > allowed`: what is not a number ends the search.
    if (!(sum <= allowed)) return i;
  }
  return sorted.length;
}

/** In units. What is not a number stands at the end. */
function sortedMagnitudes(candidates: readonly Candidate[]): Float64Array {
  const magnitudes = new Float64Array(candidates.reduce((n, c) => n + c.values.length, 0));
  let at = 0;
  for (const { values, unit } of candidates) for (const value of values) magnitudes[at++] = Math.abs(value) / unit;
  return magnitudes.sort();
}

/** The cut, or the one that leaves the weight its last 1 - `cap`. */
function capped(cut: Cut, candidate: Candidate, cap: number): Cut {
  const most = cutAfter(sortedMagnitudes([candidate]), countOfShare([candidate], cap));
  if (most.limit !== cut.limit) return most.limit < cut.limit ? most : cut;
  return most.ties < cut.ties ? most : cut;
}

/** 1 for each value that stays. */
function survivors({ values, unit }: Candidate, cut: Cut): Uint8Array {
  return Uint8Array.from(values, (value) => {
    const magnitude = Math.abs(value) / unit;
    return magnitude < cut.limit || (magnitude === cut.limit && cut.ties-- > 0) ? 0 : 1;
  });
}

function prune(module: Module, editor: ModuleEditor, candidate: Candidate, cut: Cut): ReportRow | null {
  const { weight, leaf, values, expansion, unit } = candidate;
  const stays = survivors(candidate, cut);
  const kept = values.filter((_, i) => stays[i] === 1);
  if (kept.length === values.length) return null;
  if (expansion) refine(module, editor, expansion, leaf, stays, kept);
  else mask(editor, leaf, stays, kept);
  const sparsity = 1 - kept.length / weight.count;
  return {
    subject: weight.name,
    note: `${(100 * sparsity).toFixed(1)} % of ${weight.count} weights are zero`,
    numbers: { sparsity, kept: kept.length, threshold: cut.limit * unit },
  };
}

/** Rewrites a dense constant as its surviving values and a mask of one bit an element. */
export function mask(editor: ModuleEditor, leaf: Constant, stays: Uint8Array, kept: Float32Array | Float64Array): void {
  const values = setVector(editor, editor.freshSymbol(`${leaf.name}.values`), leaf.type.dtype, kept, leaf);
  const bits = setVector(editor, editor.freshSymbol(`${leaf.name}.mask`), "u1", stays, leaf);
  redefineAs(editor, leaf, "sparse.expand", [values, bits], { shape: leaf.type.shape });
}

/** Clears the bits of values that go; the order of set bits is the order of the values. A mask that another weight uses too is left to it. */
function refine(
  module: Module,
  editor: ModuleEditor,
  expansion: DerivedConstant,
  leaf: Constant,
  stays: Uint8Array,
  kept: Float32Array | Float64Array,
): void {
  const old = module.constants.get(expansion.operands[1] ?? "") as Constant;
  const bits = decodeTensor("u1", [Number(elementCount(old.type))], constantBytes(module, old)).data as Uint8Array;
  let next = 0;
  for (let i = 0; i < bits.length; i++) if (bits[i] === 1) bits[i] = stays[next++] as number;
  const name = usersOf(module, old.name).length === 1 ? old.name : editor.freshSymbol(`${expansion.name}.mask`);
  setVector(editor, name, "u1", bits, old);
  setVector(editor, leaf.name, leaf.type.dtype, kept, leaf);
  if (name !== old.name) editor.setConstant({ ...expansion, operands: [leaf.name, name] });
}

function setVector(
  editor: ModuleEditor,
  name: string,
  dtype: DType,
  data: Uint8Array | Float32Array | Float64Array,
  origin: Constant,
): string {
  const bytes = encodeTensor(hostTensor(dtype, [data.length], data));
  editor.setConstant(dataConstant(name, tensorType(dtype, [data.length]), bytes, origin.loc));
  return name;
}
