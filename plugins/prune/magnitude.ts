/**
 * @file Magnitude pruning of parameters (Han et al., "Learning both Weights and Connections", 2015): the smallest |w| become structural zeros.
 * The zeros are written as `sparse.expand {format = mask}` at once, so that no later pass revives them.
 */
import {
  type Constant,
  constantBytes,
  dataConstant,
  decodeTensor,
  type DerivedConstant,
  elementCount,
  encodeTensor,
  hostTensor,
  type Module,
  ModuleEditor,
  tensorType,
} from "../../ir-spec/index.ts";
import { definePass, leafValues, matchesAny, option, redefineAs, type ReportRow, type Weight, weights } from "../../compiler/index.ts";

interface Candidate {
  readonly weight: Weight;
  readonly values: Float32Array | Float64Array;
}

export const pruneMagnitude = definePass({
  name: "prune-magnitude",
  doc: "Removes the weights of smallest magnitude, per layer or over the whole network, as structural zeros.",
  stage: "compress",
  before: ["share-weights", "quantize"],
  options: {
    sparsity: option.number("Share of weights to remove.", 0.5, { min: 0, max: 0.999 }),
    scope: option.oneOf(["layer", "global"], "One threshold per layer, or one for all.", "layer"),
    min: option.integer("Layers with fewer weights are left alone.", 256, { min: 0 }),
    keep: option.names("Weights to leave alone, as globs over constant names.", []),
  },
  run(module, ctx, options) {
    const candidates = ctx.analysis(weights, module).flatMap((weight): readonly Candidate[] => {
      if (weight.count < options.min || matchesAny(weight.name, options.keep)) return [];
      const values = leafValues(module, weight.leaf);
      if (!values) {
        ctx.warn(`${weight.name} is shared or quantized already: prune before that; left alone`);
        return [];
      }
      return [{ weight, values }];
    });
    const shared = options.scope === "global" ? threshold(candidates, options.sparsity) : null;
    const editor = new ModuleEditor(module, ctx.registry);
    for (const candidate of candidates) {
      const limit = shared ?? threshold([candidate], options.sparsity);
      const row = prune(module, editor, candidate, limit);
      if (row) ctx.report(row);
    }
    return editor.freeze();
  },
});

/** Magnitude at or below which weights go, so that the zeros make up `sparsity` of all elements, existing zeros included. */
function threshold(candidates: readonly Candidate[], sparsity: number): number {
  const total = candidates.reduce((n, c) => n + c.weight.count, 0);
  const stored = candidates.reduce((n, c) => n + c.values.length, 0);
  const remove = Math.floor(total * sparsity) - (total - stored);
  if (remove <= 0) return 0;
  const magnitudes = new Float64Array(stored);
  let at = 0;
  for (const { values } of candidates) for (const value of values) magnitudes[at++] = Math.abs(value);
  magnitudes.sort();
  return magnitudes[Math.min(remove, stored) - 1] ?? 0;
}

function prune(module: Module, editor: ModuleEditor, { weight, values }: Candidate, limit: number): ReportRow | null {
  const kept = values.filter((value) => Math.abs(value) > limit);
  if (kept.length === values.length) return null;
  const leaf = module.constants.get(weight.leaf) as Constant;
  const owner = maskOwner(module, weight);
  if (owner) refineMask(module, editor, owner, values, limit);
  else maskLeaf(editor, leaf, values, limit);
  const valuesName = owner ? weight.leaf : `${weight.leaf}.values`;
  const data = encodeTensor(hostTensor(leaf.type.dtype, [kept.length], kept));
  const compact = dataConstant(valuesName, tensorType(leaf.type.dtype, [kept.length]), data, leaf.loc);
  editor.setConstant(compact);
  if (!owner) redefineAs(editor, leaf, "sparse.expand", [valuesName, `${leaf.name}.mask`], { shape: leaf.type.shape });
  const sparsity = 1 - kept.length / weight.count;
  return {
    subject: weight.name,
    note: `${(100 * sparsity).toFixed(1)} % of ${weight.count} weights are zero`,
    numbers: { sparsity, kept: kept.length, threshold: limit },
  };
}

/** The mask expansion directly above the leaf, when the weight was pruned before. */
function maskOwner(module: Module, weight: Weight): DerivedConstant | null {
  for (const constant of module.constants.values()) {
    if (constant.kind === "derived" && constant.op === "sparse.expand" && constant.operands[0] === weight.leaf) return constant;
  }
  return null;
}

function maskLeaf(editor: ModuleEditor, leaf: Constant, values: ArrayLike<number>, limit: number): void {
  const bits = Uint8Array.from(values, (value) => (Math.abs(value) > limit ? 1 : 0));
  setMask(editor, `${leaf.name}.mask`, bits, leaf);
}

/** Clears the bits of values that go; the order of set bits is the order of the values. */
function refineMask(module: Module, editor: ModuleEditor, owner: DerivedConstant, values: ArrayLike<number>, limit: number): void {
  const mask = module.constants.get(owner.operands[1] ?? "") as Constant;
  const bits = maskBits(module, mask);
  let next = 0;
  for (let i = 0; i < bits.length; i++) {
    if (bits[i] === 0) continue;
    if (Math.abs(values[next++] as number) <= limit) bits[i] = 0;
  }
  setMask(editor, mask.name, bits, mask);
}

function maskBits(module: Module, mask: Constant): Uint8Array {
  const count = elementCount(mask.type);
  return decodeTensor("u1", [Number(count)], constantBytes(module, mask)).data as Uint8Array;
}

function setMask(editor: ModuleEditor, name: string, bits: Uint8Array, origin: Constant): void {
  const packed = encodeTensor(hostTensor("u1", [bits.length], bits));
  editor.setConstant(dataConstant(name, tensorType("u1", [bits.length]), packed, origin.loc));
}
