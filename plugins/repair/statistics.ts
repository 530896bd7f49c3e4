/**
 * @file Mean and deviation of each output channel of a layer before its activation, from the Gram matrix of what it multiplies: `E[y] = w E[x] + b`, `Var[y] = w G w' - (w E[x])^2`. The
 * float module's are kept in the module's `meta`, where text shows them and compiled files leave them out.
 */
import { type Gram, type Layer, layerMatrix, layersOf } from "../../compiler/index.ts";
import { type AttrDict, attr, evaluateConstant, type Module, type OpRegistry, toNumbers } from "../../ir-spec/index.ts";

export interface OutputStatistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

export function outputStatistics(module: Module, registry: OpRegistry, layer: Layer, gram: Gram): OutputStatistics {
  const { outputs, inputs: size, groups } = layer;
  const weights = layerMatrix(module, registry, layer);
  const bias = layer.bias === null ? [] : toNumbers(evaluateConstant(module, registry, layer.bias));
  const [mean, deviation]: [number[], number[]] = [[], []];
  for (let o = 0; o < outputs; o++) {
    const group = Math.floor((o * groups) / outputs);
    const row = weights.subarray(o * size, (o + 1) * size);
    const average = dot(row, gram.mean.subarray(group * size, (group + 1) * size));
    const square = quadratic(row, gram.matrix.subarray(group * size * size, (group + 1) * size * size));
    mean.push(average + (bias[o] ?? 0));
    deviation.push(Math.sqrt(Math.max(0, square - average * average)));
  }
  return { mean, deviation };
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function quadratic(row: Float64Array, matrix: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < row.length; i++)
    if (row[i] !== 0) sum += (row[i] as number) * dot(row, matrix.subarray(i * row.length, (i + 1) * row.length));
  return sum;
}

/** Layers by the name under which they are remembered: their weight's, numbered where several layers have it. */
export function namedLayers(module: Module): ReadonlyMap<string, Layer> {
  const named = new Map<string, Layer>();
  for (const layer of layersOf(module)) {
    let name = layer.weight;
    for (let i = 2; named.has(name); i++) name = `${layer.weight}#${i}`;
    named.set(name, layer);
  }
  return named;
}

const key = "statistics";

export function remembered(module: Module): ReadonlyMap<string, OutputStatistics> | null {
  const kept = module.meta?.get(key);
  if (kept?.kind !== "dict") return null;
  return new Map(
    [...kept.value].flatMap(([name, entry]) => {
      const read = (what: string): readonly number[] => {
        const list = entry.kind === "dict" ? entry.value.get(what) : undefined;
        return list?.kind === "list" ? list.value.map((item) => (item.kind === "float" ? item.value : Number.NaN)) : [];
      };
      return [[name, { mean: read("mean"), deviation: read("deviation") }] as const];
    }),
  );
}

/** `meta` with the statistics, or without any for null. */
export function withStatistics(meta: AttrDict | null, statistics: ReadonlyMap<string, OutputStatistics> | null): AttrDict | null {
  const next = new Map(meta ?? []);
  next.delete(key);
  if (statistics) {
    const floats = (values: readonly number[]) => attr.list(values.map((value) => attr.float(value)));
    const entries = [...statistics].map(([name, { mean, deviation }]) => {
      return [name, attr.dict({ mean: floats(mean), deviation: floats(deviation) })] as const;
    });
    next.set(key, attr.dict(Object.fromEntries(entries)));
  }
  return next.size === 0 ? null : next;
}
