/** @file Weight sharing: values become indices into a small table (`codebook.lookup`), of a layer's own or of all layers, of numbers or of short vectors. Structural zeros stay outside the table. */

import {
  definePass,
  definitionOf,
  deriveConstant,
  leafValues,
  matchesAny,
  option,
  type PassContext,
  redefineAs,
  type Weight,
  weights,
} from "../../compiler/index.ts";
import {
  byteLengthOf,
  type Constant,
  type DType,
  dataConstant,
  encodeTensor,
  hostTensor,
  type Module,
  ModuleEditor,
  staticShape,
  tensorType,
} from "../../ir-spec/index.ts";
import { importances } from "./importance.ts";
import { kMeans, starts } from "./k-means.ts";
import { vectorKMeans } from "./vector-k-means.ts";

export const shareWeights = definePass({
  name: "share-weights",
  doc: "Clusters the weights of each layer by k-means and stores a table and one small code per weight.",
  stage: "compress",
  before: ["quantize"],
  options: {
    clusters: option.integer("Entries of the table.", 16, { min: 2, max: 256 }),
    start: option.oneOf(
      starts,
      "Where k-means begins; exact: at the best clusters there are. Vectors have a start of their own.",
      "linear",
    ),
    weighting: option.oneOf(
      ["none", "hessian"],
      "hessian: errors count by the mean square of the input that the weight multiplies.",
      "none",
    ),
    vector: option.integer("Weights that one code stands for, neighbours in memory. Layers that do not divide are left alone.", 1, {
      min: 1,
      max: 64,
    }),
    across: option.bool("One table for all layers.", false),
    samples: option.integer("Samples of calibration data, for `weighting=hessian`.", 256, { min: 1, max: 1024 }),
    min: option.integer("Layers with fewer weights are left alone.", 256, { min: 0 }),
    keep: option.names("Weights to leave alone, as globs over constant names.", []),
  },
  async run(module, ctx, options) {
    const editor = new ModuleEditor(module, ctx.registry);
    const candidates = candidatesOf(module, ctx, options);
    const importance = options.weighting === "hessian" ? await measured(module, ctx, candidates, options.samples) : new Map();
    const layers = candidates.map((candidate) => ({ ...candidate, importance: importance.get(candidate.leaf.name) ?? null }));
    const groups = options.across ? byDType(layers) : layers.map((layer) => [layer]);
    for (const [i, group] of groups.entries()) {
      ctx.signal?.throwIfAborted();
      ctx.progress(i / groups.length, group[0]?.weight.name ?? "");
      const table = clustered(group, options, ctx);
      if (isSmaller(group, table)) share(editor, ctx, group, table);
      else warnLarger(ctx, group, table);
    }
    return editor.freeze();
  },
});

interface Options {
  readonly clusters: number;
  readonly start: (typeof starts)[number];
  readonly vector: number;
  readonly min: number;
  readonly keep: readonly string[];
}

interface Candidate {
  readonly weight: Weight;
  readonly leaf: Constant;
  readonly values: Float32Array | Float64Array;
}

interface Layer extends Candidate {
  /** Of each value; null: 1. */
  readonly importance: Float64Array | null;
}

function candidatesOf(module: Module, ctx: PassContext, options: Options): readonly Candidate[] {
  const done = new Set<string>();
  const found: Candidate[] = [];
  for (const weight of ctx.analysis(weights, module)) {
    if (weight.count < options.min || matchesAny(weight.name, options.keep) || done.has(weight.leaf)) continue;
    done.add(weight.leaf);
    const values = leafValues(module, weight.leaf);
    const why = values
      ? reasonAgainst(values, options)
      : `@${weight.leaf} is defined by ${definitionOf(module, weight.leaf)}, not float data`;
    if (why !== null) ctx.warn(`${weight.name}: ${why}: left alone`);
    else if (values && values.length > 0) found.push({ weight, leaf: module.constants.get(weight.leaf) as Constant, values });
  }
  return found;
}

function reasonAgainst(values: Float32Array | Float64Array, { vector }: Options): string | null {
  if (!values.every(Number.isFinite)) return "it has NaN or infinite weights";
  return values.length % vector === 0 ? null : `its ${values.length} values do not divide into vectors of ${vector}`;
}

async function measured(module: Module, ctx: PassContext, candidates: readonly Candidate[], samples: number) {
  if (!ctx.calibration) ctx.warn("weighting=hessian takes second moments of inputs from data, and there is none: all weights count alike");
  const known = await importances(
    module,
    ctx,
    candidates.map(({ weight }) => weight),
    samples,
  );
  if (ctx.calibration)
    for (const { weight, leaf } of candidates)
      if (!known.has(leaf.name)) ctx.warn(`${weight.name}: the inputs that it multiplies are not known: its weights count alike`);
  return known;
}

/** One table holds one dtype. */
function byDType(layers: readonly Layer[]): readonly (readonly Layer[])[] {
  const groups = new Map<DType, Layer[]>();
  for (const layer of layers) groups.set(layer.leaf.type.dtype, [...(groups.get(layer.leaf.type.dtype) ?? []), layer]);
  return [...groups.values()];
}

interface Table {
  /** `[entries, width]`. */
  readonly values: Float64Array;
  readonly entries: number;
  readonly width: number;
  /** Of all layers, one after the other. */
  readonly codes: Uint8Array;
}

function clustered(group: readonly Layer[], { clusters, start, vector }: Options, ctx: PassContext): Table {
  const values = joined(group.map((layer) => layer.values));
  const weights = group.some(({ importance }) => importance)
    ? joined(group.map(({ importance, values: own }) => importance ?? new Float64Array(own.length).fill(1)))
    : null;
  if (vector === 1) {
    const { centroids, codes } = kMeans(values, clusters, { start, weights });
    return { values: centroids, entries: centroids.length, width: 1, codes };
  }
  const { table, codes } = vectorKMeans({ values: Float64Array.from(values), weights, width: vector }, clusters, ctx.random);
  return { values: table, entries: table.length / vector, width: vector, codes };
}

/** A single list is not copied. */
function joined(lists: readonly (Float32Array | Float64Array)[]): Float64Array {
  const [only] = lists;
  if (lists.length === 1 && only instanceof Float64Array) return only;
  const all = new Float64Array(lists.reduce((sum, list) => sum + list.length, 0));
  let at = 0;
  for (const list of lists) {
    all.set(list, at);
    at += list.length;
  }
  return all;
}

/** The narrowest unsigned dtype for codes below `clusters`. */
export function codeDType(clusters: number): DType {
  return clusters <= 2 ? "u1" : clusters <= 4 ? "u2" : clusters <= 16 ? "u4" : "u8";
}

function isSmaller(group: readonly Layer[], table: Table): boolean {
  const dtype = group[0]?.leaf.type.dtype as DType;
  const before = group.reduce((sum, { values }) => sum + byteLengthOf(dtype, values.length), 0);
  const codes = group.reduce((sum, { values }) => sum + byteLengthOf(codeDType(table.entries), values.length / table.width), 0);
  return byteLengthOf(dtype, table.values.length) + codes < before;
}

function warnLarger(ctx: PassContext, group: readonly Layer[], { entries }: Table): void {
  const [first] = group;
  const count = group.reduce((sum, { values }) => sum + values.length, 0);
  ctx.warn(`${first?.weight.name}: a table of ${entries} and its codes would be larger than the ${count} weights; left alone`);
}

function share(editor: ModuleEditor, ctx: PassContext, group: readonly Layer[], table: Table): void {
  const [first] = group;
  if (!first) return;
  const { dtype } = first.leaf.type;
  const tableShape = table.width === 1 ? [table.entries] : [table.entries, table.width];
  const tableName = editor.freshSymbol(group.length === 1 ? `${first.leaf.name}.table` : "shared.table");
  const tableBytes = encodeTensor(hostTensor(dtype, tableShape, dtype === "f64" ? table.values : Float32Array.from(table.values)));
  editor.setConstant(dataConstant(tableName, tensorType(dtype, tableShape), tableBytes, first.leaf.loc));
  let at = 0;
  for (const layer of group) {
    const count = layer.values.length / table.width;
    const codes = table.codes.subarray(at, at + count);
    at += count;
    redefine(editor, layer.leaf, tableName, table, codes);
    report(ctx, layer, table, codes);
  }
}

/** Codes have the shape of the weight, those of vectors are a list. */
function redefine(editor: ModuleEditor, leaf: Constant, tableName: string, table: Table, codes: Uint8Array): void {
  const shape = staticShape(leaf.type.shape) ?? [];
  const codesShape = table.width === 1 ? shape : [codes.length];
  const codesName = editor.freshSymbol(`${leaf.name}.codes`);
  const codeType = codeDType(table.entries);
  const bytes = encodeTensor(hostTensor(codeType, codesShape, codes));
  editor.setConstant(dataConstant(codesName, tensorType(codeType, codesShape), bytes, leaf.loc));
  if (table.width === 1) {
    redefineAs(editor, leaf, "codebook.lookup", [tableName, codesName]);
    return;
  }
  const vectors = deriveConstant(editor, `${leaf.name}.vectors`, "codebook.lookup", [tableName, codesName], {}, leaf.loc);
  redefineAs(editor, leaf, "shape.reshape", [vectors], { shape });
}

function report(ctx: PassContext, { weight, values, importance }: Layer, table: Table, codes: Uint8Array): void {
  const { entries, width } = table;
  let [error, weighted] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const code = codes[Math.floor(i / width)] as number;
    const square = ((values[i] as number) - (table.values[code * width + (i % width)] as number)) ** 2;
    error += square;
    weighted += square * (importance?.[i] ?? 1);
  }
  const note = `${values.length} weights in ${entries} clusters${width === 1 ? "" : ` of ${width}`}`;
  const numbers = { clusters: entries, mse: error / values.length, ...(importance ? { weightedMse: weighted / values.length } : {}) };
  ctx.report({ subject: weight.name, note, numbers });
}
