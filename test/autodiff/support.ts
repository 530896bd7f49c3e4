/** @file Helpers of the differentiation and training tests: modules from text, runs of one function, numeric gradients. */
import * as assert from "uvu/assert";
import { interpret } from "../../compiler/interpret/interpret.ts";
import { readModule } from "../../compiler/text/index.ts";
import { writeLeaves } from "../../compiler/train/index.ts";
import { verifyModule } from "../../compiler/verify/verify.ts";
import {
  createCoreRegistry,
  evaluateConstant,
  type HostTensor,
  hostTensor,
  type Module,
  type OpDef,
  type OpRegistry,
  TersorError,
} from "../../ir-spec/index.ts";

export const registry = createCoreRegistry();

export const registryWith = (...ops: readonly OpDef[]): OpRegistry => createCoreRegistry([{ owner: "test", ops }]);

/** The body of a module `@m`, read and verified. */
export function moduleOf(body: string, ops = registry): Module {
  return readModule(`tersor 1.0\n\nmodule @m {\n${body}\n}\n`, { registry: ops });
}

export type Tensors = Readonly<Record<string, HostTensor>>;

/** Runs one function by its name. */
export function run(module: Module, inputs: Tensors, name = "main", ops = registry): Tensors {
  const func = module.functions.get(name);
  if (!func) throw new RangeError(`no function @${name}`);
  assert.equal(verifyModule(module, ops), []);
  const functions = new Map([["main", { ...func, name: "main" }]]);
  return interpret({ ...module, functions }, ops, inputs).outputs;
}

export const f64 = (shape: readonly number[], values: ArrayLike<number>): HostTensor => hostTensor("f64", shape, Float64Array.from(values));
export const f32 = (shape: readonly number[], values: ArrayLike<number>): HostTensor => hostTensor("f32", shape, Float32Array.from(values));
export const i32 = (shape: readonly number[], values: ArrayLike<number>): HostTensor => hostTensor("i32", shape, Int32Array.from(values));

export const constantValue = (module: Module, name: string): HostTensor => evaluateConstant(module, registry, name);

export function tensorOf(tensors: Tensors, name: string): HostTensor {
  const tensor = tensors[name];
  if (!tensor) throw new RangeError(`no tensor ${name}; there are ${Object.keys(tensors).join(", ")}`);
  return tensor;
}

/** Central differences of a scalar result with respect to every element of a constant. */
export function numericGradient(module: Module, leaf: string, inputs: Tensors, result = "loss", step = 1e-5): Float64Array {
  const value = constantValue(module, leaf);
  const at = (index: number, delta: number): number => {
    const moved = Float64Array.from(value.data as Float64Array);
    moved[index] = (moved[index] as number) + delta;
    const shifted = writeLeaves(module, registry, new Map([[leaf, f64(value.shape, moved)]]));
    return Number(tensorOf(interpret(shifted, registry, inputs).outputs, result).data[0]);
  };
  return Float64Array.from(value.data as Float64Array, (_, i) => (at(i, step) - at(i, -step)) / (2 * step));
}

export function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.is(actual.length, expected.length, `${what}: length`);
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i] as number, expected[i] as number];
    assert.ok(Math.abs(a - e) <= tolerance, `${what}[${i}]: ${a}, expected ${e}`);
  }
}

/** The one problem that `action` raises. */
export function problemOf(action: () => unknown): {
  readonly code: string;
  readonly message: string;
  readonly where: string;
  readonly hint: string;
} {
  try {
    action();
  } catch (error) {
    if (!(error instanceof TersorError)) throw error;
    const [problem] = error.problems;
    return { code: error.code, message: problem?.message ?? "", where: problem?.where ?? "", hint: problem?.hint ?? "" };
  }
  throw new Error("no error was raised");
}
