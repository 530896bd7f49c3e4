/**
 * @file A weight's stored elements as the matrix of the layers that multiply by it, with the second moments of what they multiply. Movement and masks between the stored elements and the
 * layer are run over the elements' numbers, so that a pruned, transposed or reshaped weight is a matrix, too.
 */
import {
  type Constant,
  type DerivedConstant,
  evaluateConstant,
  evaluateOp,
  type HostTensor,
  hostTensor,
  type Module,
  type OpRegistry,
  staticShape,
} from "../../ir-spec/index.ts";
import { type Layer, layersOf } from "../analysis/layers.ts";
import { floatLeaf } from "../analysis/weights.ts";
import type { Gram } from "../calibrate/gram.ts";
import type { CalibrationFindings } from "../calibrate/service.ts";
import type { Moments } from "./rows.ts";

export interface LayerMatrix {
  readonly rows: number;
  readonly columns: number;
  /** Stored element of each place, row-major; -1 where the weight is 0 by its definition. */
  readonly places: Int32Array;
  /** One per group of rows. */
  readonly moments: readonly Moments[];
}

/** The definitions from the weight down to, not including, its leaf: innermost first. */
export function chainOf(module: Module, name: string, leaf: string): readonly DerivedConstant[] {
  const chain: DerivedConstant[] = [];
  for (let current = name; current !== leaf; ) {
    const constant = module.constants.get(current) as DerivedConstant;
    chain.unshift(constant);
    current = constant.operands[0] as string;
  }
  return chain;
}

/** Number of the stored element that each element of the weight shows, in the weight's order; -1: none. */
export function elementsOf(module: Module, registry: OpRegistry, name: string, leafName: string): Int32Array {
  const leaf = module.constants.get(leafName) as Constant;
  const shape = staticShape(leaf.type.shape) ?? [];
  const count = shape.reduce((n, size) => n * size, 1);
  const numbers = hostTensor(
    "i32",
    shape,
    Int32Array.from({ length: count }, (_, i) => i + 1),
  );
  const placed = chainOf(module, name, leafName).reduce((inner: HostTensor, { op, operands, attrs }) => {
    const others = operands.slice(1).map((operand) => (operand === null ? null : evaluateConstant(module, registry, operand)));
    return evaluateOp(registry, op, [inner, ...others], attrs)[0] as HostTensor;
  }, numbers);
  return Int32Array.from(placed.data as Int32Array, (number) => number - 1);
}

/** The layers whose weight's elements are stored in each leaf. */
export function layersByLeaf(module: Module): ReadonlyMap<string, readonly Layer[]> {
  const map = new Map<string, Layer[]>();
  for (const layer of layersOf(module)) {
    const leaf = floatLeaf(module, layer.weight);
    map.set(leaf, [...(map.get(leaf) ?? []), layer]);
  }
  return map;
}

/** Several layers that share a weight give the sum of their moments. null where they see it as different matrices, or where one has no Gram matrix. */
export function layerMatrixOf(
  module: Module,
  registry: OpRegistry,
  layers: readonly Layer[],
  findings: CalibrationFindings,
): LayerMatrix | null {
  const [first] = layers;
  if (!first) return null;
  const same = layers.every(
    ({ weight, outputs, inputs, groups, transposed }) =>
      weight === first.weight &&
      outputs === first.outputs &&
      inputs === first.inputs &&
      groups === first.groups &&
      transposed === first.transposed,
  );
  const grams = layers.map((layer) => findings.gram(layer));
  if (!same || grams.includes(null)) return null;
  const { outputs: rows, inputs: columns, groups } = first;
  const total = new Float64Array(groups * columns * columns);
  for (const gram of grams) {
    if (!gram) continue;
    shrunk(gram).forEach((value, i) => {
      total[i] = (total[i] as number) + value;
    });
  }
  if (total.some((value) => !Number.isFinite(value))) return null;
  const size = columns * columns;
  const moments = Array.from({ length: groups }, (_, g) => ({ size: columns, matrix: total.subarray(g * size, (g + 1) * size) }));
  const elements = elementsOf(module, registry, first.weight, floatLeaf(module, first.weight));
  const places = first.transposed
    ? Int32Array.from(elements, (_, i) => elements[(i % columns) * rows + Math.floor(i / columns)] as number)
    : elements;
  return { rows, columns, places, moments };
}

/**
 * The Gram matrix with its covariance drawn towards the diagonal by `columns / (columns + windows)`: of fewer windows than columns it would have directions that cost nothing, and methods
 * that fit codes to it would put their errors there, which other samples then show. The mean stays. Linear shrinkage after Ledoit and Wolf, 2004, with a fixed intensity.
 */
function shrunk({ size, groups, matrix, mean, windows }: Gram): Float64Array {
  const kept = windows / (windows + size);
  const result = Float64Array.from(matrix);
  for (let g = 0; g < groups; g++) {
    const [base, from] = [g * size * size, g * size];
    for (let i = 0; i < size; i++) {
      for (let j = 0; j < size; j++) {
        if (i === j) continue;
        const product = (mean[from + i] as number) * (mean[from + j] as number);
        const at = base + i * size + j;
        result[at] = product + kept * ((matrix[at] as number) - product);
      }
    }
  }
  return result;
}
