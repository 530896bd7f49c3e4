/** @file Which constants a training run changes when nobody says: float data that an op takes as weight or bias, through any definition. */
import { type Func, isFloat, type Module, type OpDef, type OperandRole, type OpRegistry } from "../../ir-spec/index.ts";

const trained: ReadonlySet<OperandRole> = new Set(["weight", "bias"]);
/** Inside a definition everything but scales, indices and state stands for the weight itself: a table, values, a latent. */
const fixed: ReadonlySet<OperandRole> = new Set(["scale", "index", "state"]);

/** Names in order of first mention. */
export function trainableLeaves(module: Module, registry: OpRegistry, func: Func): readonly string[] {
  const leaves = new Set<string>();
  for (const op of func.ops) {
    const def = registry.require(op.name);
    op.operands.forEach((operand, i) => {
      if (typeof operand === "string" && trained.has(roleOf(def, i))) collect(module, registry, operand, leaves);
    });
  }
  return [...leaves];
}

function collect(module: Module, registry: OpRegistry, name: string, leaves: Set<string>): void {
  const constant = module.constants.get(name);
  if (!constant || !isFloat(constant.type.dtype)) return;
  if (constant.kind === "data") {
    leaves.add(name);
    return;
  }
  const def = registry.require(constant.op);
  constant.operands.forEach((operand, i) => {
    if (operand !== null && !fixed.has(roleOf(def, i))) collect(module, registry, operand, leaves);
  });
}

export function roleOf(def: OpDef, operand: number): OperandRole {
  return def.operands[Math.min(operand, def.operands.length - 1)]?.role ?? "data";
}
