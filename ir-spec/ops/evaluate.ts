/** @file Evaluates one op, or a constant with its definition, by the ops' reference functions. Shared by the interpreter and the reference backend. */
import type { AttrDict } from "../core/attr.ts";
import type { Constant } from "../core/constant.ts";
import { dtypeInfo } from "../core/dtype.ts";
import type { Module } from "../core/graph.ts";
import { TersorError } from "../core/problem.ts";
import { decodeTensor, encodeTensor, type HostTensor } from "../core/tensor.ts";
import { staticShape, type TensorType, tensorType } from "../core/type.ts";
import { opCost, type WorkBudget } from "./budget.ts";
import type { CallFunction, OpDef } from "./define.ts";
import { inferOp } from "./infer.ts";
import type { OpRegistry } from "./registry.ts";

/** Result tensors of the op on these inputs; result types follow from the inputs' actual shapes. @throws TersorError E0520 when the budget does not cover them */
export function evaluateOp(
  registry: OpRegistry,
  name: string,
  inputs: readonly (HostTensor | null)[],
  stored: AttrDict,
  declared: readonly TensorType[] | null = null,
  budget: WorkBudget | null = null,
  call: CallFunction | null = null,
): readonly HostTensor[] {
  const def = registry.require(name);
  if (def.execute) return executeOp(def, registry.attrs(def, stored), inputs, declared, budget, call);
  const types = inputs.map((t) => (t ? tensorType(t.dtype, t.shape) : null));
  const known = (i: number) => {
    const t = inputs[i];
    return t && (t.dtype === "i64" || t.dtype === "i32") && t.data.length <= 64
      ? Array.from(t.data as ArrayLike<number | bigint>, Number)
      : null;
  };
  const inferred = inferOp(registry, def, { types, attrs: stored, known, declared });
  const outputs = inferred.types.map((type) => {
    const shape = staticShape(type.shape);
    if (!shape) throw new TersorError({ code: "E0501", message: `${name}: a result has no static shape at run time` });
    return { dtype: type.dtype, shape };
  });
  budget?.charge(name, opCost(registry, name, types, stored, outputs).work);
  const input = (i: number): HostTensor => {
    const t = inputs[i];
    if (!t) throw new TersorError({ code: "E0304", message: `${name}: operand ${i} is absent`, operand: i });
    return t;
  };
  return def.reference({ inputs, attrs: registry.attrs(def, stored), outputs, input });
}

/** The op's `execute`; sizes that are declared already must be those that come out. */
function executeOp(
  def: OpDef,
  attrs: Readonly<Record<string, unknown>>,
  inputs: readonly (HostTensor | null)[],
  declared: readonly TensorType[] | null,
  budget: WorkBudget | null,
  call: CallFunction | null,
): readonly HostTensor[] {
  const types = inputs.map((t) => (t ? tensorType(t.dtype, t.shape) : null));
  const { elementOps = 0 } = def.work({ types, attrs, outputs: [] });
  budget?.charge(def.name, typeof elementOps === "number" ? elementOps : 0);
  const noFunctions = () => {
    throw new TersorError({ code: "E0506", message: `${def.name} calls functions of its module: it runs only where they are at hand` });
  };
  const results = def.execute?.({ inputs, attrs, declared, call: call ?? noFunctions }) ?? [];
  results.forEach(({ shape }, i) => {
    const axis = declared?.[i]?.shape.findIndex((dim, k) => typeof dim === "number" && dim !== shape[k]) ?? -1;
    if (axis < 0) return;
    const wanted = `axis ${axis} of result ${i} has size ${shape[axis]}, its type says ${declared?.[i]?.shape[axis]}`;
    throw new TersorError({ code: "E0508", message: `${def.name}: ${wanted}` });
  });
  return results;
}

/** The bytes of a data constant. @throws TersorError E0502 when they are elided or their resource was not provided. */
export function constantBytes(module: Module, constant: Constant): Uint8Array {
  if (constant.kind !== "data") throw new TersorError({ code: "E0502", message: `constant @${constant.name} is derived: evaluate it` });
  const { storage } = constant;
  switch (storage.kind) {
    case "bytes":
      return storage.bytes;
    case "splat":
      return splatBytes(constant.type, storage.element);
    case "resource": {
      const bytes = module.resources.get(storage.resource)?.bytes;
      if (!bytes)
        throw new TersorError({ code: "E0502", message: `constant @${constant.name}: resource @${storage.resource} was not provided` });
      return bytes.subarray(storage.offset, storage.offset + storage.length);
    }
    case "random":
      return randomBytes(constant.type, storage.seed);
    case "elided":
      throw new TersorError({ code: "E0502", message: `constant @${constant.name}: its bytes were left out (elided), it cannot run` });
  }
}

/** The constant's value, its definition evaluated. `cache` keeps shared definitions. */
export function evaluateConstant(
  module: Module,
  registry: OpRegistry,
  name: string,
  cache: Map<string, HostTensor> = new Map(),
  budget: WorkBudget | null = null,
): HostTensor {
  const cached = cache.get(name);
  if (cached) return cached;
  const constant = module.constants.get(name);
  if (!constant) throw new TersorError({ code: "E0204", message: `no constant @${name}` });
  const value = constant.kind === "data" ? decodeConstant(module, constant) : evaluateDerived(module, registry, constant, cache, budget);
  cache.set(name, value);
  return value;
}

function evaluateDerived(
  module: Module,
  registry: OpRegistry,
  constant: Constant & { readonly kind: "derived" },
  cache: Map<string, HostTensor>,
  budget: WorkBudget | null,
): HostTensor {
  const inputs = constant.operands.map((operand) => (operand === null ? null : evaluateConstant(module, registry, operand, cache, budget)));
  const [value] = evaluateOp(registry, constant.op, inputs, constant.attrs, [constant.type], budget);
  if (!value) throw new TersorError({ code: "E0304", message: `${constant.op} has no result to define @${constant.name}` });
  return value;
}

function decodeConstant(module: Module, constant: Constant): HostTensor {
  const shape = staticShape(constant.type.shape);
  if (!shape) throw new TersorError({ code: "E0207", message: `constant @${constant.name} has a symbolic shape` });
  return decodeTensor(constant.type.dtype, shape, constantBytes(module, constant));
}

function splatBytes(type: TensorType, element: Uint8Array): Uint8Array {
  const shape = staticShape(type.shape) ?? [];
  const count = shape.reduce((n, d) => n * d, 1);
  if (dtypeInfo(type.dtype).bits >= 8) {
    const bytes = new Uint8Array(count * element.length);
    for (let i = 0; i < bytes.length; i++) bytes[i] = element[i % element.length] as number;
    return bytes;
  }
  return splatSubByte(dtypeInfo(type.dtype).bits, count, element[0] ?? 0);
}

function splatSubByte(bits: number, count: number, low: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((count * bits) / 8));
  for (let i = 0; i < count; i++) {
    const at = (i * bits) >> 3;
    bytes[at] = (bytes[at] as number) | ((low & ((1 << bits) - 1)) << ((i * bits) & 7));
  }
  return bytes;
}

/** Reproducible bytes: small positive and negative values for floats, any bits for integers (splitmix32). */
function randomBytes(type: TensorType, seed: number | bigint): Uint8Array {
  const shape = staticShape(type.shape) ?? [];
  const count = shape.reduce((n, d) => n * d, 1);
  let state = Number(BigInt.asUintN(32, BigInt(seed)));
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  };
  return fillRandom(type, count, next);
}

function fillRandom(type: TensorType, count: number, next: () => number): Uint8Array {
  const { kind, bits: width } = dtypeInfo(type.dtype);
  if (kind !== "float") {
    const bytes = new Uint8Array(Math.ceil((count * width) / 8));
    for (let i = 0; i < bytes.length; i++) bytes[i] = type.dtype === "bool" ? next() & 1 : next() & 255;
    const spare = bytes.length * 8 - count * width;
    if (spare > 0) bytes[bytes.length - 1] = (bytes[bytes.length - 1] as number) & (255 >> spare);
    return bytes;
  }
  const values = Float64Array.from({ length: count }, () => (next() / 2 ** 32 - 0.5) / 4);
  return encodeFloats(type, values);
}

function encodeFloats(type: TensorType, values: Float64Array): Uint8Array {
  const data = type.dtype === "f64" ? values : Float32Array.from(values);
  return encodeTensor({ dtype: type.dtype, shape: [data.length], data });
}
