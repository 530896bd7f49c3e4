/** @file Weight sharing: each layer's values become indices into a small table (`codebook.lookup`). Structural zeros stay outside the table. */

import { definePass, definitionOf, leafValues, matchesAny, option, redefineAs, weights } from "../../compiler/index.ts";
import {
  byteLengthOf,
  type Constant,
  type DType,
  dataConstant,
  encodeTensor,
  hostTensor,
  ModuleEditor,
  staticShape,
  tensorType,
} from "../../ir-spec/index.ts";
import { type Clustering, kMeans } from "./k-means.ts";

export const shareWeights = definePass({
  name: "share-weights",
  doc: "Clusters the weights of each layer by k-means and stores a table and one small code per weight.",
  stage: "compress",
  before: ["quantize"],
  options: {
    clusters: option.integer("Entries of the table.", 16, { min: 2, max: 256 }),
    min: option.integer("Layers with fewer weights are left alone.", 256, { min: 0 }),
    keep: option.names("Weights to leave alone, as globs over constant names.", []),
  },
  run(module, ctx, options) {
    const editor = new ModuleEditor(module, ctx.registry);
    const done = new Set<string>();
    const all = ctx.analysis(weights, module);
    for (const [i, weight] of all.entries()) {
      ctx.progress(i / all.length, weight.name);
      if (weight.count < options.min || matchesAny(weight.name, options.keep) || done.has(weight.leaf)) continue;
      done.add(weight.leaf);
      const values = leafValues(module, weight.leaf);
      if (!values) {
        ctx.warn(`${weight.name}: @${weight.leaf} is defined by ${definitionOf(module, weight.leaf)}, not float data: left alone`);
        continue;
      }
      if (values.length === 0) continue;
      const clustering = kMeans(values, options.clusters);
      const leaf = module.constants.get(weight.leaf) as Constant;
      if (sharedBytes(leaf, values.length, clustering) >= byteLengthOf(leaf.type.dtype, values.length)) {
        ctx.warn(
          `${weight.name}: a table of ${clustering.centroids.length} and its codes would be larger than the ${values.length} weights; left alone`,
        );
        continue;
      }
      share(editor, leaf, clustering);
      const note = `${values.length} weights in ${clustering.centroids.length} clusters`;
      ctx.report({ subject: weight.name, note, numbers: { clusters: clustering.centroids.length, mse: clustering.error } });
    }
    return editor.freeze();
  },
});

/** The narrowest unsigned dtype for codes below `clusters`. */
export function codeDType(clusters: number): DType {
  return clusters <= 2 ? "u1" : clusters <= 4 ? "u2" : clusters <= 16 ? "u4" : "u8";
}

function sharedBytes(leaf: Constant, count: number, { centroids }: Clustering): number {
  return byteLengthOf(leaf.type.dtype, centroids.length) + byteLengthOf(codeDType(centroids.length), count);
}

function share(editor: ModuleEditor, leaf: Constant, { centroids, codes }: Clustering): void {
  const { dtype } = leaf.type;
  const shape = staticShape(leaf.type.shape) ?? [];
  const tableName = editor.freshSymbol(`${leaf.name}.table`);
  const table = dtype === "f64" ? centroids : Float32Array.from(centroids);
  const tableBytes = encodeTensor(hostTensor(dtype, [table.length], table));
  editor.setConstant(dataConstant(tableName, tensorType(dtype, [table.length]), tableBytes, leaf.loc));
  const codesName = editor.freshSymbol(`${leaf.name}.codes`);
  const codeType = codeDType(table.length);
  editor.setConstant(dataConstant(codesName, tensorType(codeType, shape), encodeTensor(hostTensor(codeType, shape, codes)), leaf.loc));
  redefineAs(editor, leaf, "codebook.lookup", [tableName, codesName]);
}
