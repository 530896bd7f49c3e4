/** @file Networks and readings for the tests of compressing plugins. */
import { Random } from "../../compiler/random/random.ts";
import {
  constantBytes,
  dataConstant,
  decodeTensor,
  encodeTensor,
  evaluateConstant,
  hostTensor,
  type Module,
  toNumbers,
} from "../../ir-spec/index.ts";
import { readBody, registry } from "../passes/support.ts";

/** Two linear layers without bias: `@a` [16, 32] and `@b` [8, 16], `@b` ten times as small. */
export function twoLayers(seed = 1): Module {
  const module = readBody(`  func @main(%x: tensor<Nx32xf32>) -> (y: tensor<Nx8xf32>) {
    %h = nn.linear(%x, @a, _) {activation = relu}
    %y = nn.linear(%h, @b, _)
    return %y
  }
  const @a : tensor<16x32xf32> = splat 1.0
  const @b : tensor<8x16xf32> = splat 1.0`);
  const random = new Random(seed);
  const filled = withValues(
    module,
    "a",
    Float32Array.from({ length: 512 }, () => random.normal()),
  );
  return withValues(
    filled,
    "b",
    Float32Array.from({ length: 128 }, () => random.normal() / 10),
  );
}

/** One linear layer with the weight `@w` [out, in]. */
export function oneLayer(values: Float32Array, out: number): Module {
  const size = values.length / out;
  const module = readBody(`  func @main(%x: tensor<Nx${size}xf32>) -> (y: tensor<Nx${out}xf32>) {
    %y = nn.linear(%x, @w, _)
    return %y
  }
  const @w : tensor<${out}x${size}xf32> = splat 1.0`);
  return withValues(module, "w", values);
}

export function withValues(module: Module, name: string, values: Float32Array): Module {
  const constant = module.constants.get(name);
  if (!constant) throw new RangeError(`no constant @${name}`);
  const bytes = encodeTensor(hostTensor("f32", constant.type.shape.map(Number), values));
  return { ...module, constants: new Map([...module.constants, [name, dataConstant(name, constant.type, bytes)]]) };
}

/** What the definition gives. */
export function valuesOf(module: Module, name: string): number[] {
  return toNumbers(evaluateConstant(module, registry, name));
}

/** Elements of a data constant, codes as numbers, without any evaluation of ours. */
export function dataOf(module: Module, name: string): number[] {
  const constant = module.constants.get(name);
  if (constant?.kind !== "data") throw new RangeError(`@${name} is no data`);
  return toNumbers(decodeTensor(constant.type.dtype, constant.type.shape.map(Number), constantBytes(module, constant)));
}

export function dtypeOf(module: Module, name: string): string | undefined {
  return module.constants.get(name)?.type.dtype;
}

/** Names of the constants in the definition: what its op is applied to. */
export function partsOf(module: Module, name: string): readonly string[] {
  const constant = module.constants.get(name);
  return constant?.kind === "derived" ? constant.operands.filter((o) => o !== null) : [];
}

export const zeros = (values: readonly number[]) => values.filter((value) => value === 0).length;

export const normals = (count: number, seed = 1, scale = 1) => {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.normal() * scale);
};
