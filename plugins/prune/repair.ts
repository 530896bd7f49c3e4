/**
 * @file Closed-form repair of the layers that read removed channels (ThiNet, Luo et al. 2017; He et al., "Channel Pruning for Accelerating Very Deep Neural Networks", 2017): least squares of the old output on
 * the channels that stay, `W' = W G[:,K] (G[K,K] + lambda I)^-1`, with covariances for G and the means put into the bias where the layer has one. In order, the new inputs are those of the
 * network as it is by then (He et al., section 3.2), so that a layer takes back what the layers before it lost.
 */
import {
  type CalibrationFindings,
  type CalibrationService,
  constantPlace,
  type Gram,
  type Layer,
  layerElements,
  layerMatrix,
} from "../../compiler/index.ts";
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
import { joinModules } from "./joint.ts";
import { cholesky, damped, solveRows } from "./symmetric.ts";

export interface Repaired {
  readonly layer: Layer;
  /** Share of the output's energy (of its variance, with a bias) that removal alone would lose, and that is lost after repair. */
  readonly before: number;
  readonly after: number;
}

/** Layers whose constants are theirs alone and plain data. */
export function repairable(module: Module, readers: readonly Reader[]): readonly Reader[] {
  return readers.filter(({ layer }) => isOwnData(module, layer.weight));
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

/** Moments of what a layer read (`x`) and of what it reads now (`z`), between them, and their means. Centred where the layer has a bias. */
interface Moments {
  /** null where nobody asks what is lost. */
  readonly xx: Float64Array | null;
  readonly xz: Float64Array;
  readonly zz: Float64Array;
  readonly x: Float64Array;
  readonly z: Float64Array;
  readonly windows: number;
}

/** Share of the mean moment that holds a fit to the weights it started from: more where few windows were seen for the columns, as behind a flatten, where a sample is one window. */
const ridge = (columns: number, windows: number): number => 1e-3 + 0.5 * (columns / Math.max(1, windows));

export interface RepairContext {
  readonly registry: OpRegistry;
  readonly calibration: CalibrationService;
  readonly samples: number;
  /** The module before, and what of it is cut. */
  readonly module: Module;
  readonly cut: Cut;
  /** Whether to find out what each layer loses, which costs as much as the fit. */
  readonly measure: boolean;
}

/**
 * In parallel: every layer that lost columns, as if the columns that stay were as they were. One collection for all of them.
 * @param findings has the Gram matrices of the readers' layers in `ctx.module`
 */
export function repairAtOnce(ctx: RepairContext, pruned: Module, readers: readonly Reader[], findings: CalibrationFindings): Fitted {
  const editor = new ModuleEditor(pruned, ctx.registry);
  const rows = readers.flatMap((reader): readonly Repaired[] => {
    const { layer, place, axis, taps } = reader;
    const gram = findings.gram(layer);
    if (!gram || ctx.cut.count(place, axis) === 0) return [];
    const all = Array.from({ length: layer.inputs }, (_, i) => i);
    const columns = columnsOf(ctx.cut.kept(place, axis, layer.inputs / taps), taps);
    return [fit(ctx, editor, reader, momentsOf(ctx, layer, gram, all, columns))];
  });
  return { module: editor.freeze(), rows };
}

/**
 * One after the other: each layer is fitted to its old output on what it reads now, behind all that was fitted before it, so that errors do not add up. One run of both modules for every layer.
 */
export async function repairInOrder(
  ctx: RepairContext,
  pruned: Module,
  readers: readonly Reader[],
  step: (done: number) => void,
): Promise<Fitted> {
  let current = pruned;
  const rows: Repaired[] = [];
  for (const [i, reader] of readers.entries()) {
    const { layer } = reader;
    const joint = joinModules(ctx.registry, ctx.module, current, layer);
    const gram = (await ctx.calibration.collect(joint.module, { grams: [joint.layer] }, { samples: ctx.samples })).gram(joint.layer);
    step((i + 1) / readers.length);
    if (!gram) continue;
    const numbers = Array.from({ length: gram.size }, (_, k) => k);
    const moments = momentsOf(ctx, layer, gram, numbers.slice(0, layer.inputs), numbers.slice(layer.inputs));
    const editor = new ModuleEditor(current, ctx.registry);
    const row = fit(ctx, editor, reader, moments);
    current = editor.freeze();
    rows.push(row);
  }
  return { module: current, rows };
}

export interface Fitted {
  readonly module: Module;
  readonly rows: readonly Repaired[];
}

function momentsOf({ module, measure }: RepairContext, layer: Layer, gram: Gram, x: readonly number[], z: readonly number[]): Moments {
  const centred = isOwnData(module, layer.bias);
  const { size, mean } = gram;
  const block = (rows: readonly number[], columns: readonly number[]) =>
    Float64Array.from({ length: rows.length * columns.length }, (_, i) => {
      const [a, b] = [rows[Math.floor(i / columns.length)] as number, columns[i % columns.length] as number];
      return (gram.matrix[a * size + b] as number) - (centred ? (mean[a] as number) * (mean[b] as number) : 0);
    });
  const means = (list: readonly number[]) => Float64Array.from(list, (i) => mean[i] as number);
  return { xx: measure ? block(x, x) : null, xz: block(x, z), zz: block(z, z), x: means(x), z: means(z), windows: gram.windows };
}

/** Writes the layer's weight and bias anew. */
function fit({ module, registry, cut }: RepairContext, editor: ModuleEditor, { layer }: Reader, moments: Moments): Repaired {
  const [size, n] = [layer.inputs, moments.z.length];
  const outs = cut.kept(constantPlace(layer.weight), layer.transposed ? 1 : 0, layer.outputs);
  const whole = layerMatrix(module, registry, layer);
  const weight = new Float64Array(outs.length * size);
  outs.forEach((out, row) => void weight.set(whole.subarray(out * size, (out + 1) * size), row * size));
  const view = { ...layer, outputs: outs.length, inputs: n };
  const before = layerMatrix(editor.freeze(), registry, view);
  const after = leastSquares(
    multiply(weight, outs.length, size, moments.xz, n),
    outs.length,
    n,
    moments.zz,
    before,
    ridge(n, moments.windows),
  );
  editor.setConstant(withElements(editor.constant(layer.weight) as Constant, layerElements(after, view)));
  if (isOwnData(module, layer.bias)) {
    const old = toNumbers(evaluateConstant(module, registry, layer.bias as string));
    const shift = (row: number) => dot(weight, row * size, moments.x) - dot(after, row * n, moments.z);
    const bias = Float64Array.from(outs, (out, row) => (old[out] as number) + shift(row));
    editor.setConstant(withElements(editor.constant(layer.bias as string) as Constant, bias));
  }
  if (!moments.xx) return { layer, before: Number.NaN, after: Number.NaN };
  const total = energy(weight, outs.length, size, moments.xx);
  const lost = (fitted: Float64Array) =>
    share(total, energy(fitted, outs.length, n, moments.zz), inner(weight, fitted, outs.length, size, n, moments.xz));
  return { layer, before: lost(before), after: lost(after) };
}

/** `E|Wx - Vz|^2 / E|Wx|^2` */
const share = (xx: number, zz: number, xz: number): number => Math.max(0, xx + zz - 2 * xz) / (xx || 1);

/**
 * `V = (T + lambda P) (M + lambda I)^-1` for targets `T = E[(Wx) zᵀ]`: what the data says nothing of stays as it was in P, instead of going to zero.
 * @param target `[rows, n]`
 * @param prior `[rows, n]`
 */
export function leastSquares(
  target: Float64Array,
  rows: number,
  n: number,
  moments: Float64Array,
  prior: Float64Array,
  damping: number,
): Float64Array {
  const heavy = damped(moments, n, damping);
  const added = n === 0 ? 0 : (heavy[0] as number) - (moments[0] as number);
  const result = target.map((value, i) => value + added * (prior[i] as number));
  solveRows(cholesky(heavy, n), n, result, rows);
  return result;
}

/** `[rows, inner] [inner, n]` */
export function multiply(a: Float64Array, rows: number, inside: number, b: Float64Array, n: number): Float64Array {
  const result = new Float64Array(rows * n);
  for (let row = 0; row < rows; row++)
    for (let k = 0; k < inside; k++) {
      const w = a[row * inside + k] as number;
      if (w !== 0) for (let j = 0; j < n; j++) result[row * n + j] = (result[row * n + j] as number) + w * (b[k * n + j] as number);
    }
  return result;
}

function dot(a: Float64Array, from: number, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += (a[from + i] as number) * (b[i] as number);
  return sum;
}

/** `tr(A M Bᵀ)` */
function inner(a: Float64Array, b: Float64Array, rows: number, size: number, n: number, moments: Float64Array): number {
  const product = multiply(a, rows, size, moments, n);
  let sum = 0;
  for (let i = 0; i < product.length; i++) sum += (product[i] as number) * (b[i] as number);
  return sum;
}

const energy = (a: Float64Array, rows: number, size: number, moments: Float64Array): number => inner(a, a, rows, size, size, moments);

function withElements(old: Constant, values: Float64Array): Constant {
  const { dtype, shape } = old.type;
  const tensor = hostTensor(dtype, shape.map(Number));
  for (let i = 0; i < values.length; i++) tensor.data[i] = values[i] as never;
  return { ...dataConstant(old.name, old.type, encodeTensor(tensor), old.loc), doc: old.doc };
}
