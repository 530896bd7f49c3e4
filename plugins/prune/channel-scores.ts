/**
 * @file How much the network would miss each channel group. By weights: the norm of the filters that make the channel and of the slices that read it, each relative to the mean of its layer, so that
 * layers compare (DepGraph's group norm); or the distance to the other filters of the layer (He et al., "Filter Pruning via Geometric Median", 2019). By activations: the energy that the
 * channel brings into the layers that read it, `tr(W_S G_SS W_Sᵀ)` relative to the layer's own, the mean taken out where a bias can hold it; or what of that is left after least squares on the
 * other channels, `tr(W_S ((G^-1)_SS)^-1 W_Sᵀ)`, the block form of Optimal Brain Surgeon (Frantar and Alistarh, "Optimal Brain Compression", 2022).
 */
import {
  type CalibrationFindings,
  type ChannelGroup,
  type ChannelGroups,
  constantPlace,
  type Gram,
  type Layer,
  layerMatrix,
  type Place,
} from "../../compiler/index.ts";
import { evaluateConstant, isFloat, type Module, type OpRegistry, toNumbers } from "../../ir-spec/index.ts";
import { covariance, damped, inverse } from "./symmetric.ts";

export const measures = ["l1", "l2", "geometric-median", "activation", "reconstruction"] as const;
export type Measure = (typeof measures)[number];
export const needsData = (by: Measure): boolean => by === "activation" || by === "reconstruction";

/** One axis of a weight: channels are made by it or read by it. */
interface WeightAxis {
  readonly place: Place;
  readonly axis: number;
  readonly makes: boolean;
}

/** An axis of weights that a map ties to a result makes channels; one that is summed over reads them. */
function weightAxes(module: Module, { sites }: ChannelGroups): readonly WeightAxis[] {
  const found = new Map<string, WeightAxis>();
  for (const site of sites) {
    if ("constant" in site.at) continue;
    site.operands.forEach((place, operand) => {
      const constant = place?.startsWith("@") ? module.constants.get(place.slice(1)) : undefined;
      if (!place || !constant || !isFloat(constant.type.dtype) || constant.type.shape.length < 2) return;
      const role = site.def?.operands[Math.min(operand, site.def.operands.length - 1)]?.role;
      const made = (axis: number) => site.maps.some((map) => map.operand === operand && map.operandAxes.includes(axis));
      const axes = constant.type.shape.map((_, axis) => axis);
      if (role !== "weight" && (role !== "data" || axes.every(made))) return;
      for (const axis of axes) found.set(`${place} ${axis}`, { place, axis, makes: made(axis) });
    });
  }
  return [...found.values()];
}

/** One number a group; NaN where a weight is not finite. Groups without weights (of pure computation) are infinitely dear. */
export function weightScores(module: Module, registry: OpRegistry, channels: ChannelGroups, by: Measure): Float64Array {
  const axes = new Map(weightAxes(module, channels).map((axis) => [`${axis.place} ${axis.axis}`, axis]));
  const parts = new Map<string, { readonly group: number; readonly indices: readonly number[] }[]>();
  channels.groups.forEach(({ members }, group) => {
    for (const { place, axis, indices } of members) {
      const key = `${place} ${axis}`;
      const known = axes.get(key);
      if (!known || (by === "geometric-median" && !known.makes)) continue;
      parts.set(key, [...(parts.get(key) ?? []), { group, indices }]);
    }
  });
  const sums = channels.groups.map(() => ({ sum: 0, count: 0 }));
  for (const [key, list] of parts) {
    const { place, axis } = axes.get(key) as WeightAxis;
    const raw = slicesOf(
      module,
      registry,
      place,
      axis,
      list.map(({ indices }) => indices),
    );
    const scores = by === "geometric-median" ? distances(raw) : raw.map((slice) => norm(slice, by));
    const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
    list.forEach(({ group }, i) => {
      const entry = sums[group] as { sum: number; count: number };
      entry.sum += mean === 0 ? 0 : (scores[i] as number) / mean;
      entry.count++;
    });
  }
  return Float64Array.from(sums, ({ sum, count }) => (count === 0 ? Number.POSITIVE_INFINITY : sum / count));
}

function slicesOf(
  module: Module,
  registry: OpRegistry,
  place: Place,
  axis: number,
  lists: readonly (readonly number[])[],
): readonly Float64Array[] {
  const { shape, data } = evaluateConstant(module, registry, place.slice(1));
  const values = toNumbers({ dtype: "f64", shape, data });
  const inner = shape.slice(axis + 1).reduce((n, size) => n * size, 1);
  const size = shape[axis] as number;
  const outer = values.length / (inner * size);
  return lists.map((indices) => {
    const slice = new Float64Array(outer * indices.length * inner);
    let at = 0;
    for (let o = 0; o < outer; o++)
      for (const index of indices) for (let i = 0; i < inner; i++) slice[at++] = values[(o * size + index) * inner + i] as number;
    return slice;
  });
}

function norm(slice: Float64Array, by: Measure): number {
  let sum = 0;
  for (const value of slice) sum += by === "l1" ? Math.abs(value) : value * value;
  return by === "l1" ? sum : Math.sqrt(sum);
}

/** Sum of the distances to all others. */
function distances(slices: readonly Float64Array[]): readonly number[] {
  return slices.map((a) => slices.reduce((sum, b) => sum + (a.length === b.length ? distance(a, b) : 0), 0));
}

function distance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += ((a[i] as number) - (b[i] as number)) ** 2;
  return Math.sqrt(sum);
}

/** A layer that reads channels: its columns of channel c are `c * taps` and the following. */
export interface Reader {
  readonly layer: Layer;
  readonly place: Place;
  /** Axis of the constant whose indices are input channels. */
  readonly axis: number;
  readonly taps: number;
}

/** Layers with one group, in order: the others (depthwise) read each channel alone. */
export function readersOf(layers: readonly Layer[]): readonly Reader[] {
  return layers
    .filter(({ groups }) => groups === 1)
    .map((layer) => ({
      layer,
      place: constantPlace(layer.weight),
      axis: layer.transposed ? 0 : 1,
      taps: layer.kernel.reduce((n, size) => n * size, 1),
    }));
}

export const columnsOf = (indices: readonly number[], taps: number): readonly number[] =>
  indices.flatMap((index) => Array.from({ length: taps }, (_, tap) => index * taps + tap));

/** Scores by activations: sums over the layers that read a channel. Groups that no layer reads keep what `fallback` gives, in units of the mean. */
export function activationScores(
  module: Module,
  registry: OpRegistry,
  channels: ChannelGroups,
  readers: readonly Reader[],
  findings: CalibrationFindings,
  by: Measure,
  step: (done: number) => void,
): Float64Array {
  const scores = new Float64Array(channels.groups.length).fill(Number.NaN);
  readers.forEach((reader, i) => {
    const gram = findings.gram(reader.layer);
    if (gram) addReader(module, registry, channels, reader, gram, by, scores);
    step((i + 1) / readers.length);
  });
  return scores.map((score) => (Number.isNaN(score) ? Number.POSITIVE_INFINITY : score));
}

function addReader(
  module: Module,
  registry: OpRegistry,
  { groups }: ChannelGroups,
  { layer, place, axis, taps }: Reader,
  gram: Gram,
  by: Measure,
  scores: Float64Array,
): void {
  const size = layer.inputs;
  const moments = layer.bias === null ? gram.matrix : covariance(gram);
  const weight = layerMatrix(module, registry, layer);
  const total = energy(
    weight,
    layer.outputs,
    size,
    moments,
    Array.from({ length: size }, (_, i) => i),
  );
  const left = by === "reconstruction" ? inverse(damped(moments, size), size) : null;
  groups.forEach((group, number) => {
    const indices = readBy(group, place, axis);
    if (indices.length === 0) return;
    const columns = columnsOf(indices, taps);
    const block = left ? inverse(submatrix(left, size, columns), columns.length) : submatrix(moments, size, columns);
    const cost = blockEnergy(weight, layer.outputs, size, columns, block) / (total || 1);
    const old = scores[number] as number;
    scores[number] = (Number.isNaN(old) ? 0 : old) + cost;
  });
}

function readBy(group: ChannelGroup, place: Place, axis: number): readonly number[] {
  return group.members.find((member) => member.place === place && member.axis === axis)?.indices ?? [];
}

export function submatrix(matrix: Float64Array, size: number, columns: readonly number[]): Float64Array {
  const n = columns.length;
  const block = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j < n; j++) block[i * n + j] = matrix[(columns[i] as number) * size + (columns[j] as number)] as number;
  return block;
}

/** `tr(W_S M W_Sᵀ)` for the columns S of W and a matrix over them. */
function blockEnergy(weight: Float64Array, rows: number, size: number, columns: readonly number[], block: Float64Array): number {
  const n = columns.length;
  let sum = 0;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < n; i++) {
      const w = weight[row * size + (columns[i] as number)] as number;
      if (w === 0) continue;
      let product = 0;
      for (let j = 0; j < n; j++) product += (block[i * n + j] as number) * (weight[row * size + (columns[j] as number)] as number);
      sum += w * product;
    }
  }
  return sum;
}

function energy(weight: Float64Array, rows: number, size: number, moments: Float64Array, columns: readonly number[]): number {
  return blockEnergy(weight, rows, size, columns, moments);
}
