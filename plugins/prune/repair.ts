/**
 * @file Closed-form repair of the layers that read removed channels (ThiNet, Luo et al. 2017; He et al., "Channel Pruning for Accelerating Very Deep Neural Networks", 2017): least squares of the old output on
 * the channels that stay, `W' = W G[:,K] (G[K,K] + lambda I)^-1`, with covariances for G and the means put into the bias where the layer has one.
 */
import { type CalibrationFindings, type Layer, layerElements, layerMatrix } from "../../compiler/index.ts";
import {
  type Constant,
  dataConstant,
  encodeTensor,
  evaluateConstant,
  hostTensor,
  type Module,
  ModuleEditor,
  type OpRegistry,
  toNumbers,
} from "../../ir-spec/index.ts";
import { columnsOf, type Reader } from "./channel-scores.ts";
import type { Cut } from "./cut.ts";
import { cholesky, covariance, damped, solveRows } from "./symmetric.ts";

export interface Repaired {
  readonly layer: Layer;
  /** Share of the output's energy (of its variance, with a bias) that removal alone would lose, and that is lost after repair. */
  readonly before: number;
  readonly after: number;
}

/** Readers that lose columns and whose constants are theirs alone and plain data. */
export function repairable(module: Module, readers: readonly Reader[], cut: Cut): readonly Reader[] {
  return readers.filter(({ layer, place, axis }) => cut.count(place, axis) > 0 && isOwnData(module, layer.weight));
}

function isOwnData(module: Module, name: string | null): boolean {
  const constant = name === null ? undefined : module.constants.get(name);
  return constant?.kind === "data" && usesOf(module, name as string) === 1;
}

function usesOf(module: Module, name: string): number {
  let uses = 0;
  for (const func of module.functions.values()) for (const op of func.ops) for (const operand of op.operands) if (operand === name) uses++;
  for (const constant of module.constants.values())
    if (constant.kind === "derived") for (const operand of constant.operands) if (operand === name) uses++;
  return uses;
}

/** `module` is the one that the statistics are of, `pruned` the one without the cut's channels. */
export function repair(
  module: Module,
  pruned: Module,
  registry: OpRegistry,
  readers: readonly Reader[],
  cut: Cut,
  findings: CalibrationFindings,
  step: (done: number) => void,
): { readonly module: Module; readonly rows: readonly Repaired[] } {
  const editor = new ModuleEditor(pruned, registry);
  const rows = readers.flatMap((reader, i): readonly Repaired[] => {
    const row = repairLayer(module, editor, registry, reader, cut, findings);
    step((i + 1) / readers.length);
    return row ? [row] : [];
  });
  return { module: editor.freeze(), rows };
}

function repairLayer(
  module: Module,
  editor: ModuleEditor,
  registry: OpRegistry,
  { layer, place, axis, taps }: Reader,
  cut: Cut,
  findings: CalibrationFindings,
): Repaired | null {
  const gram = findings.gram(layer);
  if (!gram) return null;
  const size = layer.inputs;
  const withBias = isOwnData(module, layer.bias);
  const moments = withBias ? covariance(gram) : gram.matrix;
  const columns = columnsOf(cut.kept(place, axis, size / taps), taps);
  const outAxis = layer.transposed ? 1 : 0;
  const outs = cut.kept(place, outAxis, layer.outputs);
  const whole = layerMatrix(module, registry, layer);
  const weight = new Float64Array(outs.length * size);
  outs.forEach((out, row) => weight.set(whole.subarray(out * size, (out + 1) * size), row * size));
  const solved = leastSquares(weight, outs.length, size, moments, columns);
  const spread = spreadOver(solved, outs.length, size, columns);
  const plain = spreadOver(pick(weight, outs.length, size, columns), outs.length, size, columns);
  const total = lost(weight, new Float64Array(weight.length), outs.length, size, moments) || 1;
  const old = editor.constant(layer.weight) as Constant;
  const elements = layerElements(solved, { ...layer, outputs: outs.length, inputs: columns.length });
  editor.setConstant(withElements(old, elements));
  if (withBias) correctBias(module, editor, registry, layer, outs, weight, spread, gram.mean);
  return { layer, before: lost(weight, plain, outs.length, size, moments) / total, after: lost(weight, spread, outs.length, size, moments) / total };
}

/** `W M[:,K] (M[K,K] + lambda I)^-1`, `[rows, K]`. */
export function leastSquares(weight: Float64Array, rows: number, size: number, moments: Float64Array, columns: readonly number[]): Float64Array {
  const n = columns.length;
  const block = new Float64Array(n * n);
  const right = new Float64Array(rows * n);
  columns.forEach((from, i) => {
    columns.forEach((to, j) => {
      block[i * n + j] = moments[from * size + to] as number;
    });
  });
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < size; k++) {
      const w = weight[row * size + k] as number;
      if (w !== 0) for (let j = 0; j < n; j++) right[row * n + j] = (right[row * n + j] as number) + w * (moments[k * size + (columns[j] as number)] as number);
    }
  // The damping pulls towards the old weights, not towards zero: what the data says nothing of stays as it was.
  const heavy = damped(block, n);
  const added = (heavy[0] as number) - (block[0] as number);
  for (let row = 0; row < rows; row++)
    columns.forEach((column, j) => {
      right[row * n + j] = (right[row * n + j] as number) + added * (weight[row * size + column] as number);
    });
  solveRows(cholesky(heavy, n), n, right, rows);
  return right;
}

function pick(weight: Float64Array, rows: number, size: number, columns: readonly number[]): Float64Array {
  return Float64Array.from({ length: rows * columns.length }, (_, i) => weight[Math.floor(i / columns.length) * size + (columns[i % columns.length] as number)] as number);
}

/** Over all columns, zero where they are gone. */
function spreadOver(values: Float64Array, rows: number, size: number, columns: readonly number[]): Float64Array {
  const result = new Float64Array(rows * size);
  for (let row = 0; row < rows; row++)
    columns.forEach((column, j) => {
      result[row * size + column] = values[row * columns.length + j] as number;
    });
  return result;
}

/** `tr((A - B) M (A - B)ᵀ)` */
function lost(a: Float64Array, b: Float64Array, rows: number, size: number, moments: Float64Array): number {
  let sum = 0;
  const row = new Float64Array(size);
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < size; i++) row[i] = (a[r * size + i] as number) - (b[r * size + i] as number);
    for (let i = 0; i < size; i++) {
      const value = row[i] as number;
      if (value === 0) continue;
      let product = 0;
      for (let j = 0; j < size; j++) product += (moments[i * size + j] as number) * (row[j] as number);
      sum += value * product;
    }
  }
  return Math.max(0, sum);
}

/** So that the mean of every output stays: `b' = b + (W - W') E[x]`. */
function correctBias(
  module: Module,
  editor: ModuleEditor,
  registry: OpRegistry,
  layer: Layer,
  outs: readonly number[],
  weight: Float64Array,
  changed: Float64Array,
  mean: Float64Array,
): void {
  const name = layer.bias as string;
  const old = toNumbers(evaluateConstant(module, registry, name));
  const size = layer.inputs;
  const shifted = Float64Array.from(outs, (out, row) => {
    let sum = old[out] as number;
    for (let i = 0; i < size; i++) sum += ((weight[row * size + i] as number) - (changed[row * size + i] as number)) * (mean[i] as number);
    return sum;
  });
  editor.setConstant(withElements(editor.constant(name) as Constant, shifted));
}

function withElements(old: Constant, values: Float64Array): Constant {
  const { dtype, shape } = old.type;
  const tensor = hostTensor(dtype, shape.map(Number));
  for (let i = 0; i < values.length; i++) tensor.data[i] = values[i] as never;
  return { ...dataConstant(old.name, old.type, encodeTensor(tensor), old.loc), doc: old.doc };
}
