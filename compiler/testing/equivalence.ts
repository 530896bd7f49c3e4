/** @file Do two modules compute the same? Both run on the same seeded inputs; outputs are compared by name, dtype, shape and value. */
import type { Func, Module } from "../../ir-spec/core/graph.ts";
import type { HostTensor } from "../../ir-spec/core/tensor.ts";
import type { OpRegistry } from "../../ir-spec/ops/registry.ts";
import { interpreterExecutor } from "../interpret/executor.ts";
import type { Executor } from "../pass/pass.ts";
import { Random } from "../random/random.ts";
import { randomInputs } from "./random-inputs.ts";

export interface EquivalenceOptions {
  /** Default 0. */
  readonly seed?: number;
  /** Largest |a - b| / max(1, largest |a| of the output). Default 0: equal values. */
  readonly tolerance?: number;
  /** Different inputs tried. Default 3. */
  readonly runs?: number;
  /** Sizes of dim symbols. */
  readonly dims?: Readonly<Record<string, number>>;
  /** Instead of seeded ones. */
  readonly inputs?: Readonly<Record<string, HostTensor>>;
  /** Engines of the first and second module. Default: the interpreter for both. */
  readonly executors?: readonly [Executor, Executor];
}

export interface Equivalence {
  readonly ok: boolean;
  /** The first difference in words; null when there is none. */
  readonly difference: string | null;
  /** Largest error seen, as in `tolerance`. */
  readonly maxError: number;
}

/** @throws RangeError when a module has no `@main`, and what running throws. */
export async function checkEquivalent(a: Module, b: Module, registry: OpRegistry, options: EquivalenceOptions = {}): Promise<Equivalence> {
  const func = mainOf(a);
  const interpreter = interpreterExecutor(registry);
  const [first, second] = options.executors ?? [interpreter, interpreter];
  const random = new Random(options.seed ?? 0);
  const signature = differentInputs(func, mainOf(b));
  if (signature !== null) return { ok: false, difference: signature, maxError: Number.POSITIVE_INFINITY };
  let maxError = 0;
  for (let run = 0; run < (options.inputs ? 1 : (options.runs ?? 3)); run++) {
    const inputs = options.inputs ?? randomInputs(random, func, options.dims ? { dims: options.dims } : {});
    const [x, y] = [await first.run(a, inputs), await second.run(b, inputs)];
    const compared = compareOutputs(x.outputs, y.outputs, options.tolerance ?? 0);
    maxError = Math.max(maxError, compared.maxError);
    if (compared.difference !== null) return { ok: false, difference: `run ${run}: ${compared.difference}`, maxError };
  }
  return { ok: true, difference: null, maxError };
}

function mainOf(module: Module): Func {
  const main = module.functions.get("main");
  if (!main) throw new RangeError(`module @${module.name} has no function @main`);
  return main;
}

function differentInputs(a: Func, b: Func): string | null {
  const names = (func: Func) => func.params.map((id) => func.values[id]?.name ?? "").sort();
  const [x, y] = [names(a), names(b)];
  return x.length === y.length && x.every((name, i) => name === y[i]) ? null : `inputs (${x.join(", ")}) and (${y.join(", ")})`;
}

type Outputs = Readonly<Record<string, HostTensor>>;

interface Comparison {
  readonly difference: string | null;
  readonly maxError: number;
}

function compareOutputs(a: Outputs, b: Outputs, tolerance: number): Comparison {
  const [x, y] = [Object.keys(a).sort().join(", "), Object.keys(b).sort().join(", ")];
  if (x !== y) return { difference: `outputs (${x}) and (${y})`, maxError: Number.POSITIVE_INFINITY };
  let maxError = 0;
  for (const [name, tensor] of Object.entries(a)) {
    const other = b[name];
    if (!other) continue;
    const { difference, maxError: error } = compareTensors(tensor, other, tolerance);
    maxError = Math.max(maxError, error);
    if (difference !== null) return { difference: `output ${name}: ${difference}`, maxError };
  }
  return { difference: null, maxError };
}

/** Equal non-finite values are equal; any other pair with one has an infinite error. */
export function compareTensors(a: HostTensor, b: HostTensor, tolerance: number): Comparison {
  const describe = ({ dtype, shape }: HostTensor) => `${dtype} [${shape.join(", ")}]`;
  if (describe(a) !== describe(b)) return { difference: `${describe(a)} and ${describe(b)}`, maxError: Number.POSITIVE_INFINITY };
  let scale = 1;
  for (let i = 0; i < a.data.length; i++) if (Number.isFinite(Number(a.data[i]))) scale = Math.max(scale, Math.abs(Number(a.data[i])));
  let worst = -1;
  let maxError = 0;
  for (let i = 0; i < a.data.length; i++) {
    const error = elementError(a.data[i], b.data[i]) / scale;
    if (error > maxError) [worst, maxError] = [i, error];
  }
  if (maxError <= tolerance) return { difference: null, maxError };
  return {
    difference: `element ${worst} is ${a.data[worst]} and ${b.data[worst]}, relative error ${maxError} beyond ${tolerance}`,
    maxError,
  };
}

function elementError(a: number | bigint | undefined, b: number | bigint | undefined): number {
  if (a === b || Object.is(a, b)) return 0;
  const error = Math.abs(Number(a) - Number(b));
  // Two 64-bit integers beyond 2^53 may round to one double.
  return Number.isNaN(error) ? Number.POSITIVE_INFINITY : error === 0 && typeof a === "bigint" ? 1 : error;
}
