/** @file Seeded inputs for a function: sizes for its dim symbols that its requires admit, then values of the parameters' dtypes. */
import { type Dim, dimKey, dimSymbols, evaluateDim } from "../../ir-spec/core/dim.ts";
import { type DType, dtypeInfo, integerRange } from "../../ir-spec/core/dtype.ts";
import type { Func } from "../../ir-spec/core/graph.ts";
import { decodeTensor, encodeTensor, type HostTensor, hostTensor } from "../../ir-spec/core/tensor.ts";
import type { Random } from "../random/random.ts";

export interface InputOptions {
  /** Sizes of dim symbols; the others are drawn from 1 to 5. */
  readonly dims?: Readonly<Record<string, number>>;
}

/** @throws RangeError when no sizes were found that the requires admit: give `dims`. */
export function randomInputs(random: Random, func: Func, options: InputOptions = {}): Record<string, HostTensor> {
  const bindings = findBindings(random, func, options.dims ?? {});
  const inputs: Record<string, HostTensor> = {};
  for (const id of func.params) {
    const info = func.values[id];
    if (!info) continue;
    const shape = info.type.shape.map((dim) => evaluateDim(dim, bindings));
    inputs[info.name ?? ""] = randomTensor(random, info.type.dtype, shape);
  }
  return inputs;
}

const attempts = 200;

function findBindings(random: Random, func: Func, dims: Readonly<Record<string, number>>): ReadonlyMap<string, Dim> {
  const shapes = func.params.flatMap((id) => func.values[id]?.type.shape ?? []);
  const symbols = new Set<string>();
  for (const dim of shapes) dimSymbols(dim, symbols);
  for (let attempt = 0; attempt < attempts; attempt++) {
    const bindings = new Map<string, Dim>([...symbols].map((name) => [name, dims[name] ?? 1 + random.int(5)]));
    if (admits(func, shapes, bindings)) return bindings;
  }
  const wanted = func.requires.map(({ left, right }) => `${dimKey(left)} == ${dimKey(right)}`).join(", ");
  throw new RangeError(
    `@${func.name}: no sizes from 1 to 5 for ${[...symbols].join(", ")} satisfy ${wanted || "its parameters' dims"}; give dims`,
  );
}

/** Every size is natural and every require over the parameters' symbols holds. */
function admits(func: Func, shapes: readonly Dim[], bindings: ReadonlyMap<string, Dim>): boolean {
  const bound = (dim: Dim) => [...dimSymbols(dim)].every((name) => bindings.has(name));
  const holds = (left: Dim, right: Dim) => !bound(left) || !bound(right) || evaluateDim(left, bindings) === evaluateDim(right, bindings);
  return shapes.every((dim) => evaluateDim(dim, bindings) >= 0) && func.requires.every(({ left, right }) => holds(left, right));
}

/** Normal floats, integers from -9 to 9 as far as the dtype goes, either bool. */
export function randomTensor(random: Random, dtype: DType, shape: readonly number[]): HostTensor {
  const tensor = hostTensor(dtype, shape);
  const { data } = tensor;
  const { kind } = dtypeInfo(dtype);
  for (let i = 0; i < data.length; i++) {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(randomInteger(random, dtype));
    else data[i] = kind === "float" ? random.normal() : kind === "bool" ? random.int(2) : randomInteger(random, dtype);
  }
  // Through the bytes, so that f16 and bf16 hold values that they have.
  return decodeTensor(dtype, shape, encodeTensor(tensor));
}

function randomInteger(random: Random, dtype: DType): number {
  const { min, max } = integerRange(dtype);
  const low = min < -9n ? -9 : Number(min);
  const high = max > 9n ? 9 : Number(max);
  return low + random.int(high - low + 1);
}
