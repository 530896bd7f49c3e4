/** @file Whether a module is small enough to compile and run within a fuzzing case: values, constants and work, symbols taken as 2. */
import {
  hostBytes,
  isDimFault,
  type Module,
  mainFunction,
  type Operand,
  type OpRegistry,
  opCost,
  operandType,
  substituteDim,
  type TensorType,
  TersorError,
} from "../../ir-spec/index.ts";
import { small } from "./limits.ts";

export function isSmall(module: Module, registry: OpRegistry): boolean {
  const functions = [...module.functions.values()];
  if (!module.functions.has("main") || functions.reduce((sum, func) => sum + 1 + func.ops.length, module.constants.size) > small.ops)
    return false;
  try {
    return costOf(module, registry) <= small.work;
  } catch (error) {
    if (error instanceof TersorError || isDimFault(error)) return false;
    throw error;
  }
}

/** Infinite when something is large or has no size. */
function costOf(module: Module, registry: OpRegistry): number {
  const main = mainFunction(module);
  const bound = (type: TensorType): TensorType => ({
    ...type,
    shape: type.shape.map((dim) => substituteDim(dim, new Map(symbolsOf(type).map((symbol) => [symbol, 2])))),
  });
  let [work, bytes] = [0, 0];
  for (const constant of module.constants.values()) {
    bytes += hostBytes(constant.type);
    if (constant.kind !== "derived") continue;
    const types = constant.operands.map((operand) => (operand === null ? null : operandType(module, main, operand)));
    work += opCost(registry, constant.op, types, constant.attrs, [constant.type]).work;
  }
  for (const func of module.functions.values()) {
    const types = func.values.map(({ type }) => bound(type));
    bytes += types.reduce((sum, type) => sum + hostBytes(type), 0);
    const typeOf = (operand: Operand) =>
      operand === null ? null : typeof operand === "number" ? (types[operand] ?? null) : operandType(module, func, operand);
    if (bytes > small.bytes) return Number.POSITIVE_INFINITY;
    for (const op of func.ops) {
      const cost = opCost(
        registry,
        op.name,
        op.operands.map(typeOf),
        op.attrs,
        op.results.map((id) => types[id] as TensorType),
      );
      work += cost.work;
      if (cost.scratch > small.bytes * 4) return Number.POSITIVE_INFINITY;
    }
  }
  return bytes > small.bytes ? Number.POSITIVE_INFINITY : work;
}

const symbolsOf = (type: TensorType): readonly string[] =>
  type.shape.flatMap((dim) => (typeof dim === "number" ? [] : (dim.key.match(/[A-Z][A-Z0-9_]*/g) ?? [])));
